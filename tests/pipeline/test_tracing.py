"""One trace from a webhook to the reject and the text; and a collector that is in nobody's way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from streams.tracing.setup import tracing_of
from tests.support.collector import Collector, Seen, collecting
from tests.support.ringfence import House, open_house

WEBHOOK = "POST /webhooks/{gateway}"
NUMBER = re.compile(r"4477009\d{5}")
QUEUE = 64

SPANS = {
    (WEBHOOK, "SERVER", ""),
    ("send calls.events", "PRODUCER", WEBHOOK),
    ("process calls.events", "CONSUMER", "send calls.events"),
    ("decide", "INTERNAL", "process calls.events"),
    ("send calls.decisions", "PRODUCER", "process calls.events"),
    ("send calls.commands", "PRODUCER", "process calls.events"),
    ("process calls.commands", "CONSUMER", "send calls.commands"),
    ("reject-call", "CLIENT", "process calls.commands"),
    ("send messages.commands", "PRODUCER", "process calls.commands"),
    ("send calls.outcomes", "PRODUCER", "process calls.commands"),
    ("process messages.commands", "CONSUMER", "send messages.commands"),
    ("send-text", "CLIENT", "process messages.commands"),
    ("send calls.outcomes", "PRODUCER", "process messages.commands"),
}
"""Each span with its kind and what it is beneath."""


@pytest.fixture
async def collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    """A collector that bridge and workers of this test are switched on for."""
    async with collecting() as found:
        for name, value in {
            "OTEL_EXPORTER_OTLP_ENDPOINT": found.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_BSP_MAX_QUEUE_SIZE": str(QUEUE),
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "16",
            "RINGFENCE_TRACES_KEY_FILE": str(tmp_path / "traces.key"),
        }.items():
            monkeypatch.setenv(name, value)
        yield found


async def spans_of(house: House, result: str) -> float:
    """How many spans of the worker met this result."""
    url = f"http://{house.settings.worker.listen}/metrics"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        found = re.search(rf'ringfence_spans_total{{result="{result}"}} (\S+)', await answer.text())
    return float(found[1]) if found else 0.0


async def told(house: House) -> str:
    call = await house.gateway.place_call(line="london", caller=house.caller())
    await house.outcome(call.id, "text", "accepted")
    return call.id


def tree(spans: list[Seen], prefix: str) -> set[tuple[str, str, str]]:
    """As ``SPANS``; what it is beneath may be on its way."""
    by_id = {each.span_id: each for each in spans}
    assert len(by_id) == len(spans), "each has an id of its own"
    return {
        (
            each.name.replace(prefix, ""),
            each.kind,
            by_id[each.parent_id].name.replace(prefix, "") if each.parent_id else "",
        )
        for each in spans
        if not each.parent_id or each.parent_id in by_id
    }


async def test_a_rejected_and_told_call_is_one_trace(
    broker: str, tmp_path: Path, collector: Collector
) -> None:
    async with open_house(broker, tmp_path) as house:
        prefix = house.settings.kafka.topic_prefix
        tracing = tracing_of("bridge", house.bridge.metrics.spans)
        assert tracing is not None
        house.bridge.tracer = tracing.webhooks(prefix)

        call_id = await told(house)
        async with asyncio.timeout(20):
            spans = await collector.decided(call_id, lambda found: tree(found, prefix) >= SPANS)
        look_at(spans, prefix, call_id, house.settings.consumer_group)

        # whoever takes traces hangs from now on: calls are told, spans are dropped
        collector.hangs = True
        async with asyncio.timeout(20):
            while not await spans_of(house, "dropped"):
                await told(house)
        assert collector.held > 0
        await asyncio.to_thread(tracing.stop)
    # the worker stopped in time and well, though a request hung: the house asks for that


def look_at(spans: list[Seen], prefix: str, call_id: str, group: str) -> None:
    assert all(
        not each.parent_id or each.parent_id in {it.span_id for it in spans} for each in spans
    )
    by_name = {each.name.replace(prefix, ""): each for each in spans}
    assert {each.service for each in spans} == {"ringfence-bridge", "ringfence-worker"}
    assert all(each.began_ns <= each.ended_ns for each in spans)
    assert not any(each.failed for each in spans)
    for each in spans:
        said = each.attributes
        assert (said["ringfence.call.id"], said["ringfence.line"]) == (call_id, "london")
        assert not NUMBER.search(str(said))
    assert len({each.attributes["ringfence.caller.hash"] for each in spans}) == 1

    decide = by_name["decide"].attributes
    assert (decide["ringfence.verdict"], decide["ringfence.rule"]) == ("reject", "text-first")
    assert by_name["send-text"].attributes["ringfence.decision.id"] == f"london/{call_id}"
    assert by_name["reject-call"].attributes["http.response.status_code"] < 300
    consumed = by_name["process calls.events"].attributes
    assert {name: value for name, value in consumed.items() if name.startswith("messaging.")} == {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": f"{prefix}calls.events",
        "messaging.destination.partition.id": consumed["messaging.destination.partition.id"],
        "messaging.kafka.offset": 0,
        "messaging.consumer.group.name": group,
    }
    assert by_name["send calls.commands"].attributes["messaging.operation.type"] == "send"
