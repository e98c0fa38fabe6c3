"""Recording bridges in the configuration, and what a look at one tells. The looks themselves are
contract tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.presence import BridgeHealth
from streams.bridge.prober import _said, changed
from streams.settings import Settings
from tests.support.webhooks import settings

SBC = {"health_url": "http://sbc-1.internal:8090/health", "lines": ["london"]}


def configured(**sbc: Any) -> Settings:
    plain = settings().model_dump(exclude={"gateways", "bridge"})
    return Settings.model_validate(
        plain | {"gateways": settings().gateways, "recording_bridges": {"sbc-1": {**SBC, **sbc}}}
    )


def test_a_bridge_has_sensible_times_when_none_are_given() -> None:
    found = configured().recording_bridges["sbc-1"]
    assert (found.every, found.timeout, found.ttl, found.capacity) == (10_000, 2_000, 30_000, None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lines": ["berlin"]}, "'sbc-1' records berlin, not under lines"),
        ({"lines": []}, "at least 1 item"),
        ({"ttl": "12s"}, "longer than every and timeout together"),
        ({"every": "100ms"}, "1000"),
        ({"health_url": "sbc-1:8090"}, "http://"),
        ({"health_url": "http://user:secret@sbc-1/health"}, "no credentials"),
        ({"capacity": 0}, "greater than or equal to 1"),
    ],
)
def test_a_wrong_bridge_is_refused_with_the_mend(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        configured(**wrong)


@given(st.binary(max_size=40))
def test_whatever_a_bridge_answers_only_whole_numbers_are_taken(body: bytes) -> None:
    assert all(number >= 0 and type(number) is int for number in _said(body).values())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"active": 3, "capacity": 30, "uptime": 7}', {"active": 3, "capacity": 30}),
        (b'{"active": -1, "capacity": "30"}', {}),
        (b'{"active": true, "capacity": 3.5}', {}),
        (b"[3]", {}),
        (b"OK", {}),
        (b"", {}),
    ],
)
def test_numbers_are_taken_where_they_are_numbers(body: bytes, said: dict[str, int]) -> None:
    assert _said(body) == said


def test_only_what_a_call_depends_on_is_a_change() -> None:
    health = BridgeHealth(bridge="sbc-1", up=True, lines=("london",), at_ms=1)
    assert not changed(health, replace(health, at_ms=2, detail="HTTP 204"))
    for other in (
        replace(health, up=False),
        replace(health, active=1),
        replace(health, capacity=1),
    ):
        assert changed(health, other)
