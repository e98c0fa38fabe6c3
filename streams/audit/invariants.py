"""The invariants: one function each, which checks one call.

A check yields an ``AuditFinding`` for what contradicts an invariant, or a ``Waiting`` for what is
not there yet and still has time. Nothing here does IO, or depends on the order in which topics
were read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from models.calls import CallOffered
from models.commands import (
    QUEUE_TEXT_WINDOW_MS,
    REJECT_WINDOW_MS,
    TEXT_WINDOW_MS,
    BlockCaller,
    Command,
    QueueText,
    RejectCall,
    SendText,
    reject_id,
    text_id,
)
from models.decisions import Verdict, decision_id
from streams.audit.audited_call import (
    UNTOLD,
    AuditedCall,
    DecisionDigest,
    Identity,
    Recorded,
)
from streams.audit.findings import AuditFinding
from streams.call_sessions.standing import (
    Answered,
    CallEnded,
    RejectedBefore,
    Standing,
    was_answered,
)
from streams.common.wording import span
from streams.kafka.reader import RecordRef
from streams.screening.recent_calls import RecentCall

GRACE_MS: Final = 5_000
"""How long the next step may take before it counts as missing: calls of a worker that died are
decided by another within 4 s."""

END_GRACE_MS: Final = 15_000
"""How long after its window a command may lack its outcome: a request that began just in time may
still run into its time-out."""

UNBLOCK_MS: Final = 3_600_000
"""How long the end of a block on a gateway may take: it is retried while the gateway fails."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that is not there yet, and has time left."""

    what: Literal["decision", "command", "confirmation"]


@dataclass(frozen=True, slots=True)
class AuditView:
    """The time up to which the topics were read, and the records that became dead letters."""

    now_ms: int
    dead_lettered: Collection[RecordRef] = ()


Check = Callable[[AuditedCall, AuditView], Iterator[AuditFinding | Waiting]]


def judge(case: AuditedCall, view: AuditView) -> list[AuditFinding | Waiting]:
    """Everything that is wrong with a call, or still awaited."""
    return [found for check in CHECKS for found in check(case, view)]


def decided(case: AuditedCall, view: AuditView) -> Iterator[AuditFinding | Waiting]:
    """Every accepted offer gets a decision, or is in the dead letters."""
    for offer in case.offers:
        if not _lacks_decision(case, offer.value) or offer.place in view.dead_lettered:
            continue
        if view.now_ms < offer.value.received_at_ms + GRACE_MS:
            yield Waiting("decision")
            return
        age = span(view.now_ms - offer.value.received_at_ms)
        yield AuditFinding(
            "undecided", f"the offer has no decision after {age}", case.call_id, offer.place
        )
        return


def _lacks_decision(case: AuditedCall, offer: CallOffered) -> bool:
    """Whether an offer is neither decided nor another webhook of a call that is.

    Asked of the first call under a call id, for all of them.
    """
    if case.decision_id != decision_id(offer.line, offer.call_id):
        return False
    rulings = [each.value for call in case.family.calls for each in call.decisions]
    before = [each for each in rulings if each.offered_at_ms <= offer.offered_at_ms]
    if not before:
        return not rulings
    latest = max(before, key=lambda each: each.offered_at_ms)
    known = RecentCall(
        offer.line,
        offer.call_id,
        latest.offered_at_ms,
        offset=0,
        decided_at_ms=latest.decided_at_ms,
        verdict=latest.verdict,
    )
    return latest.identity.caller == offer.caller and known.is_followed_by(offer)


def decided_once(case: AuditedCall, _view: AuditView) -> Iterator[AuditFinding | Waiting]:
    """A repeated decision has the verdict of the first, or ``late``.

    Two identities of one caller are decided by themselves.
    """
    verdicts: dict[str, Verdict] = {}
    for later in case.decisions:
        second = later.value.verdict
        first = verdicts.setdefault(later.value.identity.caller, second)
        if second not in {first, "late"}:
            yield AuditFinding(
                "decided-twice",
                f"decided {first} at first, then {second}",
                case.call_id,
                later.place,
            )


