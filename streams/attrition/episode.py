"""One episode: what happened after a caller was rejected, and how its horizons close. Does no IO.

``evolve`` and ``close`` are called in the order of the facts (``Known.order``), so that what is
said once stays true: the first return is the one that was known first, and what is known only after
a horizon has closed does not open it again. Repeats change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from models.attrition import (
    AttritionClosed,
    AttritionOpened,
    AttritionReturned,
    CensorReason,
    Return,
    closed_id,
    returned_id,
)
from models.bounds import Count, Millis
from streams.attrition.facts import (
    Answered,
    BlockedByHand,
    LetThrough,
    OfCaller,
    Order,
    RejectTook,
    Told,
    WrittenTo,
    Wrote,
)
from streams.common.app_answers import AFTER_CALL_MS, is_within

DECISIONS_KEPT: Final = 50
"""Rejects whose ids are remembered, the newest: a repeat comes within a minute or so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstReturn:
    """What the caller did first. Times are ms UTC."""

    what: Return
    at_ms: Millis
    decision_id: str | None = None
    """Of the call that was let through."""
    answered: bool = False
    """That call was picked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Censored:
    """From when on the episode says nothing of its caller."""

    reason: CensorReason
    at_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Everything that is known of one; times are ms UTC."""

    opened: AttritionOpened
    after: Order
    """Facts before this one in the order say nothing of the episode."""
    decisions: tuple[str, ...]
    """Rejects that were counted, the newest last."""
    rejects: Count = 1
    last_reject_ms: Millis
    told: bool | None = None
    not_told: str | None = None
    told_at_ms: Millis = 0
    """When the text of the first reject was sent; 0: not."""
    returned: FirstReturn | None = None
    censored: Censored | None = None
    closed: tuple[Millis, ...] = ()
    """The horizons that have closed."""

    @property
    def episode_id(self) -> str:
        """The id of the decision that began it."""
        return self.opened.episode_id

    def next_close_ms(self, horizons: Sequence[int]) -> int | None:
        """When the next horizon closes, or None."""
        still_open = [each for each in horizons if each not in self.closed]
        return self.opened.at_ms + min(still_open) if still_open else None


def evolve(episode: Episode, fact: OfCaller) -> Episode:
    """The episode with a fact about its caller and line in it."""
    if fact.order < episode.after:
        return episode
    match fact:
        case RejectTook():
            return _rejected(episode, fact)
        case Told():
            return _told(episode, fact)
        case Answered():
            return _answered(episode, fact)
        case BlockedByHand():
            return censor(episode, "blocked-by-hand", fact.at_ms)
        case _:
            what = _what(episode, fact)
            return episode if what is None else _returned(episode, what, fact)


def _what(episode: Episode, fact: OfCaller) -> Return | None:
    """What the caller did by a fact, or None."""
    match fact:
        case Wrote():
            return "wrote"
        case LetThrough():
            # else it was decided twice, while its first worker was dying
            return "rang" if fact.decision_id not in episode.decisions else None
        case WrittenTo():
            since = (episode.last_reject_ms, episode.told_at_ms)
            by_itself = any(is_within(fact.at_ms, each, AFTER_CALL_MS) for each in since)
            return "reached" if not by_itself else None
        case _:
            return None


def censor(episode: Episode, reason: CensorReason, at_ms: int) -> Episode:
    """The episode that says nothing more of its caller from ``at_ms`` on.

    The earliest reason that is known counts; what happened before the episode is none.
    """
    before = episode.censored
    if at_ms < episode.opened.at_ms or (before is not None and before.at_ms <= at_ms):
        return episode
    return replace(episode, censored=Censored(reason=reason, at_ms=at_ms))


def close(
    episode: Episode, horizons: Sequence[int], now_ms: int, caller: str
) -> tuple[Episode, list[AttritionClosed]]:
    """Close the horizons that are over at ``now_ms``, and say how the episode stands.

    ``caller`` is the canonical JID by which its caller is known now.
    """
    over = [
        each
        for each in sorted(horizons)
        if each not in episode.closed and episode.opened.at_ms + each <= now_ms
    ]
    if not over:
        return episode, []
    closed = [_closed(episode, each, caller) for each in over]
    return replace(episode, closed=(*episode.closed, *over)), closed


