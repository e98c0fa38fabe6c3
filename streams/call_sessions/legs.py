"""Who is under a call id, and which call is which: read from a session's facts. Does no IO.

**A leg** is one person. Offers of one call id by a LID and by a number within ``JOIN_MS`` are one
person's: engines report one call under both (Baileys #2154, #1031). Two numbers never are, for a
caller's own client chooses the call id (Baileys and whatsmeow read it from the offer stanza), so
that anybody can offer under the id of somebody else's call.

**A generation** is one call of a leg. The next one begins only with an offered time that a payload
names, and that lies a ring window after the former or not before its end: reported by the gateway,
or by our reject that it accepted. A retry without a time of its own begins none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from models.commands import REJECT_WINDOW_MS
from models.identity import Jid
from streams.call_sessions.session import CallSession, Mark, Party

JOIN_MS: Final = 10_000
"""Offers of one call under two identities come within a second of one another; a delayed webhook
has the time of its payload all the same."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One person's calls under a call id. Times are ms UTC, in their order."""

    parties: tuple[Party, ...]
    begun: tuple[int, ...]
    """When each generation began; the first is before everything."""
    accepted: tuple[int, ...]
    ended: tuple[int, ...]
    echoed: tuple[int, ...]

    @property
    def group(self) -> bool:
        """A group's call: what one member does says nothing of the others."""
        return any(party.group for party in self.parties)

    @property
    def names(self) -> frozenset[str]:
        """Every JID of the person."""
        return frozenset(name for party in self.parties for name in party.names)

    def generation(self, offered_at_ms: int) -> int:
        """Which generation an offered time belongs to, counted from 0."""
        return max(0, bisect_right(self.begun, offered_at_ms) - 1)

    def is_over(self, generation: int) -> bool:
        """Whether a later one has begun."""
        return generation + 1 < len(self.begun)

    def accepted_in(self, generation: int) -> int | None:
        """When a generation was first told to be answered, or None."""
        # of a second that is cut off, what comes in that second may have come after the beginning
        return self._first(self.accepted, generation, slack_ms=999)

    def ended_in(self, generation: int) -> int | None:
        """When a generation was first told to have ended, or None."""
        return self._first(self.ended, generation)

    def echoed_in(self, generation: int) -> int | None:
        """When a gateway first echoed our reject of a generation, or None."""
        return self._first(self.echoed, generation)

    def _first(self, times: Sequence[int], generation: int, slack_ms: int = 0) -> int | None:
        since = None
        if generation > 0:
            begun = self.begun[generation]
            since = begun - min(slack_ms, begun % 1000)
        until = self.begun[generation + 1] if self.is_over(generation) else None
        return next(
            (
                at_ms
                for at_ms in times
                if (since is None or at_ms >= since) and (until is None or at_ms <= until)
            ),
            None,
        )


def legs(session: CallSession) -> list[Leg]:
    """Everybody under the call id of whom an offer was read."""
    offered = [party for party in session.parties if party.first_offered_ms is not None]
    people = _people(offered)
    return [
        _leg(
            parties,
            accepted=_told_of(session.accepted, parties, alone=len(people) == 1),
            ended=_told_of(session.ended, parties, alone=len(people) == 1),
            echoed=_told_of(session.echoed, parties, alone=len(people) == 1),
        )
        for parties in people
    ]


def leg_of(session: CallSession, caller: str) -> Leg | None:
    """The leg of a caller, or None where no offer names them."""
    return next(
        (leg for leg in legs(session) if any(each.caller == caller for each in leg.parties)), None
    )


def _people(offered: Sequence[Party]) -> list[tuple[Party, ...]]:
    if len(offered) < 2:
        return [(party,) for party in offered]
    lids = [party for party in offered if _kind(party.caller) == "lid"]
    phones = [party for party in offered if _kind(party.caller) == "phone"]
    # of three, nobody knows which two are one
    if len(lids) == len(phones) == 1 and _together(lids[0], phones[0]):
        joined = (lids[0], phones[0])
        return [joined, *((party,) for party in offered if party not in joined)]
    return [(party,) for party in offered]


def _together(one: Party, other: Party) -> bool:
    first, second = one.first_offered_ms, other.first_offered_ms
    return first is not None and second is not None and abs(first - second) <= JOIN_MS


def _leg(
    parties: tuple[Party, ...],
    *,
    accepted: tuple[int, ...],
    ended: tuple[int, ...],
    echoed: tuple[int, ...],
) -> Leg:
    return Leg(parties, _beginnings(parties, ended), accepted, ended, echoed)


def _beginnings(parties: tuple[Party, ...], ended: Sequence[int]) -> tuple[int, ...]:
    begun = [min(party.first_offered_ms or 0 for party in parties)]
    rejects = [each for party in parties for each in party.rejects]
    for at_ms, is_first in sorted(
        (at_ms, at_ms == party.first_offered_ms) for party in parties for at_ms in party.offered
    ):
        former = begun[-1]
        if at_ms <= former or (is_first and at_ms - begun[0] <= JOIN_MS):
            # the first call under the second identity is the one under the first
            continue
        over = at_ms - former >= REJECT_WINDOW_MS
        over = over or any((len(begun) == 1 or end >= former) and end <= at_ms for end in ended)
        over = over or any(
            former <= reject.offered_at_ms < at_ms and reject.at_ms <= at_ms for reject in rejects
        )
        if over:
            begun.append(at_ms)
    return tuple(begun)


def _told_of(marks: Sequence[Mark], parties: tuple[Party, ...], *, alone: bool) -> tuple[int, ...]:
    """The times of the marks that are about these parties.

    A gateway that names the call only means everybody under it. One that names a LID where only a
    number is known, or the other way round, means the only one there is.
    """
    if not marks:
        return ()
    names = {name for party in parties for name in party.names}
    kinds = {_kind(name) for name in names}
    return tuple(
        mark.at_ms
        for mark in marks
        if not mark.caller or mark.caller in names or (alone and _kind(mark.caller) not in kinds)
    )


@lru_cache(maxsize=4096)
def _kind(jid: str) -> str:
    try:
        return Jid.parse(jid).kind
    except ValueError:
        return "other"
