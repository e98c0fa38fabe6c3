"""What OpenTelemetry is given, and what its sampler says."""

from __future__ import annotations

import pytest

from streams.tracing.otlp import OtlpExporter, sampler_of_environment
from streams.tracing.span import Place, Span
from tests.support.facts import offer

HIGH, LOW = 2**64 - 1, 1
"""Trace ids by whose lower half a share of one half leaves out the first, and keeps the second."""


@pytest.mark.parametrize(
    ("sampler", "argument", "kept"),
    [
        (None, None, {"new", "rare", "sampled"}),
        ("always_off", None, set()),
        ("always_on", None, {"new", "rare", "sampled", "not sampled"}),
        ("traceidratio", "0.5", {"new"}),
        ("parentbased_traceidratio", "0.5", {"new", "sampled"}),
        ("no such sampler", None, {"new", "rare", "sampled"}),
    ],
)
def test_samplers_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, sampler: str | None, argument: str | None, kept: set[str]
) -> None:
    for name, value in (("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", argument)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    sampled = sampler_of_environment()
    cases = {
        "new": sampled(None, LOW),
        "rare": sampled(None, HIGH),
        "sampled": sampled(Place(HIGH, 5), HIGH),
        "not sampled": sampled(Place(HIGH, 5, sampled=False), HIGH),
    }
    assert {name for name, is_kept in cases.items() if is_kept} == kept


def test_the_environment_names_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {"service.name": "ringfence-worker", "service.instance.id": "desk"}
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    assert (
        OtlpExporter(b"k", ours, "1")._resource.attributes["service.name"] == ours["service.name"]
    )
    monkeypatch.setenv("OTEL_SERVICE_NAME", "calls")
    found = OtlpExporter(b"k", ours, "1")._resource.attributes
    assert (found["service.name"], found["service.instance.id"]) == ("calls", "desk")


def test_a_span_is_told_with_its_value() -> None:
    span = Span(
        name="process calls.events",
        kind="consumer",
        place=Place(7, 71),
        parent_id=70,
        began_ns=1,
        ended_ns=3,
        attributes={"messaging.system": "kafka"},
        about=offer(),
        failure="gone",
    )
    found = OtlpExporter(b"k", {"service.name": "x"}, "1")._readable(span)
    assert found.parent is not None
    assert (found.parent.span_id, found.parent.is_remote) == (70, True)
    assert found.attributes is not None
    assert found.attributes["ringfence.call.id"] == offer().call_id
    assert (found.status.description, found.end_time) == ("gone", 3)
