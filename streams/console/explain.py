"""``ringfence explain CALL_ID``: one call's story in plain words, from the topics alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from models import topics
from models.calls import CallAccepted, CallOffered, CallRejected
from models.commands import RejectCall, SendText
from models.decisions import Decision
from models.outcomes import Outcome
from models.topics import Topic
from streams.console.narrative import narrate
from streams.console.progress import Progress
from streams.console.reader import Seen, TopicReader
from streams.console.words import moment
from streams.errors import RingfenceError
from streams.settings import Settings

TOLD: Final = (
    topics.CALLS_EVENTS,
    topics.CALLS_LIFECYCLE,
    topics.CALLS_DECISIONS,
    topics.CALLS_COMMANDS,
    topics.MESSAGES_COMMANDS,
    topics.CALLS_OUTCOMES,
)

_LEAD_MS: Final = 60_000

Told = CallOffered | CallAccepted | CallRejected | Decision | RejectCall | SendText | Outcome


async def explain(settings: Settings, call_id: str) -> list[str]:
    """The lines that tell one call: offer, facts, rules, verdict, what was sent, what came back.

    Several lines with this call id are told one after the other. Raises ``RingfenceError`` with the
    range that was searched where no topic knows the id, ``EnvironmentFaultError`` as the reader does.
    """
    # bytes first: most records of a topic are about other calls, and need no decoding
    wanted = orjson.dumps(call_id)[1:-1]
    offers = await _read(settings, (topics.CALLS_EVENTS,), wanted, call_id, None)
    # where the offer is retired, decisions and outcomes still are there: they are kept longer
    since_ms = min((seen.value.received_at_ms for seen in offers), default=None)
    rest = tuple(topic for topic in TOLD if topic is not topics.CALLS_EVENTS)
    found = offers + await _read(settings, rest, wanted, call_id, since_ms)
    if not found:
        raise RingfenceError(await _searched(settings, call_id))
    return _told(found)


def _told(found: Sequence[Seen]) -> list[str]:
    by_line: dict[str, list[Seen]] = defaultdict(list)
    for seen in found:
        by_line[seen.value.line].append(seen)
    lines: list[str] = []
    for line in sorted(by_line):
        if lines:
            lines.append("")
        lines += narrate(by_line[line])
    return lines


async def _read(
    settings: Settings, read: Iterable[Topic], wanted: bytes, call_id: str, since_ms: int | None
) -> list[Seen]:
    reader = TopicReader(settings.kafka, tuple(read), containing=wanted)
    await reader.start()
    try:
        ends = await reader.ends()
        if since_ms is not None:
            await reader.seek_to_time(since_ms - _LEAD_MS)
        total = await reader.left(ends)
        progress = Progress(total)
        found: list[Seen] = []
        left = total
        async for batch in reader.read_to(ends):
            found += [seen for seen in batch if isinstance(seen.value, Told) and seen.value.call_id == call_id]
            before, left = left, await reader.left(ends)
            progress.advance(before - left)
        progress.done()
    finally:
        await reader.stop()
    return found


async def _searched(settings: Settings, call_id: str) -> str:
    parts = []
    for topic in TOLD:
        reader = TopicReader(settings.kafka, (topic,))
        await reader.start()
        try:
            oldest = await reader.oldest_ms()
        finally:
            await reader.stop()
        parts.append(f"{topic.name} " + (f"since {moment(oldest)}" if oldest is not None else "(empty)"))
    return (
        f"no call with the id {call_id!r} on the topics; searched {', '.join(parts)}. "
        "Call ids are the gateway's own, as calls.events and the audit show them; older calls are retired"
    )
