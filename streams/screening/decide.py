"""``decide(policy, facts)``: the guards, then the rules in order; the first that decides wins. Pure."""

from __future__ import annotations

import logging

from models.commands import REJECT_WINDOW_MS
from models.decisions import Decision, RuleTrace, Scalar, Verdict, decision_id
from models.policy import PolicyInForce, Rule
from streams.screening.facts import Facts
from streams.screening.rules import judge
from streams.screening.rules.finding import duration

log = logging.getLogger(__name__)


def decide(in_force: PolicyInForce, facts: Facts) -> Decision:
    """The decision on one call. The same policy and facts give the same decision, on every worker.

    Never raises for a rule's sake: a rule that fails is on the record, and lets the call ring.
    """
    verdict, why = _guard(facts)
    rule: Rule | None = None
    traces: list[RuleTrace] = []
    measured: dict[str, Scalar] = {}
    if verdict is None:
        rule, verdict, why = _first_decisive(in_force, facts, traces, measured)
    offer = facts.offer
    return Decision(
        decision_id=decision_id(offer.line, offer.call_id),
        event_id=offer.event_id,
        call_id=offer.call_id,
        gateway=offer.gateway,
        line=offer.line,
        caller=offer.caller,
        verdict=verdict,
        rule=rule.id if rule else None,
        why=why,
        rules=tuple(traces),
        facts={**facts.scalars(), **measured},
        policy=in_force.policy.line,
        policy_revision=in_force.revision,
        reply=rule.reply if rule and verdict == "reject" else None,
        offered_at_ms=offer.offered_at_ms,
        received_at_ms=offer.received_at_ms,
        decided_at_ms=facts.now_ms,
    )


def _guard(facts: Facts) -> tuple[Verdict | None, str]:
    """What no rule may overrule: a call that is over is not acted on, a group is nobody's call."""
    if facts.offer.offline:
        return "late", "the call was offered while the gateway was offline"
    if facts.offer.ended:
        return "late", "the call was over before its offer arrived"
    if facts.age_ms >= REJECT_WINDOW_MS:
        return (
            "late",
            f"the offer is {duration(facts.age_ms)} old; a call rings no longer than {duration(REJECT_WINDOW_MS)}",
        )
    if facts.offer.group:
        return "ring", "a group call: it cannot be rejected for one line, and there is nobody to tell"
    return None, ""


def _first_decisive(
    in_force: PolicyInForce, facts: Facts, traces: list[RuleTrace], measured: dict[str, Scalar]
) -> tuple[Rule | None, Verdict, str]:
    for rule in in_force.policy.rules:
        shadow = rule.mode == "shadow"
        try:
            finding = judge(rule, facts)
        except Exception as exc:
            log.exception("rule %s failed; the call rings", rule.id)
            why = f"the rule failed ({type(exc).__name__}); the policy lets the call ring then"
            traces.append(RuleTrace(rule=rule.id, kind=rule.type, matched=False, why=why, shadow=shadow, error=True))
            if shadow:
                continue
            return rule, in_force.policy.on_error, why
        matched = finding.verdict is not None
        traces.append(RuleTrace(rule=rule.id, kind=rule.type, matched=matched, why=finding.why, shadow=shadow))
        measured.update(finding.facts)
        if finding.verdict is not None and not shadow:
            return rule, finding.verdict, finding.why
    return None, in_force.policy.default, _nothing_applied(traces)


def _nothing_applied(traces: list[RuleTrace]) -> str:
    spoken = [trace.why for trace in traces if not trace.matched]
    return spoken[-1] if spoken else "no rule applies"
