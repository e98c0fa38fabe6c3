"""The audit: proves from the topics alone that every call was decided once and acted on once.

Nothing vanished, nothing was mixed up between calls, nothing was done twice or too late. Does no
IO: ``topics.py`` and ``follow.py`` read the records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from models import topics
from models.calls import CallOffered
from models.commands import BlockCaller, QueueText, RejectCall, SendText, UnblockCaller
from models.decisions import Decision, decision_id
from models.outcomes import Outcome
from models.policy import TextGuard
from streams.audit.audited_call import AuditedCall, CallFamily, DecisionDigest, Recorded
from streams.audit.bounded_memory import BoundedMemory
from streams.audit.call_life import Step
from streams.audit.dead_lettered import DeadLettered
from streams.audit.findings import AuditFinding, Findings, Open
from streams.audit.invariants import GRACE_MS, AuditView, Waiting, judge
from streams.audit.judged_range import JudgedRange
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
"""The topics an audited call is put together from. The range starts where all are complete."""

READ: Final = (*JUDGED, topics.CALLS_LIFECYCLE, topics.CALLS_DLQ)
"""What the audit is given. What happened to a call is kept for a shorter time than what was done
about it: where it is gone, nobody can say whether an act came too late."""

FOLD_MS: Final = 900_000
"""A call this old that is complete and correct is forgotten: nothing about it can still come, text
windows and confirmations are long over."""

_UNDATED_MS: Final = 600_000
"""How much older than its outcome a call can be, where the outcome does not say."""

_KEPT_FINDINGS: Final = 10_000

_FOREVER_MS: Final = 1 << 62

_KINDS: Final = ("offers", "decisions", "rejects", "texts", "blocks", "outcomes")

Judged = (
    CallOffered
    | Decision
    | RejectCall
    | QueueText
    | SendText
    | BlockCaller
    | UnblockCaller
    | Outcome
)
"""The values that an audited call is put together from."""


class Audit:
    """Compares what the topics say of each call.

    ``add`` every record: the topics in any order, each partition in its own. Calls that were
    received before the judged range are outside, since retention may have deleted parts of them.
    Calls received after it are outside too, but later records about earlier calls count.
    """

    def __init__(
        self,
        partitions: Mapping[str, int],
        judged: JudgedRange | None = None,
        *,
        clock: Clock = now_ms,
        cooldown_ms: Callable[[str], int] = lambda _line: TextGuard().cooldown,
    ) -> None:
        """``partitions``: how many partitions each topic has, by its name without prefix.

        ``judged`` None: every call.

        ``clock`` gives the time up to which the topics were read (ms UTC), ``cooldown_ms`` the
        cool-down between texts of a line.
        """
        self._partitions = partitions
        self._range = judged or JudgedRange()
        self._since_ms = since_ms = self._range.since_ms
        self._until_ms = _FOREVER_MS if self._range.until_ms is None else self._range.until_ms
        self._clock = clock
        self._cooldown_ms = cooldown_ms
        self._cases: dict[str, AuditedCall] = {}
        self._families: dict[str, CallFamily] = {}
        """By call id and line, as the decision on the first call names it."""
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
        """Note one record. Checks run when ``standing`` or ``finish`` is asked for."""
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
        elif seen.topic is topics.CALLS_LIFECYCLE and isinstance(value, Step):
            family = self._family(value.line, value.call_id)
            family.life.add(value, seen.timestamp_ms)
            family.touched_at_ms = max(family.touched_at_ms, seen.timestamp_ms)

    def pending(self) -> Open:
        """How many decisions and commands are still awaited."""
        return self.standing()[0]

    def standing(self) -> tuple[Open, list[AuditFinding]]:
        """What is still awaited, and what is wrong now.

        Skips calls that were complete and correct at an earlier look and got no record since.
        """
        view = self._view()
        waiting: Counter[str] = Counter()
        wrong = [*self._loose, *self._unaccounted(view)]
        for key, case in list(self._unsettled.items()):
            found = judge(case, view)
            waiting.update(entry.what for entry in found if isinstance(entry, Waiting))
            wrong += (entry for entry in found if isinstance(entry, AuditFinding))
            if not found:
                del self._unsettled[key]
        return _open(waiting), wrong

    def oldest_undecided_ms(self) -> int | None:
        """When the oldest undecided offer was received (ms UTC); None where all are decided."""
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
        """Dead letters by reason."""
        return self._dead_letters.reasons

    @property
    def unsure(self) -> Collection[Unsure]:
        """Texts whose delivery is unknown."""
        return self._texts.unsure.values()

    def fold(self) -> int:
        """Forget old calls that are complete and correct, so that memory stays bounded.

        Returns how many were forgotten.
        """
        view = self._view()
        before = view.now_ms - FOLD_MS
        done = []
        for key, case in self._cases.items():
            if case.offers and case.offers[-1].at_ms >= before:
                # calls are kept in the order of their first record: those that follow are younger
                break
            if case.offers and not judge(case, view):
                done.append(key)
        for key in done:
            case = self._cases.pop(key)
            case.family.calls.remove(case)
            self._unsettled.pop(key, None)
            self._outside.put(key, None)
        self._folded += len(done)
        self._families = {
            key: family
            for key, family in self._families.items()
            if family.calls or family.touched_at_ms >= before
        }
        self._texts.forget(view.now_ms)
        return len(done)

    def finish(self, simulator_record: Mapping[str, Any] | None = None) -> Findings:
        """The result so far. May be asked again after more records were added.

        ``simulator_record``: what the gateway simulator counted, to compare with.
        """
        view = self._view()
        wrong = [*self._loose, *self._unaccounted(view)]
        waiting: Counter[str] = Counter()
        for case in self._cases.values():
            for found in judge(case, view):
                if isinstance(found, Waiting):
                    waiting[found.what] += 1
                else:
                    wrong.append(found)
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
            self._range,
        )

    def _view(self) -> AuditView:
        return AuditView(self._clock(), self._dead_letters.places)

    def _unaccounted(self, view: AuditView) -> Iterator[AuditFinding]:
        """Records that cannot be read, and that no agent put into the dead letters either."""
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
            family = self._family(value.line, value.call_id)
            case = self._cases[key] = AuditedCall(key, family)
            family.calls.append(case)
        self._unsettled[key] = case
        self._file(case, seen, value)

    def _file(self, case: AuditedCall, seen: Seen, value: Judged) -> None:
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
            case QueueText():
                case.queued.append(Recorded(value, place, at_ms))
                self._checked["texts"] += 1
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
        # a part of the call lies outside the range, so that the rest alone would look wrong
        self._outside.put(key, None)
        self._outside_count += 1
        case = self._cases.pop(key, None)
        if case is not None:
            case.family.calls.remove(case)
            self._unsettled.pop(key, None)

    def _family(self, line: str, call_id: str) -> CallFamily:
        return self._families.setdefault(decision_id(line, call_id), CallFamily())

    def _add_loose(self, finding: AuditFinding, at_ms: int) -> None:
        if at_ms >= self._since_ms and len(self._loose) < _KEPT_FINDINGS:
            self._loose.append(finding)


def _open(waiting: Counter[str]) -> Open:
    return Open(waiting["decision"], waiting["command"], waiting["confirmation"])
