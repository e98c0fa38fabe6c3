"""Rows of tables that another version wrote: one field more, or a form that nobody here knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp

from models import topics
from models.decisions import Decision
from streams.common.clock import now_ms
from streams.kafka.reader import TopicReader
from streams.settings import KafkaSettings
from tests.faults.changelogs import TABLES, Changelogs
from tests.faults.scene import LINE, Scene, open_scene
from tests.faults.tap import Tap

WITHIN_S = 40.0


def rows(caller: str, newer: dict[str, bytes] | None) -> list[tuple[str, bytes, bytes, bytes]]:
    """A row in each table; None: rows that cannot be read."""
    jid = caller.encode()
    by = {
        "conversations": (jid, jid),
        "recent-calls": (jid, jid),
        "call-sessions": (f"{LINE}/{caller}".encode(), caller.encode()),
        "texts": (f"{LINE}|{caller}".encode(), LINE.encode()),
    }
    made = newer or dict.fromkeys(TABLES, b'{"another": ["form"], "of": 2031}')
    return [(table, by[table][0], made[table], by[table][1]) for table in TABLES]


def of_tomorrow(caller: str) -> dict[str, bytes]:
    """Rows with a field or a column more than is known here; the caller has written lately."""
    at = now_ms() - 60_000
    return {
        "conversations": f'{{"{LINE}": [{at}, 0, 0, "voice-note"]}}'.encode(),
        "recent-calls": b'{"calls": [], "blocks": [], "mood": "good"}',
        "call-sessions": (
            f'{{"line": "{LINE}", "gateway": "office", "call_id": "OLD", "caller": "{caller}",'
            f' "touched_at_ms": {at}, "mood": "good"}}'
        ).encode(),
        "texts": f'{{"command_id": "c", "claimed_at_ms": {at}, "ended": null, "mood": 1}}'.encode(),
    }


async def letters(kafka: KafkaSettings) -> list[str]:
    """The sources of all dead letters."""
    reader = TopicReader(kafka, (topics.CALLS_DLQ,))
    await reader.start()
    try:
        batches = reader.read_to(await reader.ends())
        return [seen.header("ringfence-source") or "" async for batch in batches for seen in batch]
    finally:
        await reader.stop()


async def verdict(scene: Scene, tap: Tap, caller: str, said: Callable[[], str]) -> Decision:
    offer = scene.offer(caller)
    await scene.place(offer)

    def found() -> list[Decision]:
        values = [each.value for each in tap.seen]
        return [
            each for each in values if isinstance(each, Decision) and each.call_id == offer.call_id
        ]

    await tap.until(lambda: bool(found()), WITHIN_S, said)
    return found()[0]


async def test_rows_of_another_version_stop_no_worker(kafka: KafkaSettings, tmp_path: Path) -> None:
    changelogs = Changelogs(kafka)
    await changelogs.make()
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, topics.CALLS_DECISIONS) as tap:
        newer, foreign, stranger = scene.caller(), scene.caller(), scene.caller()
        await changelogs.write(*rows(newer, of_tomorrow(newer)), *rows(foreign, None))
        worker = scene.start("one")
        await worker.until_ready()

        assert (await verdict(scene, tap, newer, worker.said)).verdict == "ring", "has written"
        assert (await verdict(scene, tap, stranger, worker.said)).verdict == "reject"
        unsure = await verdict(scene, tap, foreign, worker.said)
        assert unsure.verdict == "ring", "nobody knows whether this caller wrote"

        async with asyncio.timeout(WITHIN_S):
            # another process, which tells nobody
            while len(found := await letters(kafka)) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert set(found) >= {"table conversations", "table recent-calls", "table call-sessions"}
        async with aiohttp.ClientSession() as http, http.get(f"{worker.url}/metrics") as answer:
            page = await answer.text()
        assert 'ringfence_table_rows_left_out_total{table="conversations"} 1.0' in page
