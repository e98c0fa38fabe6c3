"""What deciding the past once more came to, for people and for machines.

Callers are masked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.decisions import Verdict
from models.identity import mask
from streams.common.table import table
from streams.common.wording import count, moment
from streams.history.decide_again import Compared

Ruling = tuple[Verdict, str | None]


@dataclass(slots=True)
class Comparison:
    """Takes calls one by one."""

    calls: int = 0
    undecided: int = 0
    """Calls that have no decision on the topics."""
    was: Counter[Ruling] = field(default_factory=Counter)
    would: Counter[Ruling] = field(default_factory=Counter)
    differing: list[Compared] = field(default_factory=list)

    def take(self, call: Compared) -> None:
        """One call."""
        self.calls += 1
        self.would[call.would.verdict, call.would.rule] += 1
        if call.was is None:
            self.undecided += 1
        else:
            self.was[call.was.verdict, call.was.rule] += 1
        if call.differs:
            self.differing.append(call)

    def lines(self, *, diff: bool) -> Iterator[str]:
        """For people: each verdict and rule, how often it was and would be.

        With ``diff`` the calls that differ.
        """
        without = (
            f", {self.undecided} of them without a decision on the topics" if self.undecided else ""
        )
        yield f"calls       {count(self.calls, 'call')}{without}"
        rows = sorted({*self.was, *self.would}, key=lambda ruling: (ruling[0], ruling[1] or ""))
        names = {ruling: f"{ruling[0]} by {_rule(ruling)}" for ruling in rows}
        cells = [(names[each], str(self.was[each]), str(self.would[each])) for each in rows]
        if cells:
            for line in table([("", "was", "would be"), *cells], right=2):
                yield f"{'':12}{line}"
        yield f"differing   {count(len(self.differing), 'call')}"
        changes = Counter(
            (_was(call), (call.would.verdict, call.would.rule)) for call in self.differing
        )
        for (before, after), number in changes.most_common():
            was, would = (f"{each[0]} by {_rule(each)}" for each in (before, after))
            yield f"{'':12}{number} from {was} to {would}"
        if diff:
            for call in self.differing:
                offer = call.offer
                yield (
                    f"  {moment(offer.received_at_ms)[:19]}  {offer.line}  "
                    f"{mask(offer.caller)}  {offer.call_id}: "
                    f"{_was(call)[0]}, would {call.would.verdict}: {call.would.why}"
                )

    def as_dict(self, revisions: Mapping[str, str]) -> dict[str, Any]:
        """For JSON; ``revisions`` of the policies that decided, by their line."""
        return {
            "policies": dict(revisions),
            "calls": self.calls,
            "without_decision": self.undecided,
            "was": _counted(self.was),
            "would_be": _counted(self.would),
            "differing": [
                {
                    "call_id": call.offer.call_id,
                    "line": call.offer.line,
                    "received_at_ms": call.offer.received_at_ms,
                    "was": _ruling(_was(call)),
                    "would_be": _ruling((call.would.verdict, call.would.rule)),
                    "why": call.would.why,
                }
                for call in self.differing
            ],
        }


def _was(call: Compared) -> Ruling:
    if call.was is None:
        msg = "a call without a decision differs from nothing"
        raise ValueError(msg)
    return call.was.verdict, call.was.rule


def _rule(ruling: Ruling) -> str:
    return ruling[1] or "no rule"


def _ruling(ruling: Ruling) -> dict[str, str | None]:
    return {"verdict": ruling[0], "rule": ruling[1]}


def _counted(rulings: Mapping[Ruling, int]) -> Iterable[dict[str, Any]]:
    return [{**_ruling(ruling), "calls": number} for ruling, number in rulings.items()]
