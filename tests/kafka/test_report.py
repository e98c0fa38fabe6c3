"""A report's figures, from real topics and from an export of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from models import records
from models.attrition import AttritionEvent
from models.contacts import IdentityLink
from models.decisions import Decision
from models.messages import MessageSeen
from models.topics import CALLS_DECISIONS, TOPICS, Topic
from streams.common.clock import now_ms
from streams.common.errors import ConfigurationError
from streams.export.run import ExportOptions, export
from streams.kafka.producer import DurableProducer
from streams.report.collected import Asked
from streams.report.from_export import from_export
from streams.report.gather import from_topics
from streams.settings import KafkaSettings
from tests.support.records import Value, offer, record, rejected_call, ringing_call
from tests.support.reports import (
    DAY_MS,
    callback,
    closed,
    decided,
    experiment,
    opened,
    returned,
    tried,
)

NOW = now_ms()
LID = "900000000000143@lid"


def asked(line: str | None = None) -> Asked:
    """The day until now."""
    return Asked(
        since_ms=NOW - DAY_MS, until_ms=NOW + 1, now_ms=NOW, line=line, zones={"london": "UTC"}
    )


async def write(kafka: KafkaSettings) -> None:
    """Some of everything, and a call of last month."""
    at_night = decided(offer("E", at_ms=NOW), rule="hours", kind="quiet_hours")
    calls: list[Value] = [
        *rejected_call(offer("A", at_ms=NOW)),
        *ringing_call(offer("B", at_ms=NOW)),
        *rejected_call(offer("C", at_ms=NOW - 30 * DAY_MS)),
        at_night,
    ]
    # of a reply by what attrition says, of a rule by messages and answered calls
    people = experiment(3, back={"plain": 1, "reason": 2}, at_ms=NOW - 90_000, horizon_ms=50_000)
    held = offer("H", caller="h@c.us", at_ms=NOW - 90_000)
    wrote = MessageSeen(
        event_id="m", message_id="m", gateway="office", line="london", caller=LID,
        direction="in", at_ms=NOW - 80_000, received_at_ms=NOW - 80_000,
    )  # fmt: skip
    link = IdentityLink(alias=LID, caller="h@c.us", source="payload", at_ms=NOW - 70_000)
    calls += [tried(held, "holdout", kind="rule")]
    calls += [each for each in people if isinstance(each, Decision)]
    followed: list[AttritionEvent] = [
        opened("a", NOW - 60_000),
        returned("a", NOW - 60_000, "rang", 30_000),
        opened("b", NOW - 60_000),
        closed("b", NOW - 60_000, 50_000, "gone"),
        *(each for each in people if not isinstance(each, Decision)),
    ]
    owed = callback("447700900123@c.us", opened_ms=NOW - 60_000)
    settled = replace(owed, caller="447700900124@c.us")
    async with DurableProducer(kafka, "test") as producer:
        await producer.send(*map(record, calls), records.reference(owed, "/test", NOW))
        await producer.send(*(records.attrition(each, "/test") for each in followed))
        await producer.send(records.message_event(wrote, "/test", None))
        await producer.send(records.reference(link, "/test", NOW))
        await producer.send(records.reference(settled, "/test", NOW))
        await producer.send(records.tombstone(settled, "/test", NOW))


async def exported(kafka: KafkaSettings, folder: Path, *topics: Topic) -> Path:
    """An export of the topics."""
    options = ExportOptions(key_file=folder / "key")
    await export(kafka, folder / "parquet", topics, asyncio.Event(), lambda _: None, options)
    return folder / "parquet"


async def test_topics_become_figures(kafka: KafkaSettings) -> None:
    await write(kafka)
    found = await from_topics(kafka, asked())
    assert [(row.verdict, row.calls) for row in found.verdicts] == [("ring", 2), ("reject", 8)]
    assert sum(row.closed for row in found.hours) == 1
    assert [(row.told, row.calls) for row in found.texts] == [(True, 1)]
    assert [(row.ending, row.rejects) for row in found.rejects] == [("confirmed", 1)]
    assert [(row.rule, row.callbacks) for row in found.callbacks_open] == [("desk", 1)]
    assert [(row.callers, row.rang, row.gone) for row in found.attrition] == [(8, 1, 0), (8, 0, 4)]
    assert [(row.variant, row.people, row.returned) for row in found.arms] == [
        ("plain", 3, 1), ("reason", 3, 2), ("enforced", 0, 0), ("holdout", 1, 1),
    ]  # fmt: skip
    assert found.scope.source == f"the topics {kafka.topic_prefix}* at {kafka.bootstrap_servers}"
    assert found.scope.notes == ()
    nobody = await from_topics(kafka, asked("oslo"))
    assert not any(rows for _, _, rows in nobody.tables())


async def test_an_export_has_the_same_figures(kafka: KafkaSettings, tmp_path: Path) -> None:
    await write(kafka)
    folder = await exported(kafka, tmp_path, *TOPICS)
    wanted = await from_topics(kafka, asked())
    found = from_export(folder, kafka.topic_prefix, asked())
    assert found.scope.source.startswith(f"the export in {folder}, of the cluster ")
    # of the folder a callback is as old as it was when the export ended
    same = replace(found, scope=wanted.scope, callbacks_open=wanted.callbacks_open)
    assert same == wanted
    assert [row.callbacks for row in found.callbacks_open] == [1]


async def test_what_an_export_lacks_is_said(kafka: KafkaSettings, tmp_path: Path) -> None:
    await write(kafka)
    folder = await exported(kafka, tmp_path, CALLS_DECISIONS)
    found = from_export(folder, kafka.topic_prefix, asked())
    assert (len(found.verdicts), found.texts, found.attrition) == (2, (), ())
    assert (
        "it has no record of calls.outcomes, attrition.events, callbacks, identities,"
        " messages.events, calls.answers: there was none, or the topic was left out"
    ) in found.scope.notes[1]


async def test_an_export_of_other_topics_is_refused(kafka: KafkaSettings, tmp_path: Path) -> None:
    await write(kafka)
    folder = await exported(kafka, tmp_path, CALLS_DECISIONS)
    with pytest.raises(ConfigurationError, match="is an export of another cluster or run"):
        from_export(folder, "other.", asked())
    with pytest.raises(ConfigurationError, match="holds no export: write one with"):
        from_export(tmp_path, kafka.topic_prefix, asked())
