"""What the topics keep of the past, as far as deciding once more needs it."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

from models.calls import CallOffered
from models.decisions import Decision, Verdict, decision_id
from models.messages import MessageSeen


@dataclass(frozen=True, slots=True)
class Ruled:
    """What was decided, and what was known then that no topic can tell today."""

    verdict: Verdict
    rule: str | None
    at_ms: int
    last_in_ms: int
    last_out_ms: int
    history_incomplete: bool

    @classmethod
    def of(cls, decision: Decision) -> Ruled:
        """The part of a decision that is compared or used again."""
        facts = decision.facts
        return cls(
            decision.verdict,
            decision.rule,
            decision.decided_at_ms,
            _time(facts.get("last_in_ms")),
            _time(facts.get("last_out_ms")),
            bool(facts.get("history_incomplete")),
        )


@dataclass(slots=True)
class Past:
    """Takes records in any order; some kilobyte for each call, eight bytes for each message."""

    offers: dict[tuple[str, str, int], CallOffered] = field(default_factory=dict)
    """By call, caller and offered time: the first webhook of each."""
    rulings: dict[str, Ruled] = field(default_factory=dict)
    """By the decision's id: the effective decision, which is the first on its topic."""
    _messages: dict[tuple[str, str, str], array[int]] = field(default_factory=dict)

    def take(self, value: object) -> None:
        """One decoded value; a repeat changes nothing, and what is of no use is passed over."""
        match value:
            case CallOffered():
                call = decision_id(value.line, value.call_id)
                self.offers.setdefault((call, value.caller, value.offered_at_ms), value)
            case Decision():
                self.rulings.setdefault(value.decision_id, Ruled.of(value))
            case MessageSeen():
                insort(
                    self._messages.setdefault(
                        (value.caller, value.line, value.direction), array("q")
                    ),
                    value.at_ms,
                )
            case _:
                pass

    def in_order(self) -> list[CallOffered]:
        """The calls as they came to the bridge."""
        return sorted(
            self.offers.values(),
            key=lambda offer: (offer.received_at_ms, offer.line, offer.call_id),
        )

    def last_message_ms(
        self, jids: Iterable[str], line: str, direction: str, before_ms: int
    ) -> int:
        """When the last message between a person and a line passed before a moment; 0 for never."""
        latest = 0
        for jid in jids:
            times = self._messages.get((jid, line, direction), array("q"))
            found = bisect_left(times, before_ms)
            latest = max(latest, times[found - 1] if found else 0)
        return latest


def _time(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
