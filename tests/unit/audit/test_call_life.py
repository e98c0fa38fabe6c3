"""Acts on calls that were answered, had ended or were rejected are found, with time to learn it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from models.calls import CallAccepted, CallOffered, CallRejected, RejectAccepted
from models.commands import QueueText
from models.outcomes import Outcome
from models.records import lifecycle
from streams.audit.audit import FOLD_MS, Audit
from streams.audit.call_life import TOLD_MS
from streams.kafka.reader import Seen
from tests.support.records import (
    COUNTS,
    T0,
    Log,
    Value,
    decision,
    offer,
    outcome,
    queued_call,
    reject,
    rejected_call,
    text,
)

LATER = T0 + 600_000
SENT_MS = T0 + 5
"""When the reject of ``rejected_call`` was sent."""
IN_TIME = SENT_MS - TOLD_MS
Step = CallOffered | CallAccepted | CallRejected | RejectAccepted


def codes(values: Iterable[Value], *steps: tuple[int, Step], now_ms: int = LATER) -> list[str]:
    audit = Audit(COUNTS, clock=lambda: now_ms)
    for seen in log(values, *steps):
        audit.add(seen)
    return [found.code for found in audit.finish().wrong]


def log(values: Iterable[Value], *steps: tuple[int, Step]) -> list[Seen]:
    made = Log()
    records = [made.append_record(lifecycle(step, "/test", None), at_ms) for at_ms, step in steps]
    return [*records, *made.append_all(values)]


def answered(of: CallOffered, **more: Any) -> CallAccepted:
    given = {"caller": of.caller, "at_ms": of.offered_at_ms, "received_at_ms": T0}
    return CallAccepted(event_id="a", **where(of) | given | more)


def over(of: CallOffered, **more: Any) -> CallRejected:
    given = {"caller": of.caller, "at_ms": of.offered_at_ms, "received_at_ms": T0}
    return CallRejected(event_id="r", **where(of) | given | more)


def where(of: CallOffered) -> dict[str, Any]:
    return {"gateway": of.gateway, "line": of.line, "call_id": of.call_id}


OF = offer("A")


@pytest.mark.parametrize("step", [answered(OF), over(OF)])
@pytest.mark.parametrize(("told_ms", "expected"), [(IN_TIME, 1), (IN_TIME + 5, 0)])
def test_a_reject_after_the_end_is_found(step: Step, told_ms: int, expected: int) -> None:
    found = codes(rejected_call(OF), (T0, OF), (told_ms, step))
    assert found == ["acted-after-end"] * (expected + (expected and step.type == "call.accepted"))


def test_what_says_nothing_against_the_call_is_no_finding() -> None:
    for step in (
        answered(OF, caller="447700900999@c.us"),
        answered(replace(OF, call_id="B")),
        answered(replace(OF, line="paris")),
    ):
        assert codes(rejected_call(OF), (T0, OF), (IN_TIME, step)) == []


def test_an_answered_call_whose_reject_was_not_sent_holds() -> None:
    decided = decision(OF)
    command = reject(OF, decided)
    kept = replace(outcome(command, "raced", at_ms=T0 + 9, reason="answered"), sent_at_ms=None)
    assert codes([OF, decided, command, kept], (T0, OF), (IN_TIME, answered(OF))) == []
    told = text(OF, decided, rejected_at_ms=T0 + TOLD_MS + 9)
    found = codes([OF, decided, command, kept, told], (T0, OF), (T0, answered(OF)))
    assert "acted-after-end" in found


def test_the_same_call_under_two_identities_holds_with_one_text() -> None:
    other = replace(OF, caller="90111222333444@lid", caller_raw="90111222333444@lid")
    decided = decision(other)
    second = reject(other, decided)
    kept = replace(outcome(second, "raced", at_ms=T0 + 20, reason="same-call"), sent_at_ms=None)
    both: list[Value] = [*rejected_call(OF), other, decided, second, kept]
    assert codes(both, (T0, OF), (T0, other)) == []
    accepted = RejectAccepted(
        command_id=second.command_id,
        decision_id=second.decision_id,
        caller=OF.caller,
        offered_at_ms=OF.offered_at_ms,
        at_ms=T0 + 9,
        **where(OF),
    )
    twice = replace(outcome(second, at_ms=T0 + 800), sent_at_ms=T0 + 700)
    found = codes([*both[:-1], twice], (T0, OF), (T0, other), (T0 + 60, accepted))
    assert found == ["acted-after-end"]


def test_a_queued_caller_is_not_told_after_the_end() -> None:
    of, decided, command, told = queued_call(OF)
    assert isinstance(told, Outcome)
    asked = QueueText.for_decision(OF, decision(OF, "queue"), "queued")
    whole: list[Value] = [of, decided, command, told]
    assert codes(whole, (T0, OF)) == []
    for step in (answered(OF), over(OF)):
        assert "acted-after-end" in codes(whole, (T0, OF), (IN_TIME - 50, step))
        # asked for, and held back when the call was over
        kept = replace(told, outcome_id="k", result="suppressed", reason="ended", sent_at_ms=None)
        assert codes([of, decided, asked, kept], (T0, OF), (IN_TIME, step)) == []


def again(seconds: int) -> CallOffered:
    """A newer offer under the same call id."""
    moved = OF.offered_at_ms + 1000 * seconds
    return replace(OF, event_id="evt_b", offered_at_ms=moved, received_at_ms=moved + 120)


def second_call(of: CallOffered) -> list[Value]:
    """What the topics say of a call under an id that was used before."""
    generation = of.offered_at_ms
    decided = replace(decision(of), decision_id=f"london/A/{generation}", generation=generation)
    command = replace(reject(of, decided), generation=generation)
    ended = outcome(command, at_ms=of.received_at_ms + 9)
    kept = replace(text(of, decided, rejected_at_ms=ended.at_ms), generation=generation)
    told = outcome(kept, "suppressed", at_ms=ended.at_ms + 41, reason="cool-down")
    return [of, decided, command, *(replace(each, generation=generation) for each in (ended, told)),
            kept]  # fmt: skip


def test_each_call_under_one_id_is_judged_by_itself() -> None:
    later = again(3)
    both = [*rejected_call(OF), *second_call(later)]
    end = over(OF, at_ms=T0 + 500)
    assert codes(both, (T0, OF), (T0 + 600, end), (T0 + 2880, later)) == []
    # the second one was answered before its reject
    answer = answered(OF, at_ms=later.offered_at_ms)
    found = codes(
        both, (T0, OF), (T0 + 600, end), (T0, later), (later.received_at_ms - 300, answer)
    )
    assert set(found) == {"acted-after-end"}


@pytest.mark.parametrize(("seconds", "lacking"), [(0, 0), (3, 1)])
def test_a_call_under_an_old_id_needs_a_decision_too(seconds: int, lacking: int) -> None:
    assert codes([*rejected_call(OF), again(seconds)]) == ["undecided"] * lacking


def test_a_generation_that_is_not_the_commands_is_crossed() -> None:
    values = second_call(again(3))
    wrong = replace(values[2], generation=T0)  # type: ignore[arg-type] # the reject
    assert codes([*rejected_call(OF), *values[:2], wrong, *values[3:]]) == ["crossed"]


def test_what_is_over_is_forgotten() -> None:
    audit = Audit(COUNTS, clock=lambda: LATER + 10 * FOLD_MS)
    for seen in log(rejected_call(OF), (T0, OF), (T0 + 900, over(OF))):
        audit.add(seen)
    assert audit.fold() == 1
    assert audit._families == {}
