"""Reads from the topics what attrition follows, as far as they reach back.

Whoever has followed them all the while may know more: what retention has taken since, and what a
compacted topic no longer holds. Of the blocks by hand of one caller and line only the newest is
sure to be there, and of a line's outages those of its newest changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models import topics
from streams.attrition.facts import Fact, Zones, fact_of
from streams.attrition.views import HandBlocks, outages
from streams.common.wording import moment
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


ONLY_NEWEST: Final = (
    "of the blocks by hand of a caller, and of a line's outages, only the newest are sure to be"
    " known: an episode that an earlier one censored may stand as gone or returned"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the topics hold."""

    facts: list[Fact]
    """In no order."""
    lacks: tuple[str, ...]
    """What may be missing of it, in words: whoever followed the topics all the while may have come
    to something else there, and nowhere else."""


async def read_past(
    kafka: KafkaSettings, zones: Zones, *, until_ms: int, since_ms: int | None = None
) -> Past:
    """The facts that the topics hold now, for ``attrition_of``; blocks until they are read.

    ``since_ms``: of records not older than this; None: of all. Whoever begins in the middle takes
    the second reject of a caller for the first: begin a longest horizon earlier. Shows its progress
    on stderr when that takes long. Raises ``EnvironmentFaultError`` where no broker answers or a
    topic is missing.
    """
    blocks, lines = HandBlocks(), Lines()
    await read_once(kafka, blocks, lines)
    found = [*blocks.facts(), *outages(lines, until_ms)]
    lacks = [ONLY_NEWEST] if found else []
    reader = TopicReader(kafka, PAST)
    await reader.start()
    try:
        whole = await reader.whole_since(PAST)
        if whole is not None and whole.at_ms > (since_ms or 0):
            lacks.append(f"{whole.topic} reaches back to {moment(whole.at_ms)} only")
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
    return Past(facts=found, lacks=tuple(lacks))
