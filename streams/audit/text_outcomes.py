"""Which texts were accepted, and which may or may not have been delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from models.identity import mask
from models.outcomes import Outcome
from streams.audit.bounded_memory import BoundedMemory
from streams.common.wording import moment
from streams.kafka.reader import RecordRef

_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Unsure:
    """A text whose delivery is unknown: somebody may want to look into the chat."""

    call_id: str
    line: str
    caller: str
    """Masked."""
    reason: str | None
    at_ms: int
    place: RecordRef

    def sentence(self) -> str:
        """One line for the console."""
        why = f" ({self.reason.replace('-', ' ')})" if self.reason else ""
        return (
            f"text unsure: call {self.call_id}: whether {self.caller} on line {self.line}"
            f" was told is not known{why}, {moment(self.at_ms)[:19]} [{self.place}]"
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "call_id": self.call_id,
            "line": self.line,
            "caller": self.caller,
            "reason": self.reason,
            "at_ms": self.at_ms,
            "topic": self.place.topic,
            "partition": self.place.partition,
            "offset": self.place.offset,
        }


class TextOutcomes:
    """Collects the outcomes in the audit's range; repeats are recognised."""

    def __init__(self, cooldown_ms: Callable[[str], int]) -> None:
        """``cooldown_ms`` of a line: how long after one text a caller gets no other."""
        self._cooldown_ms = cooldown_ms
        self._counted: BoundedMemory[str, None] = BoundedMemory()
        self._texted: dict[tuple[str, str], int] = {}
        self.accepted: Counter[str] = Counter()
        """Accepted commands by kind; repeats count once."""
        self.within_cooldown = 0
        """Texts within the cool-down of another to the same caller and line."""
        self.unsure: dict[str, Unsure] = {}
        """By command id; the newest ten thousand."""

    def add(self, outcome: Outcome, place: RecordRef) -> None:
        """Note one outcome; a repeat changes nothing."""
        if outcome.result not in {"accepted", "unknown"} or not self._counted.add_if_new(
            outcome.outcome_id, None
        ):
            return
        if outcome.result == "accepted":
            self.accepted[outcome.command] += 1
        if outcome.command != "text":
            return
        if outcome.result == "unknown":
            self._add_unsure(outcome, place)
            return
        key = (outcome.line, outcome.caller)
        before = self._texted.get(key)
        if before is not None and outcome.at_ms - before < self._cooldown_ms(outcome.line):
            self.within_cooldown += 1
        self._texted[key] = outcome.at_ms

    def forget(self, now_ms: int) -> None:
        """Drop callers whose cool-down is over."""
        self._texted = {
            key: at_ms
            for key, at_ms in self._texted.items()
            if now_ms - at_ms < self._cooldown_ms(key[0])
        }

    def _add_unsure(self, outcome: Outcome, place: RecordRef) -> None:
        self.unsure[outcome.command_id] = Unsure(
            outcome.call_id,
            outcome.line,
            mask(outcome.caller),
            outcome.reason,
            outcome.at_ms,
            place,
        )
        if len(self.unsure) > _KEPT:
            del self.unsure[next(iter(self.unsure))]
