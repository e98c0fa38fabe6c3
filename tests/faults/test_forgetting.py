"""What nobody needs any more leaves each changelog: a tombstone stands on it, and what is needed
stays."""

from __future__ import annotations

from pathlib import Path

from models import topics
from models.policy import DAY_MS
from streams import conversations
from streams.call_sessions import session as call_sessions
from streams.call_sessions.session import CallSession, Party
from streams.common.clock import now_ms
from streams.conversations import Conversation
from streams.kafka.partitioner import partition_of
from streams.screening import recent_calls
from streams.screening.recent_calls import RecentCall, RecentCalls
from streams.settings import KafkaSettings
from streams.sink import claims
from streams.sink.claims import Claim
from tests.faults.changelogs import TABLES, Changelogs
from tests.faults.scene import LINE, Scene, open_scene
from tests.faults.tap import Tap

WITHIN_S = 40.0


def rows_of(
    caller: str, call_id: str, at_ms: int, table_ms: dict[str, int]
) -> list[tuple[str, bytes, bytes, bytes]]:
    """A row in each table of which the last was heard so long before ``at_ms``."""
    jid = caller.encode()
    ago = {table: at_ms - table_ms[table] for table in TABLES}
    said = conversations.dump({LINE: Conversation(ago["conversations"], 0)})
    call = RecentCall(LINE, call_id, ago["recent-calls"], 0, ago["recent-calls"], "ring")
    session = CallSession(
        line=LINE,
        gateway="office",
        call_id=call_id,
        parties=(Party(caller=caller, offered=(ago["call-sessions"],)),),
        touched_at_ms=ago["call-sessions"],
    )
    claim = Claim(command_id=f"{LINE}/{call_id}/text", claimed_at_ms=ago["texts"])
    return [
        ("conversations", jid, said, jid),
        ("recent-calls", jid, recent_calls.dump(RecentCalls((call,))), jid),
        (
            "call-sessions",
            f"{LINE}/{call_id}".encode(),
            call_sessions.dump(session),
            call_id.encode(),
        ),
        ("texts", f"{LINE}|{caller}".encode(), claims.dump(claim), LINE.encode()),
    ]


def neighbours(scene: Scene, partitions: int) -> tuple[str, str, str]:
    """Three callers of one partition."""
    first = scene.caller()
    same = [first]
    while len(same) < 3:
        other = scene.caller()
        if partition_of(other.encode(), partitions) == partition_of(first.encode(), partitions):
            same.append(other)
    return same[0], same[1], same[2]


async def test_what_is_over_gets_a_tombstone_on_every_changelog(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    changelogs = Changelogs(kafka)
    await changelogs.make()
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, topics.CALLS_OUTCOMES) as tap:
        gone, kept, calling = neighbours(scene, kafka.partitions)
        long_ago = {
            "conversations": 3 * 365 * DAY_MS,
            "recent-calls": DAY_MS,
            "call-sessions": DAY_MS,
        }
        lately = {"conversations": 600 * DAY_MS, "recent-calls": 60_000, "call-sessions": 60_000}
        old = rows_of(gone, "OLD", now_ms(), {**long_ago, "texts": 40 * DAY_MS})
        young = rows_of(kept, "YOUNG", now_ms(), {**lately, "texts": 60_000})
        await changelogs.write(*old, *young)
        worker = scene.start("one")
        await worker.until_ready()
        # a rejected call and a message, in the partitions where the rows stand
        offer = scene.offer(calling)
        await scene.place(offer)
        await tap.until(
            lambda: any(each.call_id == offer.call_id for each in tap.ends("text")),
            WITHIN_S,
            worker.said,
        )
        await scene.write(scene.message(calling))
        wanted = {(table, key) for table, key, _, _ in old}
        deleted = await changelogs.until_deleted(*wanted)
        assert deleted == wanted
