"""Behind ``ringfence calls list``: the calls that were decided, from the topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.answers import CallAnswered, CallEnded
from models.decisions import Decision
from models.outcomes import Outcome
from models.topics import CALLS_ANSWERS, CALLS_DECISIONS, CALLS_OUTCOMES, Topic
from streams.kafka.reader import TopicReader
from streams.settings import KafkaSettings
from streams.stories.call_rows import CallFilter, CallRow, CallRows

_LEAD_MS = 60_000
"""Start to read this long before: clocks differ."""


async def call_list(kafka: KafkaSettings, wanted: CallFilter) -> list[CallRow]:
    """The calls that a filter takes, the oldest first.

    Blocks until the topics are read, with progress on stderr; holds every call that its decision
    lets through in memory. Raises ``EnvironmentFaultError`` as the reader does.
    """
    gathered = CallRows(wanted)

    def take(value: Any) -> None:
        if isinstance(value, Decision):
            gathered.decided(value)
        elif isinstance(value, Outcome | CallAnswered | CallEnded):
            gathered.ended(value)

    await _read(kafka, (CALLS_DECISIONS,), wanted.since_ms, take)
    if gathered.since_ms is not None:
        await _read(kafka, (CALLS_OUTCOMES, CALLS_ANSWERS), gathered.since_ms, take)
    return gathered.rows()


async def _read(
    kafka: KafkaSettings,
    topics: tuple[Topic, ...],
    since_ms: int | None,
    take: Callable[[Any], None],
) -> None:
    reader = TopicReader(kafka, topics)
    await reader.start()
    try:
        ends = await reader.ends()
        if since_ms is not None:
            await reader.seek_to_time(since_ms - _LEAD_MS)
        async for batch in reader.read_telling_progress(ends):
            for seen in batch:
                take(seen.value)
    finally:
        await reader.stop()
