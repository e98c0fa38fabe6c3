"""Facts about rejected callers, and worlds of them for the property tests."""

from __future__ import annotations

import random
from typing import Any

from models import records
from models.answers import CallAnswered
from models.attrition import AttritionOpened, opened_id
from models.decisions import Decision, Verdict
from models.identity_links import CallerLinked
from models.messages import MessageSeen
from models.outcomes import CommandKind, Outcome, Result, outcome_id
from models.overrides import CallerBlock
from models.presence import ConnectionChange, LineStatus
from models.records import Record
from streams.attrition.facts import (
    Answered,
    BlockedByHand,
    DecidedToReject,
    Fact,
    LetThrough,
    LineDisconnected,
    Linked,
    OfCaller,
    RejectTook,
    Told,
    WrittenTo,
    Wrote,
)
from tests.support.records import decision, offer

SOURCE = "/ringfence/tests"
T0 = 1_767_261_600_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
HORIZONS = (DAY, 7 * DAY)

ADA, BEN, LID = "447700900123@c.us", "447700900124@c.us", "900000000000143@lid"
LINE = "london"


def about(at_ms: int, fact_id: str, *, caller: str = ADA, line: str = LINE) -> dict[str, Any]:
    """What every fact about a caller says, known when it happened."""
    return {
        "known_ms": at_ms,
        "fact_id": fact_id,
        "caller": caller,
        "line": line,
        "at_ms": at_ms,
    }


def opening(
    decision_id: str, *, caller: str = ADA, line: str = LINE, **more: Any
) -> AttritionOpened:
    given: dict[str, Any] = {
        "event_id": opened_id(decision_id),
        "episode_id": decision_id,
        "caller": caller,
        "line": line,
        "gateway": "office",
        "by": "rule",
        "rule": "text-first",
        "policy": "*",
        "policy_revision": "0123456789ab",
        "hour": 10,
        "weekday": 3,
        "at_ms": T0,
    }
    return AttritionOpened(**given | more)


def reject(
    call: str, at_ms: int, *, caller: str = ADA, line: str = LINE, **more: Any
) -> list[Fact]:
    """A call that is rejected: the decision, and its effect 10 ms later."""
    decision_id = f"{line}/{call}"
    where = {"caller": caller, "line": line}
    return [
        DecidedToReject(
            opening=opening(decision_id, **where, **more),
            **about(at_ms - 10, decision_id, **where),
        ),
        RejectTook(
            decision_id=decision_id,
            not_told=None,
            **about(at_ms, f"{decision_id}/reject/accepted", **where),
        ),
    ]


def told(call: str, at_ms: int, why_not: str | None = None, line: str = LINE) -> Told:
    decision_id = f"{line}/{call}"
    return Told(
        decision_id=decision_id,
        told=why_not is None,
        not_told=why_not,
        **about(at_ms, f"{decision_id}/text/accepted", line=line),
    )


def wrote(at_ms: int, **where: Any) -> Wrote:
    return Wrote(**about(at_ms, f"in-{at_ms}", **where))


def written_to(at_ms: int, **where: Any) -> WrittenTo:
    return WrittenTo(**about(at_ms, f"out-{at_ms}", **where))


def let_through(call: str, at_ms: int, *, line: str = LINE, caller: str = ADA) -> LetThrough:
    decision_id = f"{line}/{call}"
    return LetThrough(
        decision_id=decision_id, **about(at_ms, decision_id, line=line, caller=caller)
    )


def answered(call: str, at_ms: int, *, line: str = LINE, caller: str = ADA) -> Answered:
    decision_id = f"{line}/{call}"
    where = about(at_ms, f"{decision_id}/answered", line=line, caller=caller)
    return Answered(decision_id=decision_id, **where)


def blocked(at_ms: int, line: str = "*", caller: str = ADA) -> BlockedByHand:
    return BlockedByHand(**about(at_ms, f"{line}/{caller}/{at_ms}", line=line, caller=caller))


def linked(alias: str, caller: str, at_ms: int) -> Linked:
    return Linked(known_ms=at_ms, fact_id=f"{alias}/{caller}", alias=alias, caller=caller)


def disconnected(from_ms: int, line: str = LINE) -> LineDisconnected:
    return LineDisconnected(
        known_ms=from_ms + 120_000, fact_id=f"{line}/{from_ms}", line=line, from_ms=from_ms
    )


