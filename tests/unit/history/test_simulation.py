"""Policies tried on recorded calls: those that decided change nothing, others are counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codec import decode, encode
from models.decisions import Decision
from models.snapshot import Snapshot
from streams.history.simulation import (
    EXAMPLES,
    Ruling,
    Simulation,
    Simulator,
    Turn,
)
from streams.policies.book import PolicyBook, PolicyInForce
from streams.screening.facts import LineFacts
from streams.screening.recent_calls import RecentCalls
from streams.screening.recorded import DecidedCall
from streams.screening.step import StepContext, step
from streams.screening.storms import Storms
from streams.views.views import Views
from tests.support.facts import NOW_MS, contact, knowing, offer, policy

BURST = {"id": "burst", "type": "burst", "calls": 3, "within": "60s", "reply": "slow-down"}
FIRST = {"id": "text-first", "type": "text_first", "within": "365d", "reply": "text-first"}
VIP = {"id": "vip", "type": "vip_only", "tiers": ["gold"]}
DESK = {"id": "desk", "type": "presence"}
CALLERS = ("447700900123@c.us", "447700900456@c.us")
HOUR_MS = 3_600_000
DEFAULT = Ruling("ring", "default", None)


def recorded(taken: Decision) -> DecidedCall:
    """What is read of a decision on its topic."""
    found: DecidedCall = decode(DecidedCall, encode(taken))
    return found


def decided(
    in_force: PolicyInForce, *calls: tuple[int, str], known: Views | None = None, **more: Any
) -> list[DecidedCall]:
    """The records of calls, each so long after ``NOW_MS`` and of a caller."""
    known = known or Views.empty()
    states: dict[str, RecentCalls] = {}
    storms, found = Storms(known.workers), []
    for n, (after_ms, caller) in enumerate(calls):
        at_ms = NOW_MS + after_ms
        context = StepContext(
            in_force=in_force,
            offset=n,
            now_ms=at_ms,
            **{"last_in_ms": 0, "last_out_ms": 0, "history_incomplete": False} | more,
            known=known,
            line=LineFacts("Europe/London"),
            storms=storms,
        )
        call = offer(
            call_id=f"CALL{n}",
            caller=caller,
            offered_at_ms=at_ms - 1_000,
            received_at_ms=at_ms,
            line="paris" if caller.endswith("456@c.us") else "london",
        )
        done = step(states.get(caller, RecentCalls()), call, context)
        states[caller] = done.state
        found.append(recorded(done.decision))
    return found


def tried(in_force: PolicyInForce, calls: list[DecidedCall]) -> Simulation:
    simulator = Simulator(PolicyBook({"*": in_force}))
    for each in calls:
        simulator.take(each)
    return simulator.counts


traffic = st.lists(st.tuples(st.integers(0, 90_000), st.sampled_from(CALLERS)), max_size=12)


@given(calls=traffic)
def test_the_policies_that_decided_change_nothing(calls: list[tuple[int, str]]) -> None:
    in_force = policy(BURST, FIRST | {"mode": "shadow"})
    found = tried(in_force, decided(in_force, *sorted(calls)))
    assert (found.calls, found.changed, found.not_compared) == (len(calls), 0, 0)
    assert found.was == found.would
    assert not found.examples


@given(calls=traffic, cut=st.integers(0, 12))
def test_shares_that_are_joined_are_one_whole(calls: list[tuple[int, str]], cut: int) -> None:
    records = decided(policy(BURST), *sorted(calls))
    whole, first, second = (
        tried(policy(FIRST), part) for part in (records, records[:cut], records[cut:])
    )
    first.join(second)
    assert first == whole


def test_what_would_have_changed_is_counted_by_what_it_hangs_on() -> None:
    quick = [(n * 1_000, CALLERS[0]) for n in range(4)]
    records = decided(policy(BURST), *quick, (2 * HOUR_MS, CALLERS[1]))
    found = tried(policy(FIRST), records)
    by_first = Ruling("reject", "rule", "text-first")
    by_burst = Ruling("reject", "rule", "burst")
    assert found.changes == {(DEFAULT, by_first): 3, (by_burst, by_first): 2}
    assert found.was == {DEFAULT: 3, by_burst: 2}
    assert found.would == {by_first: 5}
    ring_to_reject = Turn("ring", "reject")
    assert {
        name: (share.calls, share.turns, share.other) for name, share in found.lines.items()
    } == {
        "london": (4, {ring_to_reject: 2}, 2),
        "paris": (1, {ring_to_reject: 1}, 0),
    }
    assert {name: share.calls for name, share in found.hours.items()} == {"10": 4, "12": 1}
    assert list(found.tiers) == ["no contact"]
    assert found.callers == {CALLERS[0]: 4, CALLERS[1]: 1}
    assert [each.call_id for each in found.examples] == [f"CALL{n}" for n in range(5)]
    assert not any("447700900" in str(each) for each in found.examples), "callers are masked"


def test_tiers_are_those_of_that_time() -> None:
    names = []
    for tier in ("gold", None):
        known = knowing(contact(CALLERS[0], tier=tier))
        names += list(tried(policy(VIP), decided(policy(), (0, CALLERS[0]), known=known)).tiers)
    assert names == ["gold", "no tier"]


def test_what_is_not_on_record_is_counted_apart_and_not_guessed() -> None:
    records = decided(policy(), (0, CALLERS[0]), (1, CALLERS[1]))
    found = tried(policy(DESK), records)
    assert (found.calls, found.changed, found.not_compared) == (0, 0, 2)
    assert found.unknown == {"agents": 2}


def test_what_an_earlier_rule_decides_asks_for_nothing_more() -> None:
    records = decided(policy(), (0, CALLERS[0]))
    assert tried(policy(FIRST, DESK), records).changed == 1


def test_a_rule_in_shadow_is_counted_and_changes_no_verdict() -> None:
    records = decided(policy(), (0, CALLERS[0]), (1, CALLERS[1]))
    shadow = {"mode": "shadow"}
    found = tried(policy(FIRST | shadow), records)
    assert (found.changed, found.shadow) == (0, {"text-first": 2})
    found = tried(policy(DESK | shadow, FIRST), records)
    assert (found.calls, found.changed, found.shadow_unknown) == (2, 2, {"agents": 2})


def test_what_was_repeated_or_has_no_snapshot_is_counted_apart() -> None:
    (record,) = decided(policy(), (0, CALLERS[0]))
    newer: Snapshot = {"v": 99}
    found = tried(
        policy(),
        [
            replace(record, repeated=True),
            replace(record, snapshot=None),
            replace(record, snapshot=newer),
        ],
    )
    assert (found.calls, found.repeated, found.unknown) == (0, 1, {"snapshot": 1, "v": 1})
    assert found.not_compared == 3


def test_a_rule_that_fails_is_counted() -> None:
    (record,) = decided(policy(), (0, CALLERS[0]))
    unreadable: Any = {**(record.snapshot or {}), "contact_unreadable": True}
    found = tried(policy(VIP), [replace(record, snapshot=unreadable)])
    assert found.failed == {"vip": 1}


def test_a_window_longer_than_calls_were_kept_is_not_known() -> None:
    records = decided(policy(), (0, CALLERS[0]))
    long = {"id": "hours", "type": "burst", "calls": 3, "within": "6h", "block": None}
    assert tried(policy(long), records).unknown == {"calls_reach_ms": 1}
    assert tried(policy(long), decided(policy(long), (0, CALLERS[0]))).calls == 1


@pytest.mark.parametrize(
    ("limits", "known"),
    [
        ({"callers": 2}, True),
        ({"callers": 9}, True),
        ({"callers": 4}, False),
        ({"callers": 4, "calm": 1.0}, True),
        ({"callers": 3, "within": "2m"}, False),
    ],
)
def test_another_storm_rule_is_known_by_the_count_alone(
    limits: dict[str, Any], *, known: bool
) -> None:
    storm = {"id": "storm", "type": "storm", "callers": 30, "within": "60s"}
    # the third stranger: three are on the line
    calls = [(n, f"44770090012{n}@c.us") for n in range(3)]
    last = decided(policy(storm), *calls)[-1:]
    found = tried(policy(storm | limits), last)
    assert (found.calls == 1) == known
    assert bool(found.unknown) != known


def test_examples_are_the_first_and_no_more_than_are_kept() -> None:
    (record,) = decided(policy(), (0, CALLERS[0]))
    later = [replace(record, received_at_ms=NOW_MS + n) for n in range(EXAMPLES, 0, -1)]
    found = tried(policy(FIRST), later)
    found.join(tried(policy(FIRST), [record]))
    assert len(found.examples) == EXAMPLES
    assert found.examples[0].at_ms == NOW_MS
    assert found.changed == EXAMPLES + 1


def test_callers_beyond_the_limit_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.history.simulation.CALLERS", 1)
    records = decided(policy(), (0, CALLERS[0]), (1, CALLERS[1]), (2, CALLERS[0]))
    found = tried(policy(FIRST), records)
    assert (found.callers, found.more_callers) == (Counter({CALLERS[0]: 2}), 1)
