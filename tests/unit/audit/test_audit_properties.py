"""Random valid histories hold; each single fault in them is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hypothesis import assume, given
from hypothesis import strategies as st

from models.calls import CallOffered
from models.commands import RejectCall, SendText
from models.decisions import Decision
from models.outcomes import TERMINAL, Outcome
from streams.audit.audit import Audit
from streams.kafka.reader import Seen
from tests.support.records import (
    COUNTS,
    T0,
    Log,
    Value,
    decision,
    offer,
    outcome,
    reject,
    rejected_call,
    ringing_call,
    text,
)

LATER: Final = T0 + 3_600_000
CALLERS: Final = (
    "447700900001@c.us",
    "447700900002@c.us",
    "900000000000143@lid",
    "33639980001@c.us",
)
LINES: Final = {"london": ("office", "default"), "riyadh": ("cloud", "0A1B2C3D4E5F")}


@st.composite
def calls(draw: st.DrawFn, index: int) -> list[Value]:
    """One call with one of the endings that a call may have, repeats included."""
    line = draw(st.sampled_from(sorted(LINES)))
    gateway, session = LINES[line]
    of = offer(
        f"CALL{index:04d}",
        caller=draw(st.sampled_from(CALLERS)),
        line=line,
        gateway=gateway,
        session=session,
        at_ms=T0 + draw(st.integers(0, 60_000)),
    )
    ending = draw(
        st.sampled_from(["ring", "late", "told", "raced", "failed", "unknown", "held", "silent"])
    )
    match ending:
        case "ring":
            history = ringing_call(of)
        case "late":
            history = [of, decision(of, "late")]
        case "told":
            history = rejected_call(of, confirm=draw(st.booleans()))
        case "silent":
            quiet = replace(decision(of), reply=None)
            command = reject(of, quiet)
            history = [of, quiet, command, outcome(command, at_ms=of.received_at_ms + 9)]
        case "failed" | "unknown" as result:
            decided = decision(of)
            command = reject(of, decided)
            history = [of, decided, command, outcome(command, result, at_ms=of.received_at_ms + 30)]
        case _:
            decided = decision(of)
            command = reject(of, decided)
            ended = outcome(command, "raced", at_ms=of.received_at_ms + 9)
            follow = text(of, decided, rejected_at_ms=ended.at_ms)
            told = outcome(
                follow, "suppressed" if ending == "held" else "accepted", at_ms=ended.at_ms + 5
            )
            history = [of, decided, command, ended, follow, told]
    repeated = draw(st.lists(st.sampled_from(history), max_size=2))
    return history + repeated


@st.composite
def histories(draw: st.DrawFn) -> list[Value]:
    """Some calls with random endings, and two that were told, of different callers on different
    lines."""
    count = draw(st.integers(0, 5))
    values = [value for index in range(count) for value in draw(calls(index))]
    for line, caller in zip(sorted(LINES), CALLERS, strict=False):
        gateway, session = LINES[line]
        of = offer(f"TOLD-{line}", caller=caller, line=line, gateway=gateway, session=session)
        values += rejected_call(of)
    return values


def wrong(values: list[Value], draw: st.DataObject | None = None) -> set[str]:
    """The codes found when the topics are read one after the other, in an order that is drawn."""
    log = Log()
    records = log.append_all(values)
    names = sorted({seen.topic.name for seen in records})
    order = draw.draw(st.permutations(names)) if draw else names
    audit = Audit(COUNTS, clock=lambda: LATER)
    for seen in sorted(records, key=lambda one: order.index(one.topic.name)):
        audit.add(seen)
    return {finding.code for finding in audit.finish().wrong}


@given(histories(), st.data())
def test_a_valid_history_holds_in_whatever_order_topics_are_read(
    values: list[Value], data: st.DataObject
) -> None:
    assert wrong(values, data) == set()


def _pick(data: st.DataObject, values: list[Value], kind: type[Value]) -> Value:
    return data.draw(st.sampled_from([value for value in values if isinstance(value, kind)]))


def _without(values: list[Value], gone: Value) -> list[Value]:
    return [value for value in values if value != gone]


@given(histories(), st.data())
def test_a_dropped_decision_is_found(values: list[Value], data: st.DataObject) -> None:
    gone = _pick(data, values, Decision)
    assert "undecided" in wrong(_without(values, gone), data)


@given(histories(), st.data())
def test_a_dropped_reject_is_found(values: list[Value], data: st.DataObject) -> None:
    gone = _pick(data, values, RejectCall)
    assert "no-reject" in wrong(_without(values, gone), data)


@given(histories(), st.data())
def test_a_dropped_text_is_found(values: list[Value], data: st.DataObject) -> None:
    gone = _pick(data, values, SendText)
    assert "no-text" in wrong(_without(values, gone), data)


@given(histories(), st.data())
def test_a_dropped_end_is_found(values: list[Value], data: st.DataObject) -> None:
    gone = data.draw(
        st.sampled_from([v for v in values if isinstance(v, Outcome) and v.result in TERMINAL])
    )
    assert "no-outcome" in wrong(_without(values, gone), data)


@given(histories(), st.data())
def test_two_callers_that_change_places_are_found(values: list[Value], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([RejectCall, SendText]))
    one = _pick(data, values, kind)
    other = data.draw(st.sampled_from([v for v in values if isinstance(v, kind) and v != one]))
    assert isinstance(one, RejectCall | SendText)
    assert isinstance(other, RejectCall | SendText)
    field = data.draw(
        st.sampled_from(["caller", "caller_raw", "call_id", "session", "line", "gateway"])
    )
    mine, theirs = getattr(one, field), getattr(other, field)
    assume(mine != theirs)
    swapped: list[Value] = []
    for value in values:
        if value == one:
            swapped.append(replace(one, **{field: theirs}))
        elif value == other:
            swapped.append(replace(other, **{field: mine}))
        else:
            swapped.append(value)
    assert "crossed" in wrong(swapped, data)


@given(histories(), st.data())
def test_a_second_text_is_found(values: list[Value], data: st.DataObject) -> None:
    told = [
        v
        for v in values
        if isinstance(v, Outcome) and v.command == "text" and v.result == "accepted"
    ]
    first = data.draw(st.sampled_from(told))
    again = replace(
        first, at_ms=first.at_ms + 900, sent_at_ms=first.at_ms + 850, message_id="true_x_3EB0FF"
    )
    assert wrong([*values, again], data) == {"second-text"}


@given(histories(), st.data(), st.integers(0, 100_000))
def test_a_late_send_is_found(values: list[Value], data: st.DataObject, too_late: int) -> None:
    command = _pick(data, values, data.draw(st.sampled_from([RejectCall, SendText])))
    assert isinstance(command, RejectCall | SendText)
    late = command.expires_at_ms + too_late
    changed = [
        replace(v, sent_at_ms=late)
        if isinstance(v, Outcome) and v.command_id == command.command_id
        else v
        for v in values
    ]
    assert "sent-late" in wrong(changed, data)


@given(histories(), st.data())
def test_another_verdict_is_found(values: list[Value], data: st.DataObject) -> None:
    first = _pick(data, values, Decision)
    assert isinstance(first, Decision)
    other = data.draw(
        st.sampled_from([v for v in ("ring", "reject", "queue") if v != first.verdict])
    )
    # one of the verdicts
    second = replace(first, verdict=other)  # type: ignore[arg-type]
    assert "decided-twice" in wrong([*values, second], data)


@given(histories(), st.data())
def test_a_record_on_another_partition_is_found(values: list[Value], data: st.DataObject) -> None:
    records = Log().append_all(values)
    at = data.draw(st.integers(0, len(records) - 1))
    step = data.draw(st.integers(1, 3))
    moved: list[Seen] = list(records)
    moved[at] = replace(records[at], partition=(records[at].partition + step) % 4)
    audit = Audit(COUNTS, clock=lambda: LATER)
    for seen in moved:
        audit.add(seen)
    assert {finding.code for finding in audit.finish().wrong} == {"misplaced"}


@given(histories())
def test_offers_alone_are_all_undecided(values: list[Value]) -> None:
    offers = [value for value in values if isinstance(value, CallOffered)]
    audit = Audit(COUNTS, clock=lambda: LATER)
    for seen in Log().append_all(offers):
        audit.add(seen)
    found = audit.finish()
    assert [finding.code for finding in found.wrong] == ["undecided"] * len(
        {value.call_id for value in offers}
    )