def explained(case: AuditedCall, view: AuditView) -> Iterator[AuditFinding | Waiting]:
    """Decisions and commands belong to an offer; a decision names its facts and policy revision."""
    for decision in case.decisions:
        lacking = [
            name
            for name, there in (
                ("facts", decision.value.has_facts),
                ("policy revision", decision.value.names_revision),
            )
            if not there
        ]
        if lacking:
            yield AuditFinding(
                "unexplained",
                f"the decision has no {' and no '.join(lacking)}",
                case.call_id,
                decision.place,
            )
    if not case.offers:
        for recorded in (*case.decisions, *case.commands):
            if _overdue(recorded, view):
                what = _name(recorded.value)
                yield AuditFinding(
                    "no-offer",
                    f"the {what} is about a call that no offer names",
                    case.call_id,
                    recorded.place,
                )


def uncrossed(case: AuditedCall, _view: AuditView) -> Iterator[AuditFinding | Waiting]:
    """Session, call id, caller, line and gateway of every record equal those of one offer."""
    offers = [Identity.of(offer.value) for offer in case.offers]
    for recorded in (*case.decisions, *case.commands, *case.outcomes):
        identity = Identity.of(recorded.value)
        generation = identity.generation or 0
        named = decision_id(identity.line, identity.call_id, generation) == case.decision_id
        if named and any(identity.matches(offer) for offer in offers):
            continue
        wrong = min((identity.differs_from(offer) for offer in offers), key=len, default=())
        if not named:
            wrong = ("decision_id", *wrong)
        if wrong:
            yield AuditFinding(
                "crossed",
                f"the {_name(recorded.value)} differs from its offer in {', '.join(wrong)}",
                case.call_id,
                recorded.place,
            )


def rejects_asked_for(case: AuditedCall, view: AuditView) -> Iterator[AuditFinding | Waiting]:
    """A ``reject`` decision has its reject command; no other decision has one.

    A command that stands there before a ``late`` decision is explained: an outage took the decision
    that it came from, and the call was decided again when it was over.
    """
    decision = _decided_to(case, "reject") or case.effective_decision
    if decision is not None and decision.value.verdict == "reject":
        if not any(
            recorded.value.command_id == reject_id(case.decision_id) for recorded in case.rejects
        ):
            if _overdue(decision, view):
                yield AuditFinding(
                    "no-reject",
                    "decided reject, and no reject was asked for",
                    case.call_id,
                    decision.place,
                )
            else:
                yield Waiting("command")
        return
    for recorded in case.rejects:
        if decision is not None and _decided_again(recorded, decision):
            continue
        if _overdue(recorded, view):
            but = f"the decision says {decision.value.verdict}" if decision else "no decision"
            yield AuditFinding(
                "unasked-reject",
                f"a reject was asked for, but {but}",
                case.call_id,
                recorded.place,
            )


def _decided_again(command: Recorded[Any], decision: Recorded[DecisionDigest]) -> bool:
    return decision.value.verdict == "late" and command.at_ms < decision.at_ms


def texts_asked_for(case: AuditedCall, view: AuditView) -> Iterator[AuditFinding | Waiting]:
    """A text follows only a reject that went through, or a ``queue`` decision.

    A reject that an earlier worker may have sent explains its text: an outage may have taken the
    outcome alone.

    Where one of these names a reply, a text command must follow.
    """
    queued = _decided_to(case, "queue") is not None
    if case.texts and case.reject_may_have_gone_through:
        return
    if not case.reject_went_through and not queued:
        for recorded in case.texts:
            if _overdue(recorded, view):
                sentence = "a text was asked for, and no reject went through"
                yield AuditFinding("unasked-text", sentence, case.call_id, recorded.place)
        return
    asked = {recorded.value.command_id for recorded in case.queued}
    asked |= {recorded.value.command_id for recorded in case.texts}
    if text_id(case.decision_id) in asked:
        return
    due, since_ms, what = _due_reply(case)
    if due is None:
        return
    if view.now_ms < since_ms + GRACE_MS:
        yield Waiting("command")
    else:
        yield AuditFinding(
            "no-text",
            f"the {what} and names a reply, and no text was asked for",
            case.call_id,
            due,
        )


