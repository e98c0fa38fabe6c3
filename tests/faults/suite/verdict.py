"""Counting what a run came to, from the topics and the gateways' record alone."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from typing import Any

from models.commands import REJECT_WINDOW_MS, TEXT_WINDOW_MS
from models.decisions import decision_id
from models.identity import canonical
from streams.kafka.reader import RecordRef
from tests.faults.suite.journal import Asked, Record
from tests.faults.suite.ledger import Ledger
from tests.faults.suite.stage import Stage
from tests.faults.suite.traffic import Placed

TOLD_MS = 250
"""An answer or an end counts against an act only where the bridge had acknowledged it so long
before."""

LATE_MS = {"reject": REJECT_WINDOW_MS, "text": TEXT_WINDOW_MS}
EXCUSED = (
    "this call id was never offered",
    "nobody with this chat id has been in touch with this line",
)
"""What a simulator that was started again cannot know of calls that the one before it placed."""


@dataclass(slots=True, kw_only=True)
class Row:
    """One line of the table. ``sound`` only where every count of what must not be is zero."""

    case: str
    runs: int = 1
    kills: int = 0
    offers: int = 0
    lost: int = 0
    """Offers that the bridge took and no topic holds, offers without a decision or a dead letter,
    commands without an outcome, unreadable records without a dead letter, and calls that rang on
    though they were to be rejected."""
    doubled: int = 0
    """Texts beyond the first to one person of one line, and rejects of one call under a second
    identity."""
    stale: int = 0
    """Rejects and texts that reached the gateway after their window, or ``TOLD_MS`` after it was
    known that the call had been picked up or had ended."""
    by_mistake: int = 0
    """Calls of protected people that were decided or asked to be rejected."""
    underivable: int = 0
    """Decisions that are not those that their own records and policies give."""
    miscounted: int = 0
    """What attrition said otherwise than reading the past does, where it runs."""
    strange: int = 0
    """Requests that no gateway documents, or that mix two calls."""
    longest_wait_s: float = 0.0
    """From the first sending of a call's webhook to its decision."""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether nothing happened that must not."""
        return not (
            self.lost
            or self.doubled
            or self.stale
            or self.by_mistake
            or self.underivable
            or self.miscounted
            or self.strange
        )

    def add(self, other: Row) -> None:
        """Take another run of the same case in."""
        self.runs += other.runs
        for name in (
            *("kills", "offers", "lost", "doubled", "stale", "by_mistake"),
            *("underivable", "miscounted", "strange"),
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.longest_wait_s = max(self.longest_wait_s, other.longest_wait_s)
        for name, found in other.details.items():
            mine = self.details.get(name)
            self.details[name] = (
                mine + found if isinstance(mine, int | list) else found if mine is None else mine
            )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "sound": self.sound}


