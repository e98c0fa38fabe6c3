"""``decide(policy, facts)``: the guards, then the rules in order; the first that decides wins."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.calls import CallOffered
from models.commands import REJECT_WINDOW_MS
from models.decisions import (
    Assignment,
    DecidedBy,
    Decision,
    RuleTrace,
    Scalar,
    Verdict,
    decision_id,
)
from models.policy import HOLDOUT, Experiment, Rule, When
from streams.log_events.kinds import EventLog
from streams.log_events.shared import RuleFailed
from streams.policies.book import PolicyInForce
from streams.policies.experiments import assigned, held_out
from streams.screening.facts import Facts, UnknowableError
from streams.screening.rules import judge
from streams.screening.rules.finding import RuleFinding, duration

log = EventLog(__name__)


@dataclass(slots=True)
class _Course:
    """What the rules said, as far as they were asked."""

    rule: Rule | None = None
    finding: RuleFinding | None = None
    """Of the rule that decided."""
    traces: list[RuleTrace] = field(default_factory=list)
    measured: dict[str, Scalar] = field(default_factory=dict)
    last_said: str | None = None
    """Of the last rule that was asked and did not apply."""
    held_out_of: str | None = None
    """What the last rule would have done of which the caller is held out."""
    assignments: list[Assignment] = field(default_factory=list)
    """Of the rules with a holdout that would reject the call."""


def decide(in_force: PolicyInForce, facts: Facts) -> Decision:
    """The decision on one call. The same policy and facts give the same decision, on every worker.

    Never raises for a rule's sake: a rule that fails is on the record, and the policy's
    ``on_error`` decides. Raises ``UnknowableError`` for facts from a record, where a rule asks for
    what is not there.
    """
    verdict, why = _guard(facts)
    by: DecidedBy = "guard"
    course = _Course()
    if verdict is None:
        _ask(in_force, facts, course)
        found = course.finding
        by = "default" if found is None else "hand" if course.rule is None else "rule"
        verdict = found.verdict if found is not None else None
        why = found.why if found is not None else _nothing_applied(course, facts)
    verdict = verdict or in_force.policy.default
    finding = course.finding or RuleFinding(verdict, why)
    offer = facts.offer
    # nobody can be told in a group, and a call that simply rings explains itself
    reply = finding.reply if verdict in {"reject", "queue"} and not offer.group else None
    text = _text_assigned(in_force, reply, offer.caller)
    return Decision(
        decision_id=decision_id(offer.line, offer.call_id, facts.generation),
        event_id=offer.event_id,
        call_id=offer.call_id,
        generation=facts.generation,
        gateway=offer.gateway,
        line=offer.line,
        caller=offer.caller,
        verdict=verdict,
        by=by,
        rule=course.rule.id if course.rule else None,
        why=why,
        rules=tuple(course.traces),
        facts={**facts.scalars(), **course.measured},
        policy=in_force.policy.line,
        policy_revision=in_force.revision,
        reply=reply,
        variant=text.variant if text is not None else None,
        assignments=(*course.assignments, text) if text is not None else tuple(course.assignments),
        block=finding.block,
        callback=finding.callback,
        offered_at_ms=offer.offered_at_ms,
        received_at_ms=offer.received_at_ms,
        decided_at_ms=facts.now_ms,
        snapshot=facts.on_record(),
    )


def is_late(facts: Facts) -> bool:
    """Whether the call is over, or too old to be acted on."""
    return is_stale(facts.offer, facts.now_ms)


def counts_for_a_storm(facts: Facts) -> bool:
    """Whether the call is one of those that make a storm.

    What comes from a queue after an outage is none, and nobody is a stranger for sure before all is
    read.
    """
    return facts.stranger and not is_late(facts) and not facts.history_incomplete


def is_stale(offer: CallOffered, now_ms: int) -> bool:
    """As ``is_late``, before anything else is known."""
    return offer.offline or offer.ended or now_ms - offer.offered_at_ms >= REJECT_WINDOW_MS


def _guard(facts: Facts) -> tuple[Verdict | None, str]:
    """What no rule may overrule: a call that is over is not acted on."""
    if facts.offer.offline:
        return "late", "the call was offered while the gateway was offline"
    if facts.offer.ended:
        return "late", "the call was over before its offer arrived"
    if facts.age_ms >= REJECT_WINDOW_MS:
        age, longest = duration(facts.age_ms), duration(REJECT_WINDOW_MS)
        return "late", f"the offer is {age} old; a call rings no longer than {longest}"
    return None, ""


def _ask(in_force: PolicyInForce, facts: Facts, course: _Course) -> None:
    """Ask the rules until one decides.

    Emergencies, then a block by hand, then the others as they are written.
    """
    rules = in_force.policy.rules
    for rule in rules:
        if rule.asked_first and _decides(rule, in_force, facts, course):
            return
    blocked = _blocked_by_hand(facts)
    if blocked is not None:
        course.finding = blocked
        course.measured.update(blocked.facts)
        return
    for rule in rules:
        if rule.asked_first:
            continue
        # a group call cannot be rejected for one line's sake by a rule that thinks of one caller
        if facts.offer.group and not rule.takes_groups:
            continue
        if _decides(rule, in_force, facts, course):
            return


def _decides(rule: Rule, in_force: PolicyInForce, facts: Facts, course: _Course) -> bool:
    shadow = rule.mode == "shadow"
    try:
        outside = _outside(rule.when, facts) if rule.when is not None else None
        finding = (
            RuleFinding(None, outside) if outside is not None else judge(rule, in_force, facts)
        )
    except UnknowableError:
        raise
    except Exception as exc:  # noqa: BLE001 - logged with its traceback
        log.write(
            RuleFailed(rule=rule.id, call_id=facts.offer.call_id, line=facts.offer.line),
            exc_info=exc,
        )
        verdict = in_force.policy.on_error
        then = (
            "the policy lets the call ring then" if verdict == "ring" else "the policy rejects then"
        )
        why = f"the rule failed ({type(exc).__name__}); {then}"
        course.traces.append(
            RuleTrace(
                rule=rule.id, kind=rule.type, matched=False, why=why, shadow=shadow, error=True
            )
        )
        if shadow:
            return False
        course.rule, course.finding = rule, RuleFinding(verdict, why)
        return True
    matched = finding.verdict is not None
    held = rule.holdout > 0 and _is_held_out(rule, finding, facts, course)
    course.traces.append(
        RuleTrace(
            rule=rule.id,
            kind=rule.type,
            matched=matched,
            why=finding.why,
            shadow=shadow,
            holdout=held,
        )
    )
    if finding.facts:
        course.measured.update(finding.facts)
    if not matched and outside is None:
        course.last_said = finding.why
    if not matched or shadow or held:
        return False
    course.rule, course.finding = rule, finding
    return True


def _is_held_out(rule: Rule, finding: RuleFinding, facts: Facts, course: _Course) -> bool:
    """Whether the rule would reject, and the caller is one of those whom it lets pass."""
    # a group's call is not one caller's, whose return could be measured
    if finding.verdict != "reject" or facts.offer.group:
        return False
    found = held_out(rule, facts.offer.caller)
    if found is None:
        return False
    course.assignments.append(found)
    if found.variant != HOLDOUT:
        return False
    course.held_out_of = f"{finding.why}; the caller is held out of the rule {rule.id}"
    return True


def _outside(when: When, facts: Facts) -> str | None:
    """Why the rule is not meant for this call, or None."""
    if when.lines is not None and facts.offer.line not in when.lines:
        return f"only for {', '.join(when.lines)}"
    if when.tiers is not None and facts.tier not in when.tiers:
        return f"only for tier {', '.join(when.tiers)}"
    if when.callers is not None and facts.stranger != (when.callers == "strangers"):
        return "only for strangers" if when.callers == "strangers" else "only for known callers"
    if when.media is not None and facts.offer.media != when.media:
        return f"only for {when.media} calls"
    return None


def _blocked_by_hand(facts: Facts) -> RuleFinding | None:
    block = facts.hand_block
    if block is None or facts.now_ms >= block["until_ms"]:
        return None
    remark, age_ms = facts.remark("hand_block"), facts.now_ms - block["at_ms"]
    return RuleFinding(
        "reject",
        f"blocked by {remark.author}{remark.behind}",
        {"blocked_until_ms": block["until_ms"], "block_age_ms": age_ms},
    )


def _text_assigned(in_force: PolicyInForce, reply: str | None, caller: str) -> Assignment | None:
    if reply is None:
        return None
    found = in_force.policy.replies.get(reply)
    return assigned(found, reply, caller) if isinstance(found, Experiment) else None


def _nothing_applied(course: _Course, facts: Facts) -> str:
    if facts.offer.group:
        return "a group call: only lists and media rules look at it"
    return course.held_out_of or course.last_said or "no rule applies"
