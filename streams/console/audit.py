"""The audit: proves from the topics alone that nothing vanished, crossed, doubled or came too late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from models import topics
from models.calls import CallOffered
from models.commands import RejectCall, SendText
from models.decisions import Decision, decision_id
from models.outcomes import Outcome
from models.policy import TextGuard
from streams.clock import Clock, now_ms
from streams.console.cases import Case, Ruling, Stood
from streams.console.checks import View, Waiting, judge
from streams.console.findings import Finding, Findings, Open
from streams.console.placement import misplaced
from streams.console.progress import Progress
from streams.console.reader import Place, Seen, TopicReader
from streams.console.recent import Recent
from streams.console.report import Report
from streams.console.simulated import Counted, compare
from streams.console.summary import Tally
from streams.policyfiles import read_folder
from streams.settings import Settings

JUDGED: Final = (
    topics.CALLS_EVENTS,
    topics.CALLS_DECISIONS,
    topics.CALLS_COMMANDS,
    topics.MESSAGES_COMMANDS,
    topics.CALLS_OUTCOMES,
)
"""The topics that a case is made of; the audit's range is where all of them are whole."""

FOLD_MS: Final = 900_000
"""A case this old that is whole and clean needs no memory: text windows and confirmations are long over."""

_UNDATED_MS: Final = 600_000
"""How much older than its outcome a call can be, where the outcome does not say."""

_LEAD_MS: Final = 60_000
"""Read this much before the range: repeats of earlier webhooks and clocks that differ must be recognised."""

_EDGE_MS: Final = 5_000

_KEPT_FINDINGS: Final = 10_000


