"""The audit: proves from the topics alone that nothing vanished, crossed, doubled or came too late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from models import topics
from models.calls import CallOffered
from models.commands import BlockCaller, RejectCall, SendText, UnblockCaller
from models.decisions import Decision, decision_id
from models.outcomes import Outcome
from models.policy import TextGuard
from streams.audit.audited_call import AuditedCall, DecisionDigest, Recorded
from streams.audit.bounded_memory import BoundedMemory
from streams.audit.dead_lettered import DeadLettered
from streams.audit.findings import AuditFinding, Findings, Open
from streams.audit.invariants import GRACE_MS, AuditView, Waiting, judge
from streams.audit.key_check import misplaced
from streams.audit.simulator_count import SimulatorCounts, compare
from streams.audit.text_outcomes import TextOutcomes, Unsure
from streams.common.clock import Clock, now_ms
from streams.kafka.reader import RecordRef, Seen

JUDGED: Final = (
    topics.CALLS_EVENTS,
    topics.CALLS_DECISIONS,
    topics.CALLS_COMMANDS,
    topics.MESSAGES_COMMANDS,
    topics.CALLS_OUTCOMES,
)
"""The topics that a case is made of; the audit's range is where all of them are whole."""

FOLD_MS: Final = 900_000
"""A case this old that is whole and clean needs no memory: text windows and confirmations are long
over."""

_UNDATED_MS: Final = 600_000
"""How much older than its outcome a call can be, where the outcome does not say."""


_KEPT_FINDINGS: Final = 10_000

_FOREVER_MS: Final = 1 << 62

_KINDS: Final = ("offers", "decisions", "rejects", "texts", "blocks", "outcomes")

Judged = CallOffered | Decision | RejectCall | SendText | BlockCaller | UnblockCaller | Outcome
"""The values that a case is made of."""


