"""Figures of made-up calls, as a report has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from models.answers import CallAnswered
from models.attrition import (
    AttritionClosed,
    AttritionOpened,
    AttritionReturned,
    HorizonState,
    Return,
    closed_id,
    opened_id,
    returned_id,
)
from models.callbacks import Callback
from models.calls import CallOffered
from models.contacts import IdentityLink
from models.decisions import Assignment, Decision, RuleTrace, Verdict
from models.messages import MessageSeen
from models.outcomes import Outcome
from streams.report.collected import Asked, Collected
from streams.report.figures import Figures
from streams.report.rows import call_row
from streams.views.callers import Identities
from tests.support.records import T0, decision, offer, queued_call, rejected_call, ringing_call

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def asked(line: str | None = None, *, zone: str = "Europe/London") -> Asked:
    """The day before ``T0`` and the day after it, of a line in a zone."""
    return Asked(
        since_ms=T0 - DAY_MS,
        until_ms=T0 + DAY_MS,
        now_ms=T0 + DAY_MS,
        line=line,
        zones={"london": zone, "oslo": zone},
    )


def figures_of(values: Iterable[Any], about: Asked | None = None) -> Figures:
    """What a report says of all values that it counts; others are passed over."""
    values = list(values)
    collected = Collected(about or asked())
    identities = Identities()
    for link in values:
        if isinstance(link, IdentityLink):
            identities.set(link.key, link)
    collected.links(identities)
    for value in values:
        match value:
            case Decision():
                collected.call(call_row(value))
                collected.assigned(value)
            case MessageSeen() | CallAnswered():
                collected.contact(value)
            case Outcome():
                collected.outcome(value)
            case Callback():
                collected.callback(value)
            case AttritionOpened() | AttritionReturned() | AttritionClosed():
                collected.attrition(value)
            case _:
                pass
    return collected.figures("a test")


def decided(of: CallOffered, *, rule: str, kind: str, verdict: Verdict = "reject") -> Decision:
    """A decision by one rule, of a type."""
    trace = RuleTrace(rule=rule, kind=kind, matched=True, why="a test")
    return replace(decision(of, verdict), by="rule", rule=rule, rules=(trace,))


def tried(
    of: CallOffered, variant: str, *, kind: Literal["reply", "rule"] = "reply", salt: str = "s"
) -> Decision:
    """A decision that put its caller into a variant of the experiment ``upgrade``."""
    names = ("plain", "reason") if kind == "reply" else ("holdout", "enforced")
    assigned = Assignment(
        of=kind, experiment="upgrade", salt=salt, shares=dict.fromkeys(names, 0.5), variant=variant
    )
    held = variant == "holdout" and kind == "rule"
    return replace(decision(of, "ring" if held else "reject"), assignments=(assigned,))


def experiment(people: int, *, back: Mapping[str, int], at_ms: int, horizon_ms: int) -> list[Any]:
    """So many callers for each variant of a reply, of whom so many wrote within a horizon."""
    made: list[Any] = []
    for variant, returns in back.items():
        for n in range(people):
            # one after the other: the split is watched as it grows
            who, began = f"{variant}{n:04}", at_ms + n
            made.append(tried(offer(who, caller=f"{who}@c.us", at_ms=began), variant))
            made.append(opened(who, began))
            if n < returns:
                made.append(returned(who, began, "wrote", 5))
            state: HorizonState = "returned" if n < returns else "gone"
            more = {"what": "wrote", "after_ms": 5} if n < returns else {}
            made.append(closed(who, began, horizon_ms, state, told=True, **more))
    return made


def callback(caller: str, *, opened_ms: int, **more: Any) -> Callback:
    """A callback that the rule ``desk`` opened, open unless said otherwise."""
    fields = {"line": "london", "state": "open", "tier": "gold", "reason": "desk"}
    return Callback(
        caller=caller, decision_id=f"london/{caller}", opened_at_ms=opened_ms, **fields | more
    )


def _episode(who: str) -> dict[str, Any]:
    return {
        "episode_id": f"london/{who}",
        "caller": f"{who}@c.us",
        "line": "london",
        "rule": "hours",
        "reply": "closed",
    }


def opened(who: str, at_ms: int) -> AttritionOpened:
    """A caller was rejected by the rule ``hours`` on the line ``london``."""
    return AttritionOpened(
        event_id=opened_id(f"london/{who}"),
        gateway="office",
        by="rule",
        policy="*",
        policy_revision="0123456789ab",
        hour=10,
        weekday=3,
        at_ms=at_ms,
        **_episode(who),
    )


def returned(who: str, opened_ms: int, what: Return, after_ms: int) -> AttritionReturned:
    """The caller came back."""
    return AttritionReturned(
        event_id=returned_id(f"london/{who}"),
        what=what,
        after_ms=after_ms,
        rejects=1,
        opened_at_ms=opened_ms,
        at_ms=opened_ms + after_ms,
        **_episode(who),
    )


def closed(
    who: str, opened_ms: int, horizon_ms: int, state: HorizonState, **more: Any
) -> AttritionClosed:
    """A horizon of the caller closed."""
    return AttritionClosed(
        event_id=closed_id(f"london/{who}", horizon_ms),
        horizon_ms=horizon_ms,
        state=state,
        rejects=1,
        opened_at_ms=opened_ms,
        at_ms=opened_ms + horizon_ms,
        **_episode(who),
        **more,
    )


def everything() -> list[Any]:
    """Every section of a report has something to show."""
    return [
        *busy_day(),
        *experiment(12, back={"plain": 5, "reason": 7}, at_ms=T0, horizon_ms=6 * HOUR_MS),
    ]


def busy_day() -> list[Any]:
    """One of everything but experiments."""
    at_night = decided(offer("E", at_ms=T0 + 5), rule="hours", kind="quiet_hours")
    return [
        *rejected_call(offer("A")),
        *rejected_call(offer("B", line="oslo"), confirm=False),
        *ringing_call(offer("C", at_ms=T0 + HOUR_MS)),
        *queued_call(offer("D")),
        at_night,
        opened("a", T0),
        returned("a", T0, "wrote", 4 * HOUR_MS),
        closed("a", T0, 6 * HOUR_MS, "returned", what="wrote", after_ms=4 * HOUR_MS),
        opened("b", T0),
        closed("b", T0, 6 * HOUR_MS, "gone"),
        opened("c", T0 + 20 * HOUR_MS),
        callback("447700900123@c.us", opened_ms=T0 - HOUR_MS),
        callback(
            "447700900124@c.us",
            opened_ms=T0 - HOUR_MS,
            state="closed",
            closed_at_ms=T0,
            closed_by="by hand",
        ),
    ]