def _due_reply(case: AuditedCall) -> tuple[RecordRef | None, int, str]:
    """The record that names a reply which is due, since when (ms UTC), and why in words.

    None in first place where no reply is due.
    """
    decision = _decided_to(case, "queue")
    if decision is not None and decision.value.reply is not None:
        return decision.place, decision.at_ms, "call was queued"
    replies = [recorded for recorded in case.rejects if recorded.value.reply is not None]
    through = [recorded.at_ms for recorded in case.through if recorded.value.reason not in UNTOLD]
    if replies and through:
        return replies[0].place, max(through), "reject went through"
    return None, 0, ""


def ended(case: AuditedCall, view: AuditView) -> Iterator[AuditFinding | Waiting]:
    """Every command gets a terminal outcome, and every outcome belongs to a command."""
    asked: dict[str, Recorded[Any]] = {}
    for recorded in case.commands:
        asked.setdefault(recorded.value.command_id, recorded)
    for command_id, recorded in asked.items():
        if recorded.place in view.dead_lettered or any(case.ends_of(command_id)):
            continue
        if view.now_ms < max(_until_ms(recorded.value), recorded.at_ms) + END_GRACE_MS:
            yield Waiting("command")
        else:
            yield AuditFinding(
                "no-outcome",
                f"the {_name(recorded.value)} has no terminal outcome, and its time is over",
                case.call_id,
                recorded.place,
            )
    for outcome in case.outcomes:
        if outcome.value.command_id not in asked and _overdue(outcome, view):
            yield AuditFinding(
                "orphan-outcome",
                f"the outcome {outcome.value.result} is of a {outcome.value.command} that was never"
                " asked for",
                case.call_id,
                outcome.place,
            )
    if case.awaits_confirmation:
        yield Waiting("confirmation")


def texted_once(case: AuditedCall, _view: AuditView) -> Iterator[AuditFinding | Waiting]:
    """One decision leads to one accepted text at most.

    An outcome that was written twice counts once.
    """
    texts = [recorded for recorded in case.outcomes if recorded.value.command == "text"]
    sent: dict[tuple[int | None, str | None], RecordRef] = {}
    for recorded in texts:
        if recorded.value.result == "accepted":
            sent.setdefault((recorded.value.sent_at_ms, recorded.value.message_id), recorded.place)
    for place in list(sent.values())[1:]:
        yield AuditFinding(
            "second-text",
            "the gateway accepted more than one text for this call",
            case.call_id,
            place,
        )
    # after an outcome "do not send" or "maybe sent", nothing may be sent any more
    settled = [
        recorded.value.at_ms
        for recorded in texts
        if recorded.value.result in {"suppressed", "late"}
    ]
    settled += [
        recorded.value.at_ms
        for recorded in texts
        if recorded.value.result == "unknown" and recorded.value.sent_at_ms
    ]
    for recorded in texts:
        sent_at_ms = recorded.value.sent_at_ms
        if (
            recorded.value.result == "accepted"
            and sent_at_ms
            and any(sent_at_ms > at_ms for at_ms in settled)
        ):
            yield AuditFinding(
                "second-text",
                "a text was sent that was settled before",
                case.call_id,
                recorded.place,
            )