class Audit:
    """Takes records in any order between topics, in their own order within a partition. Pure.

    Calls received before ``since_ms`` are outside its range: parts of them may be retired by
    retention. Calls received from ``until_ms`` on are outside too; what became of earlier ones
    later is not.
    """

    def __init__(
        self,
        partitions: Mapping[str, int],
        *,
        since_ms: int = 0,
        until_ms: int | None = None,
        clock: Clock = now_ms,
        cooldown_ms: Callable[[str], int] = lambda _line: TextGuard().cooldown,
    ) -> None:
        """``partitions`` counts each topic's partitions.

        ``clock`` is the moment up to which was read.
        """
        self._partitions = partitions
        self._since_ms = since_ms
        self._until_ms = until_ms if until_ms is not None else _FOREVER_MS
        self._clock = clock
        self._cooldown_ms = cooldown_ms
        self._cases: dict[str, AuditedCall] = {}
        self._unsettled: dict[str, AuditedCall] = {}
        self._outside: BoundedMemory[str, None] = BoundedMemory()
        self._outside_count = 0
        self._loose: list[AuditFinding] = []
        self._unread: dict[RecordRef, tuple[AuditFinding, int]] = {}
        self._dead_letters = DeadLettered(partitions, since_ms=since_ms)
        self._texts = TextOutcomes(cooldown_ms)
        self._checked: Counter[str] = Counter()
        self._folded = 0

    def add(self, seen: Seen) -> None:
        """One record; what it is about is judged later."""
        if seen.topic is topics.CALLS_DLQ:
            self._dead_letters.add(seen)
            return
        if seen.fault is not None:
            if seen.timestamp_ms >= self._since_ms and len(self._unread) < _KEPT_FINDINGS:
                self._unread[seen.place] = (
                    AuditFinding("undecodable", seen.fault, None, seen.place),
                    seen.timestamp_ms,
                )
            return
        found = misplaced(seen, self._partitions.get(seen.topic.name))
        if found is not None:
            self._add_loose(found, seen.timestamp_ms)
        value = seen.value
        if seen.topic in JUDGED and isinstance(value, Judged):
            self._add_to_case(seen, value)

    def pending(self) -> Open:
        """What is under way now, among the cases that are not settled."""
        return self.standing()[0]

    def standing(self) -> tuple[Open, list[AuditFinding]]:
        """What is under way and what is wrong now, without asking cases again that were whole and clean before."""
        view = self._view()
        waiting: Counter[str] = Counter()
        wrong = [*self._loose, *self._unaccounted(view)]
        for key, case in list(self._unsettled.items()):
            said = judge(case, view)
            waiting.update(entry.what for entry in said if isinstance(entry, Waiting))
            wrong += (entry for entry in said if isinstance(entry, AuditFinding))
            if not said:
                del self._unsettled[key]
        return _open(waiting), wrong

    def oldest_undecided_ms(self) -> int | None:
        """When the oldest offer that has no decision yet, and is no dead letter, was received.

        None: there is none.
        """
        return min(
            (
                case.offers[0].value.received_at_ms
                for case in self._unsettled.values()
                if case.offers
                and not case.decisions
                and case.offers[0].place not in self._dead_letters.places
            ),
            default=None,
        )

    @property
    def checked(self) -> Mapping[str, int]:
        """How many records of each kind were compared."""
        return {name: self._checked[name] for name in _KINDS}

    @property
    def dead_letters(self) -> Mapping[str, int]:
        """By reason."""
        return self._dead_letters.reasons

    @property
    def unsure(self) -> Collection[Unsure]:
        """Texts of which nobody knows whether they arrived."""
        return self._texts.unsure.values()

    def fold(self) -> int:
        """Forget old cases that are whole and clean, and say how many.

        For readers that run for months.
        """
        view = self._view()
        before = view.now_ms - FOLD_MS
        done = []
        for key, case in self._cases.items():
            if case.offers and case.offers[-1].at_ms >= before:
                # cases stand in the order in which they were first read: what follows is younger
                break
            if case.offers and not judge(case, view):
                done.append(key)
        for key in done:
            del self._cases[key]
            self._unsettled.pop(key, None)
            self._outside.put(key, None)
        self._folded += len(done)
        self._texts.forget(view.now_ms)
        return len(done)

    def finish(self, simulator_record: Mapping[str, Any] | None = None) -> Findings:
        """The result so far; may be asked again later, when more was taken."""
        view = self._view()
        wrong = [*self._loose, *self._unaccounted(view)]
        waiting: Counter[str] = Counter()
        for case in self._cases.values():
            for said in judge(case, view):
                if isinstance(said, Waiting):
                    waiting[said.what] += 1
                else:
                    wrong.append(said)
        counted = None
        if simulator_record is not None:
            counted = SimulatorCounts.read(simulator_record)
            wrong += compare(
                counted, self._cases.values(), accepted=self._texts.accepted, whole=not self._folded
            )
        return Findings(
            tuple(wrong),
            _open(waiting),
            self.checked,
            self._outside_count,
            dict(self._dead_letters.reasons),
            self._texts.within_cooldown,
            counted.as_dict() if counted else None,
            tuple(self._texts.unsure.values()),
        )

    def _view(self) -> AuditView:
        return AuditView(self._clock(), self._dead_letters.places)

    def _unaccounted(self, view: AuditView) -> Iterator[AuditFinding]:
        """What could not be read and is no dead letter.

        An agent sets aside what it cannot read, and loses nothing.
        """
        for place, (finding, at_ms) in self._unread.items():
            if place not in view.dead_lettered and view.now_ms >= at_ms + GRACE_MS:
                yield finding

    def _add_to_case(self, seen: Seen, value: Judged) -> None:
        key = (
            decision_id(value.line, value.call_id)
            if isinstance(value, CallOffered)
            else value.decision_id
        )
        received = value.received_at_ms
        if key in self._outside or (
            received is not None and not self._since_ms <= received < self._until_ms
        ):
            self._leave_out(key)
            return
        case = self._cases.get(key)
        if case is None:
            if (
                received is None
                and not self._since_ms + _UNDATED_MS <= seen.timestamp_ms < self._until_ms
            ):
                self._leave_out(key)
                return
            case = self._cases[key] = AuditedCall(key)
        self._unsettled[key] = case
        place, at_ms = seen.place, seen.timestamp_ms
        match value:
            case CallOffered():
                case.offers.append(Recorded(value, place, at_ms))
                self._checked["offers"] += 1
            case Decision():
                case.decisions.append(Recorded(DecisionDigest.of(value), place, at_ms))
                self._checked["decisions"] += 1
            case RejectCall():
                case.rejects.append(Recorded(value, place, at_ms))
                self._checked["rejects"] += 1
            case SendText():
                case.texts.append(Recorded(value, place, at_ms))
                self._checked["texts"] += 1
            case BlockCaller() | UnblockCaller():
                case.blocks.append(Recorded(value, place, at_ms))
                self._checked["blocks"] += 1
            case Outcome():
                self._texts.add(value, place)
                case.outcomes.append(Recorded(value, place, at_ms))
                self._checked["outcomes"] += 1

    def _leave_out(self, key: str) -> None:
        # one part of the call is out of range: the rest would look like a contradiction
        self._outside.put(key, None)
        self._outside_count += 1
        if self._cases.pop(key, None) is not None:
            self._unsettled.pop(key, None)

    def _add_loose(self, finding: AuditFinding, at_ms: int) -> None:
        if at_ms >= self._since_ms and len(self._loose) < _KEPT_FINDINGS:
            self._loose.append(finding)


def _open(waiting: Counter[str]) -> Open:
    return Open(waiting["decision"], waiting["command"], waiting["confirmation"])
