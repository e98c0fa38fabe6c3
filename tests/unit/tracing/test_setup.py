"""Traces are off, unless OpenTelemetry's variables say otherwise; and never keep a process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from streams.tracing.setup import is_wanted, tracing_of

ON = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


def nothing(_result: str, _count: int) -> None:
    pass


@pytest.fixture(autouse=True)
def _no_collector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [each for each in os.environ if each.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setitem(ON, "RINGFENCE_TRACES_KEY_FILE", str(tmp_path / "key"))


@pytest.mark.parametrize(
    ("env", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        (ON, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x/v1/traces"}, True),
        (ON | {"OTEL_SDK_DISABLED": "TRUE"}, False),
        (ON | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (ON | {"OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_the_standard_variables_switch_it(env: dict[str, str], *, wanted: bool) -> None:
    assert is_wanted(env) is wanted
    if not wanted:
        assert tracing_of("worker", nothing, env) is None


def test_without_the_extra_calls_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in [each for each in sys.modules if each.startswith("streams.tracing.otlp")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert tracing_of("worker", nothing, ON) is None
    assert "requirements-tracing.lock" in caplog.text


def test_what_it_does_not_speak_is_said(caplog: pytest.LogCaptureFixture) -> None:
    assert tracing_of("worker", nothing, ON | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) is None
    assert "grpc is not spoken here: use http/protobuf" in caplog.text


def test_a_key_that_cannot_be_used_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "short").write_text("abcd")
    env = ON | {"RINGFENCE_TRACES_KEY_FILE": str(tmp_path / "short")}
    assert tracing_of("worker", nothing, env) is None
    assert "has 2 bytes" in caplog.text


def test_it_begins_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ON.items():
        monkeypatch.setenv(name, value)
    before = sys.getswitchinterval()
    tracing = tracing_of("worker", nothing, ON)
    assert tracing is not None
    tracing.stop()
    sys.setswitchinterval(before)
