"""A report's figures on real topics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models import records
from models.attrition import AttritionEvent
from streams.common.clock import now_ms
from streams.kafka.producer import DurableProducer
from streams.report.collected import Asked
from streams.report.gather import from_topics
from streams.settings import KafkaSettings
from tests.support.records import offer, record, rejected_call, ringing_call
from tests.support.reports import DAY_MS, callback, opened, returned


async def test_topics_become_figures(
    kafka: KafkaSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    now = now_ms()
    owed = callback("447700900123@c.us", opened_ms=now - 60_000)
    calls = [*rejected_call(offer("A", at_ms=now)), *ringing_call(offer("B", at_ms=now))]
    too_old = rejected_call(offer("C", at_ms=now - 30 * DAY_MS))
    followed: list[AttritionEvent] = [
        opened("a", now - 60_000),
        returned("a", now - 60_000, "rang", 30_000),
    ]
    async with DurableProducer(kafka, "test") as producer:
        await producer.send(records.reference(owed, "/test", now), *map(record, calls + too_old))
        await producer.send(*(records.attrition(each, "/test") for each in followed))
    asked = Asked(
        since_ms=now - DAY_MS, until_ms=now + 1, now_ms=now, line=None, zones={"london": "UTC"}
    )
    found = await from_topics(kafka, asked)
    assert [(row.verdict, row.calls) for row in found.verdicts] == [("ring", 1), ("reject", 1)]
    assert [(row.told, row.calls) for row in found.texts] == [(True, 1)]
    assert [(row.ending, row.rejects) for row in found.rejects] == [("confirmed", 1)]
    assert [(row.rule, row.callbacks) for row in found.callbacks_open] == [("desk", 1)]
    assert [(row.callers, row.rang, row.open) for row in found.attrition] == [(1, 1, 0)]
    assert found.scope.source == f"the topics {kafka.topic_prefix}* at {kafka.bootstrap_servers}"
    assert found.scope.notes == ()
    nobody = await from_topics(kafka, replace(asked, line="oslo"))
    assert not any(rows for _, _, rows in nobody.tables())
