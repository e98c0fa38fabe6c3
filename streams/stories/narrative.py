"""One call's records in plain words, with times relative to the webhook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Final, assert_never

from models.calls import CallAccepted, CallOffered, CallRejected
from models.commands import (
    BlockCaller,
    Command,
    QueueText,
    RejectCall,
    SendText,
    UnblockCaller,
)
from models.decisions import Assignment, Decision, RuleTrace, Scalar
from models.identity import mask
from models.outcomes import CommandKind, Outcome
from streams.common.wording import DECIDERS, VERDICTS, moment, outcome_words, span
from streams.kafka.reader import Seen

_MARGIN: Final = 11
_COMMANDS: Final[Mapping[CommandKind, str]] = {
    "reject": "the reject",
    "text": "the text",
    "block": "the block on the gateway",
    "unblock": "the end of the block on the gateway",
}
StoryValue = CallOffered | CallAccepted | CallRejected | Decision | Command | Outcome
"""The values that a call's story is made of."""
_BECAUSE: Final[Mapping[str, str]] = {
    "answered": "somebody had picked the call up: nobody is rejected then, or sent a text",
    "ended": "the call had ended before",
    "same-call": "the same call was rejected before, under another identity of its caller",
    "call-unknown": "nobody knew in time whether it still rang, so it was let ring",
}
"""Why nothing was sent, by an outcome's reason."""
_EPOCH_SIZED: Final = 10**12
"""A fact in ``_ms`` of at least this is a point in time (from 2001), a smaller one a duration."""


def narrate(records: Sequence[Seen], zone: tzinfo | None = None) -> list[str]:
    """The lines that describe one call of one line.

    ``records``: at least one, in any order; repeats are marked "(again)".
    """
    first = min(records, key=_at_ms)
    received = min(
        (
            seen.value.received_at_ms
            for seen in records
            if isinstance(seen.value, CallOffered | Decision)
        ),
        default=_at_ms(first),
    )
    caller = next((seen.value.caller for seen in records if seen.value.caller), None)
    value = first.value
    whom = mask(caller) if caller else "an unnamed caller"
    lines = [
        f"call {value.call_id} on line {value.line} (gateway {value.gateway})",
        f"from {whom}, webhook received {moment(received, zone)}",
        "",
    ]
    shown: set[tuple[str, str]] = set()
    for seen in sorted(records, key=order):
        head, *details = _describe(seen, zone)
        again = (seen.topic.name, head) in shown
        shown.add((seen.topic.name, head))
        margin = span(_at_ms(seen) - received).rjust(_MARGIN - 2)
        lines.append(f"{margin}  {head}" + (" (again)" if again else ""))
        if not again:
            lines += [f"{'':{_MARGIN}}{detail}" for detail in details]
    return lines


def _at_ms(seen: Seen) -> int:
    match seen.value:
        case CallOffered() | CallAccepted() | CallRejected():
            return int(seen.value.received_at_ms)
        case Decision() | RejectCall() | QueueText():
            return int(seen.value.decided_at_ms)
        case UnblockCaller():
            return int(seen.value.at_ms)
        case SendText():
            return int(seen.value.rejected_at_ms or seen.timestamp_ms)
        case Outcome():
            return int(seen.value.at_ms)
        case _:
            return seen.timestamp_ms


def order(seen: Seen) -> tuple[int, int]:
    """A record's place in the story.

    Within one millisecond: event, decision, command, outcome.
    """
    rank = (
        CallOffered,
        Decision,
        RejectCall,
        QueueText,
        BlockCaller,
        CallAccepted,
        CallRejected,
        Outcome,
        SendText,
    )
    place = next(
        (index for index, kind in enumerate(rank) if isinstance(seen.value, kind)), len(rank)
    )
    return _at_ms(seen), place


def _describe(seen: Seen, zone: tzinfo | None) -> Iterator[str]:
    value: StoryValue = seen.value
    match value:
        case CallOffered():
            yield from _offer(value, seen, zone)
        case CallAccepted():
            yield "the gateway says: picked up on another device of the line"
        case CallRejected():
            echo = (
                " (its own echo of our reject: no proof that the ringing stopped)"
                if value.echo
                else ""
            )
            yield f"the gateway says: the call is over{echo}"
        case Decision():
            yield from _decision(value, zone)
        case RejectCall() | QueueText() | SendText() | BlockCaller() | UnblockCaller():
            yield from _command(value, zone)
        case Outcome():
            yield from _outcome(value)
        case _:
            assert_never(value)


