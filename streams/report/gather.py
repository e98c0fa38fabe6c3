"""Reads the topics once, into figures."""

from __future__ import annotations

from typing import Any, Final

from models import topics
from models.answers import CallAnswered
from models.attrition import AttritionClosed, AttritionOpened, AttritionReturned
from models.decisions import Decision
from models.messages import MessageSeen
from models.outcomes import Outcome
from models.topics import Topic
from streams.common.wording import moment
from streams.kafka.compacted_reader import read_once
from streams.kafka.reader import TopicReader
from streams.report.collected import Asked, Collected
from streams.report.figures import Figures
from streams.report.rows import call_row
from streams.settings import KafkaSettings
from streams.views.callbacks import Callbacks
from streams.views.callers import Identities

_LEAD_MS: Final = 60_000
"""Read from this long before the range: the clocks of processes differ a little."""


async def from_topics(kafka: KafkaSettings, asked: Asked) -> Figures:
    """What stands on the topics, up to the ends that they had at the start.

    Blocks, and shows its progress on stderr when that takes long. Reads only. Raises
    ``EnvironmentFaultError`` where no broker answers or a topic is missing.
    """
    collected = Collected(asked)
    notes = await _read(kafka, asked, collected, (topics.CALLS_DECISIONS, topics.CALLS_OUTCOMES))
    if collected.asks_for_links:
        identities = Identities()
        await read_once(kafka, identities)
        collected.links(identities)
    # what callers did next is understood once it is known into which variants they fell
    notes += await _read(kafka, asked, collected, (topics.ATTRITION_EVENTS,))
    if collected.asks_for_contacts:
        contacts = (topics.MESSAGES_EVENTS, topics.CALLS_ANSWERS)
        notes += await _read(kafka, asked, collected, contacts)
    known = Callbacks()
    await read_once(kafka, known)
    for callback in known.values():
        collected.callback(callback)
    where = f"the topics {kafka.topic_prefix}* at {kafka.bootstrap_servers}"
    return collected.figures(where, notes)


async def _read(
    kafka: KafkaSettings, asked: Asked, collected: Collected, streams: tuple[Topic, ...]
) -> tuple[str, ...]:
    """Read topics from the range's start to their ends; returns what is to be known of them."""
    reader = TopicReader(kafka, streams)
    await reader.start()
    try:
        whole = await reader.whole_since(streams)
        await reader.seek_to_time(asked.since_ms - _LEAD_MS)
        ends = await reader.ends()
        async for batch in reader.read_telling_progress(ends):
            for seen in batch:
                _add(collected, seen.value)
    finally:
        await reader.stop()
    if whole is None or whole.at_ms <= asked.since_ms:
        return ()
    return (
        f"{whole.topic} reaches back to {moment(whole.at_ms)} only: earlier records are missing",
    )


def _add(collected: Collected, value: Any) -> None:
    match value:
        case Decision():
            collected.call(call_row(value))
            collected.assigned(value)
        case Outcome():
            collected.outcome(value)
        case AttritionOpened() | AttritionReturned() | AttritionClosed():
            collected.attrition(value)
        case MessageSeen() | CallAnswered():
            collected.contact(value)
        case _:
            pass
