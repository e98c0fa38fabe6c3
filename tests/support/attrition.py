"""Facts about rejected callers, and worlds of them for the property tests."""

from __future__ import annotations

import random
from typing import Any

from models.attrition import AttritionOpened, opened_id
from streams.attrition.facts import (
    Answered,
    BlockedByHand,
    DecidedToReject,
    Fact,
    LetThrough,
    LineDisconnected,
    Linked,
    RejectTook,
    Told,
    WrittenTo,
    Wrote,
)

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
    return BlockedByHand(**about(at_ms, f"{line}/{caller}", line=line, caller=caller))


def linked(alias: str, caller: str, at_ms: int) -> Linked:
    return Linked(known_ms=at_ms, fact_id=f"{alias}/{caller}", alias=alias, caller=caller)


def disconnected(from_ms: int, line: str = LINE) -> LineDisconnected:
    return LineDisconnected(
        known_ms=from_ms + 120_000, fact_id=f"{line}/{from_ms}", line=line, from_ms=from_ms
    )


def world(seed: int, facts: int = 60, span_ms: int = 10 * DAY) -> list[Fact]:
    """What a few people do over some days, who turn out to be fewer; the same for each seed."""
    chance = random.Random(seed)
    people, lines = [ADA, BEN, LID, "900000000000144@lid"], [LINE, "paris"]
    found: list[Fact] = []
    for number in range(facts):
        at_ms = T0 + chance.randrange(span_ms)
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


def quick_world(seed: int) -> list[Fact]:
    """The same within minutes, for horizons of minutes: everything comes close together."""
    return world(seed, facts=40, span_ms=20 * MINUTE)