def verdict(stage: Stage) -> list[Row]:
    """One row for each label under which calls were placed, in the order of the first ones."""
    run = Run(
        placed=stage.callers.placed,
        label=stage.callers.label,
        kills=stage.kills,
        poisoned=stage.poisoned,
        timings=stage.timings,
        fell={part.name: part.fell for part in stage.parts if part.fell},
    )
    return count(stage.ledger, Record.read(stage.journal), run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the suite itself did: who was let call, what was killed and what was put where."""

    placed: Mapping[str, Placed]
    label: str
    """The row of whatever belongs to no call here."""
    kills: Mapping[str, int] = field(default_factory=dict)
    poisoned: AbstractSet[RecordRef] = field(default_factory=frozenset)
    timings: Mapping[str, dict[str, list[float]]] = field(default_factory=dict)
    fell: Mapping[str, list[int]] = field(default_factory=dict)


def count(ledger: Ledger, record: Record, run: Run) -> list[Row]:
    """As ``verdict``, of what was read. Pure."""
    return _Count(ledger, record, run).rows()


class _Count:
    def __init__(self, ledger: Ledger, record: Record, run: Run) -> None:
        self._ledger = ledger
        self._record = record
        self._run = run
        self._placed = run.placed
        self._line_of = {"default": "london", "paris": "paris", "0A1B2C3D4E5F": "riyadh"}
        self._rows: dict[str, Row] = {}
        self._people = {
            (p.person.line, jid): p for p in self._placed.values() for jid in p.person.party.aliases
        }
        for each in self._placed.values():
            self._row(each.label)
        for label, kills in run.kills.items():
            self._row(label).kills = kills

    def rows(self) -> list[Row]:
        self._offers()
        self._losses()
        self._mistakes()
        self._requests()
        self._waits()
        for label, timings in self._run.timings.items():
            self._row(label).details.update(timings)
        if self._run.fell:
            self._row(self._run.label).details["ended by themselves"] = [
                f"{name}: exit code {code}"
                for name, codes in self._run.fell.items()
                for code in codes
            ]
        return list(self._rows.values())

    def _row(self, label: str) -> Row:
        return self._rows.setdefault(label, Row(case=label))

    def _of(self, key: str) -> Row:
        """The row of a decision id, or the last one for what nobody here placed."""
        placed = self._placed.get(key)
        return self._row(placed.label if placed else self._run.label)

    def _offers(self) -> None:
        for key in self._ledger.offers:
            self._of(key).offers += 1

    def _losses(self) -> None:
        ledger = self._ledger
        for key in self._record.taken(self._placed) - ledger.offers.keys():
            self._lose(self._of(key), f"{key} was answered with 2xx and stands nowhere")
        for key in ledger.undecided():
            self._lose(self._of(key), f"{key} has no decision")
        for command_id in ledger.unended():
            key = command_id.rpartition("/")[0]
            self._lose(self._of(key), f"{command_id} has no outcome")
        acted = {
            (asked.call_id, asked.at_ms)
            for asked in self._record.requests
            if asked.kind == "reject" and asked.acted
        }
        for key, placed in self._placed.items():
            call_id, begun_ms = key.partition("/")[2], placed.begun_ms(sys.maxsize)
            rang_on = not any(each == call_id and at_ms >= begun_ms for each, at_ms in acted)
            if placed.rings_on and rang_on:
                self._lose(self._of(key), f"{key} rang on")
        for place in ledger.unexplained() | (self._run.poisoned - ledger.set_aside):
            self._lose(self._row(self._run.label), f"{place} is unreadable and has no dead letter")

    @staticmethod
    def _lose(row: Row, what: str) -> None:
        row.lost += 1
        row.details.setdefault("lost", []).append(what)

    def _mistakes(self) -> None:
        wrong = {
            key
            for key, rulings in self._ledger.decisions.items()
            if any(r.verdict == "reject" for r in rulings)
        }
        wrong |= {
            decision_id(self._line_of.get(asked.session or "", ""), asked.call_id or "")
            for asked in self._record.requests
            if asked.kind == "reject"
        }
        for key in wrong:
            placed = self._placed.get(key)
            if placed is not None and placed.person.protected:
                row = self._row(placed.label)
                row.by_mistake += 1
                row.details.setdefault("by mistake", []).append(f"{key}, a {placed.person.kind}")

    def _requests(self) -> None:
        texts: dict[tuple[str, str], list[Asked]] = defaultdict(list)
        for asked in self._record.requests:
            if asked.kind not in LATE_MS:
                continue
            line = self._line_of.get(asked.session or "", "")
            placed = self._behind(asked, line)
            row = self._row(placed.label if placed else self._run.label)
            if asked.violation is not None and not (placed and asked.violation in EXCUSED):
                row.strange += 1
                row.details.setdefault("strange", []).append(asked.violation)
            if placed is not None:
                began_ms = placed.begun_ms(asked.at_ms)
                if asked.at_ms >= began_ms + LATE_MS[asked.kind]:
                    after_s = (asked.at_ms - began_ms) / 1000
                    self._stale(row, f"{asked.kind} of {asked.call_id} after {after_s:.1f} s")
                elif asked.kind == "reject":
                    self._ended_before(row, asked, began_ms)
            if asked.kind == "text" and asked.acted and placed is not None:
                texts[placed.person.line, placed.person.key].append(asked)
        for (line, jid), sent in texts.items():
            row = self._row(self._people[line, jid].label)
            row.doubled += len(sent) - 1
        self._answered_and_told(texts)
        self._identities()

    @staticmethod
    def _stale(row: Row, what: str) -> None:
        row.stale += 1
        row.details.setdefault("stale", []).append(what)

    def _ended_before(self, row: Row, asked: Asked, began_ms: int) -> None:
        """A reject of a call that was picked up or had ended, as the bridge knew for a while."""
        for told_ms, event in self._record.ends.get(asked.call_id or "", ()):
            if began_ms <= told_ms <= asked.at_ms - TOLD_MS:
                what = f"reject of {asked.call_id} {asked.at_ms - told_ms} ms after {event}"
                self._stale(row, what)
                return

    def _answered_and_told(self, texts: Mapping[tuple[str, str], list[Asked]]) -> None:
        """Texts to people who were answered, and whose calls neither ended nor were rejected."""
        rejected = {asked.call_id for asked in self._record.requests if asked.kind == "reject"}
        for key, placed in self._placed.items():
            call_id = key.partition("/")[2]
            ends = self._record.ends.get(call_id, ())
            if call_id in rejected or not ends or {event for _, event in ends} != {"call.accepted"}:
                continue
            told_ms = ends[0][0] + TOLD_MS
            for asked in texts.get((placed.person.line, placed.person.key), ()):
                if asked.at_ms >= told_ms:
                    self._stale(self._of(key), f"text after {key} was answered")

    def _identities(self) -> None:
        """Rejects of one call under more than one of its caller's identities."""
        chats: dict[tuple[str, int], set[str]] = defaultdict(set)
        for asked in self._record.requests:
            if asked.kind != "reject" or asked.call_id is None:
                continue
            line = self._line_of.get(asked.session or "", "")
            placed = self._placed.get(decision_id(line, asked.call_id))
            if placed is not None:
                call = asked.call_id, placed.begun_ms(asked.at_ms)
                chats[call].add(canonical(asked.chat or ""))
                if len(chats[call]) == 2:
                    row = self._row(placed.label)
                    row.doubled += 1
                    row.details.setdefault("doubled", []).append(
                        f"{asked.call_id} was rejected under two identities"
                    )

    def _behind(self, asked: Asked, line: str) -> Placed | None:
        if asked.call_id is not None:
            placed = self._placed.get(decision_id(line, asked.call_id))
            if placed is not None:
                return placed
        return self._people.get((line, canonical(asked.chat or "")))

    def _waits(self) -> None:
        verdicts: dict[str, Counter[str]] = defaultdict(Counter)
        for key, rulings in self._ledger.decisions.items():
            placed = self._placed.get(key)
            if placed is None:
                continue
            row = self._row(placed.label)
            if placed.timed:
                row.longest_wait_s = max(
                    row.longest_wait_s, (rulings[0].at_ms - placed.at_ms) / 1000
                )
            verdicts[placed.label][rulings[0].verdict] += 1
            row.details["decided again"] = row.details.get("decided again", 0) + len(rulings) - 1
        results: dict[str, Counter[str]] = defaultdict(Counter)
        for command_id, ended in self._ledger.ended.items():
            kind = command_id.rpartition("/")[2]
            label = self._of(command_id.rpartition("/")[0]).case
            results[label].update(f"{kind} {result}" for result in ended)
        for label, counts in verdicts.items():
            self._row(label).details["verdicts"] = dict(counts)
        for label, counts in results.items():
            self._row(label).details["outcomes"] = dict(counts)
