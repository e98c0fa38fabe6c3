"""Spans of webhooks: the beginning of a call's trace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.records import call_event, lifecycle
from streams.tracing.span import Place, Span
from streams.tracing.webhook_tracer import WebhookTracer
from tests.support.facts import offer

GATEWAYS = Place(7, 70)


@pytest.fixture
def spans() -> list[Span]:
    return []


def tracer(spans: list[Span], *, sampled: bool = True) -> WebhookTracer:
    return WebhookTracer(
        spans.append,
        lambda place, _trace_id: sampled if place is None else place.sampled,
        prefix="t.",
    )


def test_a_webhook_begins_a_trace(spans: list[Span]) -> None:
    webhook = tracer(spans).begin("office", {})
    trace = webhook.headers({"X-Sent": "1"})["traceparent"]
    webhook.end(200, [call_event(offer(), "/b", trace), lifecycle(offer(), "/b", trace)])
    *sent, received = spans
    assert (received.parent_id, received.kind, received.failure) == (None, "server", None)
    assert received.place == Place.parse(trace)
    assert [(each.name, each.parent_id) for each in sent] == [
        ("send t.calls.events", received.place.span_id),
        ("send t.calls.lifecycle", received.place.span_id),
    ]
    assert received.attributes["http.response.status_code"] == 200


def test_headers_are_looked_up_in_lower_case(spans: list[Span]) -> None:
    found = tracer(spans).begin("office", {}).headers({"X-Sent": "1", "Traceparent": "x"})
    assert found["x-sent"] == "1"
    assert Place.parse(found["traceparent"]) is not None


def test_a_gateways_own_trace_goes_on(spans: list[Span]) -> None:
    webhook = tracer(spans).begin("office", {"traceparent": GATEWAYS.traceparent})
    webhook.end(503)
    (received,) = spans
    assert (received.place.trace_id, received.parent_id) == (7, 70)
    assert received.failure == "503"


@pytest.mark.parametrize("given", ["junk", "0" * 200, f"{GATEWAYS.traceparent}-{'x' * 200}"])
def test_what_is_no_trace_is_not_believed(spans: list[Span], given: str) -> None:
    webhook = tracer(spans).begin("office", {"traceparent": given})
    webhook.end(200)
    assert spans[0].parent_id is None


@pytest.mark.parametrize("given", [None, replace(GATEWAYS, sampled=False)])
def test_what_is_not_sampled_says_so_to_those_who_follow(
    spans: list[Span], given: Place | None
) -> None:
    headers = {} if given is None else {"traceparent": given.traceparent}
    webhook = tracer(spans, sampled=False).begin("office", headers)
    assert webhook.headers(headers)["traceparent"].endswith("-00")
    webhook.end(200)
    assert spans == []


def test_a_dead_letter_is_no_span_of_its_own(spans: list[Span]) -> None:
    webhook = tracer(spans).begin("office", {})
    kept = webhook.headers({})["traceparent"].encode()
    record = call_event(offer(), "/b", None)
    webhook.end(200, [replace(record, headers=[("traceparent", kept)]), record])
    assert [each.kind for each in spans] == ["server"]
