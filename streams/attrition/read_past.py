"""Reads from the topics what attrition follows, as far as they reach back."""

from __future__ import annotations

from typing import Final

from models import topics
from streams.attrition.facts import Fact, Zones, fact_of
from streams.attrition.views import HandBlocks, outages
from streams.kafka.compacted_reader import read_once
from streams.kafka.reader import TopicReader
from streams.settings import KafkaSettings
from streams.views.availability import Lines

PAST: Final = (
    topics.CALLS_DECISIONS,
    topics.CALLS_OUTCOMES,
    topics.CALLS_ANSWERS,
    topics.MESSAGES_EVENTS,
)


async def read_facts(
    kafka: KafkaSettings, zones: Zones, *, until_ms: int, since_ms: int | None = None
) -> list[Fact]:
    """The facts that the topics hold now, in no order, for ``attrition_of``; blocks until read.

    ``since_ms``: of records not older than this; None: of all. Whoever begins in the middle takes
    the second reject of a caller for the first: begin a longest horizon earlier. Shows its progress
    on stderr when that takes long. Raises ``EnvironmentFaultError`` where no broker answers or a
    topic is missing.
    """
    blocks, lines = HandBlocks(), Lines()
    await read_once(kafka, blocks, lines)
    found = [*blocks.facts(), *outages(lines, until_ms)]
    reader = TopicReader(kafka, PAST)
    await reader.start()
    try:
        if since_ms is not None:
            await reader.seek_to_time(since_ms)
        ends = await reader.ends()
        async for batch in reader.read_telling_progress(ends):
            for seen in batch:
                fact = fact_of(seen.value, seen.timestamp_ms, zones)
                if fact is not None:
                    found.append(fact)
    finally:
        await reader.stop()
    return found