def _command(command: Command, zone: tzinfo | None) -> Iterator[str]:
    match command:
        case RejectCall():
            reply = (
                f", then the reply {command.reply}" if command.reply else ", and nothing to be said"
            )
            yield f"reject asked for{reply}"
            yield f"to be sent before {moment(command.expires_at_ms, zone)}"
        case QueueText():
            yield f"the caller is queued, to be told by the reply {command.reply} if the call rings"
            yield f"to be handed on before {moment(command.expires_at_ms, zone)}"
        case SendText():
            variant = f" in the variant {command.variant}" if command.variant else ""
            whom = (
                ""
                if command.rejected_at_ms is not None
                else " (the caller is queued, and the call rings on)"
            )
            yield f"text asked for{whom}: the reply {command.reply}{variant}"
            yield f"to be sent before {moment(command.expires_at_ms, zone)}"
        case BlockCaller():
            yield f"block on the gateway asked for, until {moment(command.until_ms, zone)}"
        case UnblockCaller():
            yield "end of the block on the gateway asked for"
        case _:
            assert_never(command)


def _offer(offer: CallOffered, seen: Seen, zone: tzinfo | None) -> Iterator[str]:
    place = "told to screening" if seen.topic.name == "calls.events" else "noted in the call's life"
    yield f"offer of a {'group ' if offer.group else ''}{offer.media} call, {place}"
    sources = {
        "payload": "by the provider's clock",
        "envelope": "by the webhook's time",
        "received": "by our clock, for the webhook names no time",
    }
    yield f"began to ring {moment(offer.offered_at_ms, zone)}, {sources[offer.time_source]}"
    if offer.caller_known_as:
        yield f"also known as {', '.join(mask(jid) for jid in offer.caller_known_as)}"
    if offer.caller_claims:
        named = ", ".join(mask(jid) for jid in offer.caller_claims)
        yield f"its own client names {named}, which counts against it only"
    if offer.offline:
        yield "queued while the gateway was disconnected"
    if offer.after_end:
        yield "an earlier call under the same call id had ended before"
    if offer.ended:
        yield "its end had been told before"


def _decision(decision: Decision, zone: tzinfo | None) -> Iterator[str]:
    who = DECIDERS.get(decision.by) or f"the rule {decision.rule}"
    yield f"decided: {decision.verdict} ({VERDICTS[decision.verdict]}) by {who}: {decision.why}"
    if decision.generation:
        yield "a new call under a call id that was used before, by its newer offered time"
    whose = "the common policy" if decision.policy == "*" else f"the policy of {decision.policy}"
    yield f"{whose}, revision {decision.policy_revision}"
    facts = " · ".join(
        _fact(name, value, decision.decided_at_ms, zone) for name, value in decision.facts.items()
    )
    if facts:
        yield f"known: {facts}"
    yield from (_rule(trace) for trace in decision.rules)
    yield from (_assignment(each) for each in decision.assignments)


def _rule(trace: RuleTrace) -> str:
    if trace.error:
        state = "failed"
    elif trace.holdout:
        state = "would reject (the caller is held out)"
    elif trace.matched:
        state = "would apply (shadow)" if trace.shadow else "applies"
    else:
        state = "does not apply"
    return f"rule {trace.rule} ({trace.kind}) {state}: {trace.why}"


def _assignment(given: Assignment) -> str:
    share = given.shares.get(given.variant, 0.0)
    which = f"experiment of the {given.of} {given.experiment}"
    return f"{which}: {given.variant}, as {share:.0%} of callers are"


def _outcome(outcome: Outcome) -> Iterator[str]:
    yield f"{outcome_words(outcome)}: {_COMMANDS[outcome.command]} is {outcome.result}"
    details: Mapping[str, object] = {
        "reason": outcome.reason,
        "HTTP status": outcome.http_status,
        "requests": outcome.attempts or None,
        "reply": outcome.reply,
        # the part before the last underscore holds the caller's number
        "message": outcome.message_id.rpartition("_")[2] if outcome.message_id else None,
        "answered after": span(outcome.at_ms - outcome.sent_at_ms)
        if outcome.sent_at_ms is not None and outcome.result in {"accepted", "raced", "failed"}
        else None,
    }
    given = ", ".join(f"{name} {value}" for name, value in details.items() if value is not None)
    if given:
        yield given
    because = _BECAUSE.get(outcome.reason or "")
    if because is not None:
        yield because


def _fact(name: str, value: Scalar, now_ms: int, zone: tzinfo | None) -> str:
    words = name.removesuffix("_ms").replace("_", " ")
    match value:
        case bool():
            text = words if value else f"not {words}"
        case None:
            text = f"{words} unknown"
        case str():
            text = f"{words} {mask(value) if '@' in value else value}"
        case _ if not name.endswith("_ms"):
            text = f"{words} {value}"
        case _ if value >= _EPOCH_SIZED:
            ago = round(now_ms - value)
            distance = f"{span(abs(ago))} {'before' if ago >= 0 else 'later'}"
            text = f"{words} {distance} ({moment(round(value), zone)})"
        case 0 if words.startswith("last "):
            text = f"{words} never"
        case _:
            text = f"{words} {span(round(value))}"
    return text
