"""Decisions made again: a tampered record is found, and what proves nothing is counted apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.decisions import Decision
from models.policy import PolicyDocument, read_calendar, read_policy, revision_of
from streams.audit.derivation import Derivation
from streams.policies.archive import PolicyArchive
from streams.policies.book import RING_ALL, PolicyInForce
from streams.policies.compile import compile_policy
from streams.screening.facts import LineFacts
from streams.screening.recent_calls import RecentCalls
from streams.screening.step import StepContext, step
from streams.screening.storms import Storms
from streams.views.views import Views
from tests.support.facts import NOW_MS, REPLIES, contact, knowing, offer

RULES = [
    {"id": "vip", "type": "vip_only", "tiers": ["gold"]},
    {"id": "hours", "type": "quiet_hours", "calendar": "office"},
    {"id": "burst", "type": "burst", "calls": 2},
    {"id": "text-first", "type": "text_first", "reply": "text-first"},
]
POLICY: dict[str, Any] = {"line": "*", "rules": RULES, "replies": REPLIES}
OPEN: dict[str, Any] = {"calendar": "office", "week": {"mon-sun": ["00:00-24:00"]}}
CLOSED: dict[str, Any] = {"calendar": "office", "week": {}}
LINE = LineFacts()
GOLD = knowing(contact(tier="gold"))


def applied(document: dict[str, Any], *, at_ms: int = NOW_MS - 9_000) -> PolicyDocument:
    is_policy = "line" in document
    checked = read_policy(document) if is_policy else read_calendar(document)
    return PolicyDocument(
        kind="policy" if is_policy else "calendar",
        name=document["line"] if is_policy else document["calendar"],
        revision=revision_of(checked),
        author="test",
        applied_at_ms=at_ms,
        document=document,
    )


def in_force(calendar: dict[str, Any] = OPEN) -> PolicyInForce:
    return compile_policy(read_policy(POLICY), {"office": read_calendar(calendar)})


def decision(
    policy: PolicyInForce | None = None, *, known: Views = GOLD, calls: int = 1, **changed: Any
) -> Decision:
    """The decision on the last of so many calls, a second apart."""
    state, storms = RecentCalls(), Storms(known.workers)
    for n in range(calls):
        at_ms = NOW_MS + n * 1_000
        context = StepContext(
            in_force=policy or in_force(),
            offset=n,
            now_ms=at_ms,
            **{"last_in_ms": NOW_MS - 5, "last_out_ms": 0, "history_incomplete": False} | changed,
            known=known,
            line=LINE,
            storms=storms,
        )
        done = step(state, offer(call_id=f"call-{n}", offered_at_ms=at_ms - 1_000), context)
        state = done.state
    return done.decision


def derived(
    *decisions: Decision, on_topic: tuple[dict[str, Any], ...] = (POLICY, OPEN)
) -> Derivation:
    found = Derivation(PolicyArchive(map(applied, on_topic)))
    for each in decisions:
        found.take(each)
    return found


def counts(found: Derivation) -> dict[str, int]:
    return {result: number for result, number in found.derived.as_dict().items() if number}


def read(taken: Decision, **changed: Any) -> Decision:
    """The decision with another snapshot than it was made by; None takes a field out."""
    snapshot: Any = {**(taken.snapshot or {}), **changed}
    kept: Any = {name: value for name, value in snapshot.items() if value is not None}
    return replace(taken, snapshot=kept)


def test_what_was_decided_is_derived_again() -> None:
    stranger = decision(known=Views.empty(), last_in_ms=0)
    decisions = (decision(), stranger, decision(calls=3), decision(in_force(CLOSED)))
    assert {each.rule for each in decisions} == {None, "vip", "burst", "hours"}
    found = derived(*decisions, on_topic=(POLICY, OPEN, CLOSED))
    assert counts(found) == {"same": 4}
    assert not found.wrong
    assert found.derived.line() == "made again 4 decisions: 0 differ"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"contact": {"at_ms": NOW_MS - 60_000}}, "verdict reject, not ring"),
        ({"last_in_ms": None}, "verdict reject, not ring"),
        ({"last_in_ms": NOW_MS - 6}, "facts last_in_ms"),
        ({"calls_ago_ms": [0, 1]}, "verdict reject, not ring"),
        ({"history_incomplete": True}, "facts history_incomplete"),
        ({"switches": [{"state": "closed", "at_ms": NOW_MS}]}, "rule hours, not None"),
    ],
)
def test_a_tampered_fact_is_found(changed: dict[str, Any], said: str) -> None:
    (wrong,) = derived(read(decision(), **changed)).wrong
    assert (wrong.code, wrong.call_id) == ("derived-otherwise", "call-0")
    assert said in wrong.sentence


@pytest.mark.parametrize(
    "changed",
    [
        {"verdict": "reject"},
        {"rule": "vip", "by": "rule"},
        {"reply": "text-first"},
        {"callback": True},
        {"rules": ()},
        {"facts": {}},
    ],
)
def test_a_tampered_decision_is_found(changed: dict[str, Any]) -> None:
    assert counts(derived(replace(decision(), **changed))) == {"differs": 1}


def test_a_shared_calendar_that_is_another_one_now_is_found() -> None:
    """The policy's revision is the same with both."""
    taken = decision(in_force(OPEN))
    (wrong,) = derived(taken, on_topic=(POLICY, CLOSED)).wrong
    assert wrong.sentence == "the calendar office never was as this decision quotes it"
    assert counts(derived(taken, on_topic=(POLICY, OPEN, CLOSED))) == {"same": 1}


def test_a_policy_that_was_never_applied_is_found() -> None:
    (wrong,) = derived(replace(decision(), policy_revision="0123456789ab")).wrong
    assert wrong.sentence == "revision 0123456789ab of the policy * was never applied"


def test_what_proves_nothing_is_counted_apart() -> None:
    taken = decision()
    old = {"zones": "2020a", "holidays": "0", "numbers": "0"}
    found = derived(
        replace(taken, snapshot=None),
        replace(taken, repeated=True),
        read(taken, contact=None, truncated=["contact"]),
        read(taken, v=2),
        read(taken, last_in_ms=None, data=old),
        read(taken, data=old),
    )
    assert counts(found) == {
        "without": 1,
        "repeated": 1,
        "truncated": 2,
        "other-data": 1,
        # what is the same in spite of other data is proven all the same
        "same": 1,
    }
    assert not found.wrong
    assert found.derived.line() == (
        "made again 1 decision: 0 differ; left out 1 repeated after an interruption, 2 whose record"
        " was cut, 1 without a record of what was read, 1 made with other data of zones, holidays "
        "or numbers"
    )


def test_a_record_that_lacks_what_its_policy_reads_is_found() -> None:
    deny = {"line": "*", "rules": [{"id": "deny", "type": "deny_list"}]}
    taken = decision(compile_policy(read_policy(deny), {}))
    (wrong,) = derived(read(taken, lists=None), on_topic=(deny,)).wrong
    assert wrong.sentence == "the policy that it quotes reads lists, which is not on record"


def test_a_call_that_no_policy_was_written_for_is_derived_too() -> None:
    assert counts(derived(decision(RING_ALL), on_topic=())) == {"same": 1}