def sent_in_time(case: AuditedCall, _view: AuditView) -> Iterator[AuditFinding | Waiting]:
    """No request begins at or after the end of its window."""
    limits: dict[str, int] = {}
    for recorded in case.commands:
        command = recorded.value
        limit = _until_ms(command)
        if isinstance(command, RejectCall | QueueText | SendText):
            # a command with a wrong expiry must not widen its own window
            limit = min(limit, command.offered_at_ms + _window(command))
        limits[command.command_id] = min(limit, limits.get(command.command_id, limit))
    for outcome in case.outcomes:
        sent, end = outcome.value.sent_at_ms, limits.get(outcome.value.command_id)
        if sent is not None and end is not None and sent >= end:
            yield AuditFinding(
                "sent-late",
                f"the {outcome.value.command} was sent {span(sent - end)} after its window",
                case.call_id,
                outcome.place,
            )


def acted_in_time(case: AuditedCall, _view: AuditView) -> Iterator[AuditFinding | Waiting]:
    """No request and no text is begun for a call that was answered, has ended, or was rejected.

    By what stood on ``calls.lifecycle`` ``TOLD_MS`` before.
    """
    life = case.family.life
    rejects = {(each.value.command_id, each.value.caller): each.value for each in case.rejects}
    for outcome in case.outcomes:
        ended, sent = outcome.value, outcome.value.sent_at_ms
        reject = rejects.get((ended.command_id, ended.caller))
        if reject is None or sent is None or not life.told_before(sent):
            continue
        found = life.standing_at(sent, reject.caller, reject.offered_at_ms, reject.command_id)
        why = _over(found)
        if why is not None:
            yield AuditFinding(
                "acted-after-end", f"the reject was sent {why}", case.call_id, outcome.place
            )
    for text in case.texts:
        command, at_ms = text.value, text.at_ms
        if not life.told_before(at_ms):
            continue
        own = reject_id(command.decision_id)
        found = life.standing_at(at_ms, command.caller, command.offered_at_ms, own)
        if was_answered(found) or (command.rejected_at_ms is None and _over(found) is not None):
            yield AuditFinding(
                "acted-after-end",
                f"the text was ordered {_over(found) or 'after the call was answered'}",
                case.call_id,
                text.place,
            )


def _over(found: Standing) -> str | None:
    """Since when in words there was nothing left to reject; None while the call rang."""
    match found:
        case Answered():
            return "after the call was answered"
        case CallEnded():
            return "after the call had ended"
        case RejectedBefore():
            return "after the call was rejected"
        case _:
            return None


CHECKS: Final[tuple[Check, ...]] = (
    decided,
    decided_once,
    explained,
    uncrossed,
    rejects_asked_for,
    texts_asked_for,
    ended,
    texted_once,
    sent_in_time,
    acted_in_time,
)


def _decided_to(case: AuditedCall, verdict: Verdict) -> Recorded[DecisionDigest] | None:
    """The first decision with a verdict; two identities of one caller may have two."""
    return next((each for each in case.decisions if each.value.verdict == verdict), None)


def _overdue(recorded: Recorded[Any], view: AuditView) -> bool:
    """Whether the records that follow from this one should be there by now."""
    return view.now_ms >= recorded.at_ms + GRACE_MS


def _until_ms(command: Command) -> int:
    """The time from which on a command must not be sent (ms UTC)."""
    if isinstance(command, RejectCall | QueueText | SendText):
        return command.expires_at_ms
    return command.until_ms if isinstance(command, BlockCaller) else command.at_ms + UNBLOCK_MS


def _window(command: RejectCall | QueueText | SendText) -> int:
    if isinstance(command, RejectCall):
        return REJECT_WINDOW_MS
    follows = isinstance(command, SendText) and command.rejected_at_ms is not None
    return TEXT_WINDOW_MS if follows else QUEUE_TEXT_WINDOW_MS


def _name(value: Any) -> str:
    names = {
        "DecisionDigest": "decision",
        "RejectCall": "reject",
        "QueueText": "text",
        "SendText": "text",
        "BlockCaller": "block",
        "UnblockCaller": "end of the block",
        "Outcome": "outcome",
    }
    return names[type(value).__name__]