class Audit:
    """Takes records in any order between topics, in their own order within a partition. Pure.

    Calls received before ``since_ms`` are outside its range: parts of them may be retired by retention.
    """

    def __init__(
        self,
        partitions: Mapping[str, int],
        *,
        since_ms: int = 0,
        clock: Clock = now_ms,
        cooldown_ms: Callable[[str], int] = lambda _line: TextGuard().cooldown,
    ) -> None:
        """``partitions`` counts each topic's partitions; ``clock`` is the moment up to which was read."""
        self._partitions = partitions
        self._since_ms = since_ms
        self._clock = clock
        self._cooldown_ms = cooldown_ms
        self._cases: dict[str, Case] = {}
        self._unsettled: dict[str, Case] = {}
        self._outside: Recent[str, None] = Recent()
        self._outside_count = 0
        self._loose: list[Finding] = []
        self._set_aside: set[Place] = set()
        self._dead_letters: Counter[str] = Counter()
        self._checked: Counter[str] = Counter()
        self._accepted: Counter[str] = Counter()
        self._texted: dict[tuple[str, str], int] = {}
        self._told_again = 0
        self._folded = 0

    def take(self, seen: Seen) -> None:
        """One record; what it is about is judged later."""
        if seen.topic is topics.CALLS_DLQ:
            self._set_apart(seen)
            return
        if seen.fault is not None:
            self._loosely(Finding("undecodable", seen.fault, None, seen.place), seen.timestamp_ms)
            return
        found = misplaced(seen, self._partitions.get(seen.topic.name))
        if found is not None:
            self._loosely(found, seen.timestamp_ms)
        value = seen.value
        if seen.topic in JUDGED and isinstance(value, CallOffered | Decision | RejectCall | SendText | Outcome):
            self._file(seen, value)

    def pending(self) -> Open:
        """What is under way now, among the cases that are not settled."""
        view = self._view()
        waiting: Counter[str] = Counter()
        for key, case in list(self._unsettled.items()):
            said = judge(case, view)
            waiting.update(entry.what for entry in said if isinstance(entry, Waiting))
            if not said:
                del self._unsettled[key]
        return Open(waiting["decision"], waiting["command"], waiting["confirmation"])

    def fold(self) -> int:
        """Forget old cases that are whole and clean, and say how many; for readers that run for months."""
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
        self._texted = {
            key: at_ms for key, at_ms in self._texted.items() if view.now_ms - at_ms < self._cooldown_ms(key[0])
        }
        return len(done)

    def finish(self, simulator_record: Mapping[str, Any] | None = None) -> Findings:
        """The result so far; may be asked again later, when more was taken."""
        view = self._view()
        wrong = list(self._loose)
        waiting: Counter[str] = Counter()
        for case in self._cases.values():
            for said in judge(case, view):
                if isinstance(said, Waiting):
                    waiting[said.what] += 1
                else:
                    wrong.append(said)
        counted = None
        if simulator_record is not None:
            counted = Counted.read(simulator_record)
            wrong += compare(counted, self._cases.values(), accepted=self._accepted, whole=not self._folded)
        return Findings(
            tuple(wrong),
            Open(waiting["decision"], waiting["command"], waiting["confirmation"]),
            {name: self._checked[name] for name in ("offers", "decisions", "rejects", "texts", "outcomes")},
            self._outside_count,
            dict(self._dead_letters),
            self._told_again,
            counted.as_dict() if counted else None,
        )

    def _view(self) -> View:
        return View(self._clock(), self._set_aside)

    def _file(self, seen: Seen, value: CallOffered | Decision | RejectCall | SendText | Outcome) -> None:
        key = decision_id(value.line, value.call_id) if isinstance(value, CallOffered) else value.decision_id
        received = value.received_at_ms
        if key in self._outside or (received is not None and received < self._since_ms):
            self._leave_out(key)
            return
        case = self._cases.get(key)
        if case is None:
            if received is None and seen.timestamp_ms < self._since_ms + _UNDATED_MS:
                self._leave_out(key)
                return
            case = self._cases[key] = Case(key)
        self._unsettled[key] = case
        place, at_ms = seen.place, seen.timestamp_ms
        match value:
            case CallOffered():
                case.offers.append(Stood(value, place, at_ms))
                self._checked["offers"] += 1
            case Decision():
                case.rulings.append(Stood(Ruling.of(value), place, at_ms))
                self._checked["decisions"] += 1
            case RejectCall():
                case.rejects.append(Stood(value, place, at_ms))
                self._checked["rejects"] += 1
            case SendText():
                case.texts.append(Stood(value, place, at_ms))
                self._checked["texts"] += 1
            case Outcome():
                self._note_accepted(case, value)
                case.outcomes.append(Stood(value, place, at_ms))
                self._checked["outcomes"] += 1

    def _leave_out(self, key: str) -> None:
        # one part of the call is out of range: the rest would look like a contradiction
        self._outside.put(key, None)
        self._outside_count += 1
        if self._cases.pop(key, None) is not None:
            self._unsettled.pop(key, None)

    def _note_accepted(self, case: Case, outcome: Outcome) -> None:
        if outcome.result != "accepted" or any(stood.value.outcome_id == outcome.outcome_id for stood in case.outcomes):
            return
        self._accepted[outcome.command] += 1
        if outcome.command == "text":
            key = (outcome.line, outcome.caller)
            before = self._texted.get(key)
            if before is not None and outcome.at_ms - before < self._cooldown_ms(outcome.line):
                self._told_again += 1
            self._texted[key] = outcome.at_ms

    def _set_apart(self, seen: Seen) -> None:
        topic, partition, offset = (
            seen.header(f"kafka_dlt-original-{name}") for name in ("topic", "partition", "offset")
        )
        if topic and partition and offset and partition.isdecimal() and offset.isdecimal():
            # the header has the name on the broker, prefix and all; the places here have none
            name = next((name for name in self._partitions if topic.endswith(name)), topic)
            self._set_aside.add(Place(name, int(partition), int(offset)))
        if seen.timestamp_ms >= self._since_ms:
            self._dead_letters[seen.header("kafka_dlt-exception-fqcn") or "unnamed"] += 1

    def _loosely(self, finding: Finding, at_ms: int) -> None:
        if at_ms >= self._since_ms and len(self._loose) < _KEPT_FINDINGS:
            self._loose.append(finding)


async def audit_topics(settings: Settings, since_ms: int | None) -> Report:
    """Audit what stands on the topics now, from ``since_ms`` or from where every topic is still whole.

    Reads to the ends that the topics have at the start, so it ends while traffic runs. Says on
    stderr how far it is when that takes long. Raises ``EnvironmentFaultError`` as the reader does.
    """
    reader = TopicReader(settings.kafka)
    await reader.start()
    try:
        whole_ms = await reader.whole_since_ms(JUDGED)
        # a record that was written a little out of order at the edge of retention proves nothing
        since = max(since_ms or 0, whole_ms + _EDGE_MS if whole_ms else 0)
        read_at_ms = now_ms()
        ends = await reader.ends()
        if since:
            await reader.seek_to_time(since - _LEAD_MS)
        audit = Audit(reader.partitions, since_ms=since, clock=lambda: read_at_ms, cooldown_ms=cooldowns(settings))
        tally = Tally(since_ms=since)
        progress = Progress(await reader.left(ends))
        async for batch in reader.read_to(ends):
            for seen in batch:
                audit.take(seen)
                tally.take(seen)
            progress.advance(len(batch))
        progress.done()
    finally:
        await reader.stop()
    return Report(tally.summary(), audit.finish())


def cooldowns(settings: Settings) -> Callable[[str], int]:
    """Each line's cool-down between texts, by the policies as they stand in the files now."""
    _, book = read_folder(settings)
    return lambda line: book.for_line(line).policy.texts.cooldown