def returned_event(episode: Episode, caller: str) -> AttritionReturned | None:
    """The event of the first return, or None where there was none."""
    found, opened = episode.returned, episode.opened
    if found is None:
        return None
    return AttritionReturned(
        event_id=returned_id(episode.episode_id),
        episode_id=episode.episode_id,
        caller=caller,
        line=opened.line,
        rule=opened.rule,
        reply=opened.reply,
        variant=opened.variant,
        what=found.what,
        after_ms=found.at_ms - opened.at_ms,
        rejects=episode.rejects,
        told=episode.told,
        not_told=episode.not_told,
        opened_at_ms=opened.at_ms,
        at_ms=found.at_ms,
    )


def joined(one: Episode, other: Episode, now_ms: int) -> tuple[Episode, Episode]:
    """Two episodes of one person on one line: the one that goes on, and the one that is merged.

    The earlier goes on, counts the rejects of both, and has returned where either has.
    """
    first, second = sorted((one, other), key=lambda each: (each.opened.at_ms, each.episode_id))
    decisions = tuple(dict.fromkeys((*first.decisions, *second.decisions)))
    first = replace(
        first,
        decisions=decisions[-DECISIONS_KEPT:],
        rejects=first.rejects + second.rejects,
        last_reject_ms=max(first.last_reject_ms, second.last_reject_ms),
        returned=first.returned or second.returned,
    )
    return first, censor(second, "merged", max(now_ms, second.opened.at_ms))


def _closed(episode: Episode, horizon_ms: int, caller: str) -> AttritionClosed:
    opened, returned, censored = episode.opened, episode.returned, episode.censored
    end_ms = opened.at_ms + horizon_ms
    if returned is not None and returned.at_ms > end_ms:
        returned = None
    if returned is not None or (censored is not None and censored.at_ms > end_ms):
        censored = None
    return AttritionClosed(
        event_id=closed_id(episode.episode_id, horizon_ms),
        episode_id=episode.episode_id,
        caller=caller,
        line=opened.line,
        rule=opened.rule,
        reply=opened.reply,
        variant=opened.variant,
        horizon_ms=horizon_ms,
        state="returned" if returned else "censored" if censored else "gone",
        reason=censored.reason if censored else None,
        censored_after_ms=censored.at_ms - opened.at_ms if censored else None,
        what=returned.what if returned else None,
        after_ms=returned.at_ms - opened.at_ms if returned else None,
        answered=returned.answered if returned and returned.what == "rang" else None,
        rejects=episode.rejects,
        told=episode.told,
        not_told=episode.not_told,
        opened_at_ms=opened.at_ms,
        at_ms=end_ms,
    )


def _rejected(episode: Episode, fact: RejectTook) -> Episode:
    if fact.decision_id in episode.decisions:
        return episode
    return replace(
        episode,
        decisions=(*episode.decisions, fact.decision_id)[-DECISIONS_KEPT:],
        rejects=episode.rejects + 1,
        last_reject_ms=max(episode.last_reject_ms, fact.at_ms),
    )


def _told(episode: Episode, fact: Told) -> Episode:
    if fact.decision_id != episode.episode_id or episode.told is not None:
        return episode
    return replace(
        episode,
        told=fact.told,
        not_told=fact.not_told,
        told_at_ms=fact.at_ms if fact.told else 0,
    )


def _answered(episode: Episode, fact: Answered) -> Episode:
    returned = episode.returned
    if returned is not None and returned.decision_id == fact.decision_id:
        return replace(episode, returned=replace(returned, answered=True))
    if fact.decision_id in episode.decisions:
        return censor(episode, "answered", max(fact.at_ms, episode.opened.at_ms))
    return episode


def _returned(episode: Episode, what: Return, fact: OfCaller) -> Episode:
    censored, at_ms = episode.censored, fact.at_ms
    if (
        episode.returned is not None
        or at_ms <= episode.opened.at_ms
        or (censored is not None and censored.at_ms <= at_ms)
    ):
        return episode
    decision_id = fact.decision_id if isinstance(fact, LetThrough) else None
    return replace(episode, returned=FirstReturn(what=what, at_ms=at_ms, decision_id=decision_id))
