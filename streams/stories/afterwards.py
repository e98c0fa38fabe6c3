"""What a caller did after a call, step by step. Does no IO."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from models.answers import CallAnswered, CallEnded
from models.attrition import AttritionClosed, AttritionReturned
from models.decisions import Decision
from models.messages import MessageSeen
from streams.common.wording import VERDICTS, span

MOST: Final = 20
"""Steps that are shown."""

_RETURNS: Final = {
    "wrote": "wrote to the line",
    "rang": "called again and was let through",
    "reached": "a person of the line wrote",
}


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """Something that happened after a call."""

    at_ms: int
    what: str
    """In words, without numbers."""
    kind: str
    """The type of the record that says so."""
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierCall:
    """The call that is asked about."""

    decision_id: str
    line: str
    names: frozenset[str]
    """Every JID of its caller."""
    received_at_ms: int
    texts: Collection[str] = ()
    """Message ids of the texts that we sent for it."""


def afterwards(call: EarlierCall, values: Iterable[Any]) -> list[Step]:
    """What the records say of the caller's next steps, the first first; each once."""
    decisions: dict[str, Decision] = {}
    steps: dict[str, Step] = {}
    for value in values:
        if isinstance(value, Decision):
            decisions.setdefault(value.decision_id, value)
            continue
        for step in _step(call, value):
            steps.setdefault(step.event_id, step)
    for each in decisions.values():
        if each.caller in call.names and _later(call, each):
            where = "" if each.line == call.line else f" on the line {each.line}"
            what = f"called again{where}: {VERDICTS[each.verdict]}"
            steps[each.decision_id] = Step(each.received_at_ms, what, each.type, each.decision_id)
    return sorted(steps.values())


def _later(call: EarlierCall, decision: Decision) -> bool:
    after = decision.received_at_ms >= call.received_at_ms
    return after and decision.decision_id != call.decision_id


def _step(call: EarlierCall, value: Any) -> Iterator[Step]:
    if getattr(value, "caller", None) not in call.names:
        return
    match value:
        case MessageSeen() if value.received_at_ms >= call.received_at_ms:
            what = _message(call, value)
            if what is not None:
                yield Step(value.at_ms, what, value.type, value.event_id)
        case CallAnswered():
            yield Step(
                value.at_ms, _which(call, value, "was picked up"), value.type, value.event_id
            )
        case CallEnded() if value.how != "answered":
            what = _which(call, value, f"ended {value.how}")
            yield Step(value.at_ms, what, value.type, value.event_id)
        case AttritionReturned() if value.episode_id == call.decision_id:
            what = f"counts as returned: {_RETURNS[value.what]}, after {span(value.after_ms)}"
            yield Step(value.at_ms, what, value.type, value.event_id)
        case AttritionClosed() if value.episode_id == call.decision_id:
            reason = f" ({value.reason})" if value.reason else ""
            what = f"after {span(value.horizon_ms)} counts as {value.state}{reason}"
            yield Step(value.at_ms, what, value.type, value.event_id)
        case _:
            return


def _which(call: EarlierCall, value: CallAnswered | CallEnded, what: str) -> str:
    which = "the call" if value.decision_id == call.decision_id else "the later call"
    return f"{which} {what}"


def _message(call: EarlierCall, message: MessageSeen) -> str | None:
    """None for our own text, which is no step of the caller's."""
    where = "the line" if message.line == call.line else f"the line {message.line}"
    if message.direction == "in":
        return f"wrote to {where}"
    if message.message_id in call.texts:
        return None
    return f"{'a person of ' if message.by_hand else ''}{where} wrote to the caller"


def as_lines(call: EarlierCall, steps: list[Step]) -> Iterator[str]:
    """The steps in words, each with how long after the call it was."""
    if not steps:
        yield "next: nothing that is on the topics"
        return
    yield "next:"
    for step in steps[:MOST]:
        yield f"{span(step.at_ms - call.received_at_ms).rjust(9)}  {step.what}"
    if len(steps) > MOST:
        yield f"           and {len(steps) - MOST} more; --json has them all"
