"""Deciding the past once more, call by call, with whatever policies are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from models.calls import CallOffered
from models.decisions import Decision, decision_id
from streams.history.past import Past, Ruled
from streams.policies.book import PolicyBook
from streams.screening.facts import LineFacts
from streams.screening.recent_calls import RecentCalls
from streams.screening.step import StepContext, is_duplicate, step
from streams.screening.storms import Storms
from streams.views.availability import Workers
from streams.views.views import Views


@dataclass(frozen=True, slots=True)
class Compared:
    """One call: what was decided, and what would have been."""

    offer: CallOffered
    was: Ruled | None
    """None: the topics have no decision on it."""
    would: Decision

    @property
    def differs(self) -> bool:
        """Whether verdict or rule are another."""
        return self.was is not None and (self.was.verdict, self.was.rule) != (
            self.would.verdict,
            self.would.rule,
        )


def again(
    past: Past,
    book: PolicyBook,
    known: Views,
    lines: Mapping[str, LineFacts],
    wanted: Callable[[CallOffered], bool],
) -> Iterator[Compared]:
    """Decide every call in the order in which they came; gives those that are ``wanted``.

    The others come before the range, and count in windows and blocks. A call is decided at the
    moment at which it was, with the messages that were known then. ``known`` is as of now:
    contacts, lists, presence, bridges and switches have no history.
    """
    callers: dict[str, RecentCalls] = {}
    storms = Storms(Workers("history"))
    for offset, offer in enumerate(past.in_order()):
        state = callers.get(offer.caller, RecentCalls())
        if is_duplicate(state, offer, offset):
            continue
        generation = state.generation_of(offer, offset)
        was = past.rulings.get(decision_id(offer.line, offer.call_id, generation))
        now_ms = was.at_ms if was is not None else offer.received_at_ms
        last_in_ms, last_out_ms = _talked(past, offer, was, now_ms)
        context = StepContext(
            in_force=book.for_line(offer.line),
            offset=offset,
            now_ms=now_ms,
            last_in_ms=last_in_ms,
            last_out_ms=last_out_ms,
            history_incomplete=was is not None and was.history_incomplete,
            known=known,
            line=lines.get(offer.line, LineFacts()),
            storms=storms,
        )
        done = step(state, offer, context)
        callers[offer.caller] = done.state
        if wanted(offer):
            yield Compared(offer, was, done.decision)


def _talked(past: Past, offer: CallOffered, was: Ruled | None, now_ms: int) -> tuple[int, int]:
    """When the caller last wrote, and was last written to."""
    if was is not None:
        # messages are kept for days, and their times in decisions for months
        return was.last_in_ms, was.last_out_ms
    jids = (offer.caller, *offer.caller_known_as)
    return (
        past.last_message_ms(jids, offer.line, "in", now_ms),
        past.last_message_ms(jids, offer.line, "out", now_ms),
    )