def world(seed: int, facts: int = 60, span_ms: int = 10 * DAY, since_ms: int = T0) -> list[Fact]:
    """What a few people do over some days, who turn out to be fewer; the same for each seed."""
    chance = random.Random(seed)
    people, lines = [ADA, BEN, LID, "900000000000144@lid"], [LINE, "paris"]
    found: list[Fact] = []
    for number in range(facts):
        at_ms = since_ms + chance.randrange(span_ms)
        who: dict[str, Any] = {"caller": chance.choice(people), "line": chance.choice(lines)}
        call = f"call-{number}"
        match chance.randrange(10):
            case 0 | 1 | 2:
                found += reject(call, at_ms, **who)
                found.append(told(call, at_ms + chance.randrange(5000), line=who["line"]))
            case 3:
                found.append(wrote(at_ms, **who))
            case 4:
                found.append(written_to(at_ms, **who))
            case 5 | 6:
                found.append(let_through(call, at_ms, **who))
                found.append(answered(call, at_ms + 5000, **who))
            case 7:
                one, other = chance.sample(people, 2)
                found.append(linked(one, other, at_ms))
            case 8:
                found.append(blocked(at_ms, caller=who["caller"]))
            case _:
                found.append(disconnected(at_ms, who["line"]))
    return found


def quick_world(seed: int, since_ms: int = T0) -> list[Fact]:
    """The same within minutes, for horizons of minutes: everything comes close together."""
    return world(seed, facts=40, span_ms=20 * MINUTE, since_ms=since_ms)


def record_of(fact: Fact) -> Record:
    """The record that says a fact."""
    match fact:
        case DecidedToReject():
            made = records.decision(
                _decision(fact, "reject", fact.opening.episode_id), SOURCE, None
            )
        case LetThrough():
            made = records.decision(_decision(fact, "ring", fact.decision_id), SOURCE, None)
        case RejectTook():
            made = records.outcome(_outcome(fact, "reject", "accepted"), SOURCE, None)
        case Told():
            sent = _outcome(fact, "text", "accepted" if fact.told else "suppressed")
            made = records.outcome(sent, SOURCE, None)
        case Answered():
            made = records.call_answer(
                CallAnswered(
                    event_id=fact.fact_id,
                    decision_id=fact.decision_id,
                    gateway="office",
                    line=fact.line,
                    call_id=fact.decision_id.partition("/")[2],
                    caller=fact.caller,
                    after_ms=5000,
                    offered_at_ms=fact.at_ms - 5000,
                    at_ms=fact.at_ms,
                ),
                SOURCE,
                None,
            )
        case Wrote() | WrittenTo():
            made = records.message_event(
                MessageSeen(
                    event_id=fact.fact_id,
                    message_id=fact.fact_id,
                    gateway="office",
                    line=fact.line,
                    caller=fact.caller,
                    direction="in" if isinstance(fact, Wrote) else "out",
                    by_hand=isinstance(fact, WrittenTo),
                    at_ms=fact.at_ms,
                    received_at_ms=fact.known_ms,
                ),
                SOURCE,
                None,
            )
        case Linked():
            made = records.caller_linked(
                CallerLinked(
                    event_id=fact.fact_id,
                    alias=fact.alias,
                    caller=fact.caller,
                    at_ms=fact.known_ms,
                ),
                SOURCE,
            )[0]
        case BlockedByHand():
            block = CallerBlock(
                caller=fact.caller,
                line=fact.line,
                until_ms=fact.at_ms + HOUR,
                author="ops",
                at_ms=fact.at_ms,
            )
            made = records.reference(block, SOURCE, fact.at_ms)
        case LineDisconnected():
            changes = (
                ConnectionChange(at_ms=fact.from_ms, connected=False),
                ConnectionChange(at_ms=fact.known_ms + 1, connected=True),
            )
            status = LineStatus(
                line=fact.line,
                connected=True,
                status="WORKING",
                changed_at_ms=fact.known_ms + 1,
                changes=changes,
            )
            made = records.reference(status, SOURCE, fact.known_ms)
        case _:
            raise AssertionError(fact)
    return made


def _decision(fact: OfCaller, verdict: Verdict, decision_id: str) -> Decision:
    call = offer(
        decision_id.partition("/")[2], caller=fact.caller, line=fact.line, at_ms=fact.at_ms
    )
    return decision(call, verdict, after_ms=0)


def _outcome(fact: RejectTook | Told, command: CommandKind, result: Result) -> Outcome:
    command_id = f"{fact.decision_id}/{command}"
    return Outcome(
        outcome_id=outcome_id(command_id, result),
        command_id=command_id,
        command=command,
        decision_id=fact.decision_id,
        gateway="office",
        line=fact.line,
        call_id=fact.decision_id.partition("/")[2],
        caller=fact.caller,
        result=result,
        reason=fact.not_told,
        reply="text-first",
        at_ms=fact.at_ms,
    )
