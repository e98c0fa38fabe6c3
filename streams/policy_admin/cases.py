"""The cases of a policy.

What is given in a file becomes real facts, by the real views, and the real core decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from models.calls import CallOffered
from models.decisions import Decision, RuleTrace
from models.policy import HOLDOUT, PolicyCase, Rule
from models.records import reference
from streams.policies.book import PolicyInForce
from streams.policies.experiments import held_out
from streams.policy_admin.case_words import Scene, read
from streams.screening.facts import LineFacts
from streams.screening.recent_calls import RecentCalls
from streams.screening.step import StepContext, step
from streams.screening.storms import Storms
from streams.views.views import Views

_RINGING_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case and what the policy decided."""

    case: PolicyCase
    decision: Decision
    wrong: str | None
    """How the decision differs from what the case expects, or None."""

    def trace(self) -> list[str]:
        """Why it was decided so: a line for each rule that was looked at."""
        said = [
            f"{each.rule} ({each.kind}{_recorded_only(each)}) "
            f"{'applies' if each.matched else 'does not apply'}: {each.why}"
            for each in self.decision.rules
        ]
        return [*said, f"so {self.decision.verdict}: {self.decision.why}"]


def _recorded_only(trace: RuleTrace) -> str:
    if trace.holdout:
        return ", the caller is held out"
    return ", shadow" if trace.shadow else ""


def run_case(in_force: PolicyInForce, case: PolicyCase, zones: Mapping[str, str]) -> CaseResult:
    """Decide one case; ``zones`` are the configured lines' time zones.

    Raises ``CaseError`` for what means nothing.
    """
    scene = read(case.given, in_force.policy, zones)
    decision = _decided(_with_holdouts(in_force, scene), scene)
    return CaseResult(case, decision, _difference(case, decision))


def _with_holdouts(in_force: PolicyInForce, scene: Scene) -> PolicyInForce:
    """The policy, with the caller in the holdouts that the case names and in no other.

    A case must not hang on where a hash puts its number.
    """
    policy = in_force.policy
    if not any(rule.holdout for rule in policy.rules):
        return in_force
    rules = tuple(
        _holding_out(rule, scene.caller) if rule.id in scene.held_out else replace(rule, holdout=0)
        for rule in policy.rules
    )
    return replace(in_force, policy=replace(policy, rules=rules))


def _holding_out(rule: Rule, caller: str) -> Rule:
    """The rule with a salt under which the caller is held out."""
    halves = (replace(rule, holdout=0.5, salt=f"case-{n}") for n in count())
    return next(
        each
        for each in halves
        if (found := held_out(each, caller)) is None or found.variant == HOLDOUT
    )


def _difference(case: PolicyCase, decision: Decision) -> str | None:
    if decision.verdict != case.verdict:
        return f"expected {case.verdict}, decided {decision.verdict}"
    if case.rule is not None and decision.rule != case.rule:
        return f"expected the rule {case.rule}, decided by {decision.rule or 'no rule'}"
    if case.reply is not None and decision.reply != case.reply:
        return f"expected the reply {case.reply}, found {decision.reply or 'none'}"
    return None


def _decided(in_force: PolicyInForce, scene: Scene) -> Decision:
    """The earlier calls are decided first, as they came: a burst among them leaves its block."""
    known = Views.empty()
    views = {view.topic.name: view for view in known.views()}
    for each in scene.known:
        record = reference(each, "/ringfence/case", scene.now_ms)
        views[record.topic.name].apply(record.key, record.value)
    storms = Storms(known.workers)
    state = RecentCalls()
    for n, at_ms in enumerate([*scene.calls, scene.now_ms]):
        context = StepContext(
            in_force=in_force,
            offset=n,
            now_ms=at_ms,
            last_in_ms=scene.last_in_ms,
            last_out_ms=scene.last_out_ms,
            history_incomplete=scene.history_incomplete,
            known=known,
            line=LineFacts(scene.zone),
            storms=storms,
        )
        if at_ms == scene.now_ms:
            # not before: what was to come is not known to an earlier call
            for stranger in range(scene.strangers):
                storms.note(scene.line, f"stranger-{stranger}", at_ms - 1000)
        done = step(state, _offer(scene, n, at_ms), context)
        state = done.state
    return done.decision


def _offer(scene: Scene, number: int, at_ms: int) -> CallOffered:
    return CallOffered(
        event_id=f"case-{number}",
        gateway="case",
        line=scene.line,
        session="case",
        call_id=f"case-{number}",
        caller=scene.caller,
        caller_raw=scene.caller,
        media=scene.media,
        group=scene.group,
        offered_at_ms=at_ms - _RINGING_MS,
        time_source="payload",
        received_at_ms=at_ms,
    )
