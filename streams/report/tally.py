"""Counts rows into figures, as they are read: memory does not grow with the number of calls.

Ids are remembered to count repeats once; those of the last 200 000 records, for repeats come soon.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, get_args
from zoneinfo import ZoneInfo

from models.decisions import DecidedBy, Verdict
from models.outcomes import NO_REPLY, STORM, TERMINAL, Outcome, not_told
from streams.audit.bounded_memory import BoundedMemory
from streams.report.figures import (
    Ending,
    HourRow,
    LatencyPoint,
    LatencyRow,
    Part,
    RejectRow,
    RuleRow,
    TextRow,
    VerdictRow,
)
from streams.report.rows import CallRow
from streams.report.spread import Spread

_QUARTER_MS: Final = 900_000
"""Offsets of time zones are whole quarters of an hour, and change at such."""

_ENDINGS: Final[Mapping[str, Ending]] = {
    "raced": "raced",
    "failed": "failed",
    "unknown": "failed",
    "late": "not sent",
    "suppressed": "not sent",
}


class CallTally:
    """Counts decisions by line, verdict, rule and hour of the week."""

    def __init__(self, zone_of: Callable[[str], str]) -> None:
        """``zone_of``: the time zone of a line."""
        self._zone_of = zone_of
        self._hour_of_week = _HourOfWeek()
        self._seen: BoundedMemory[str, None] = BoundedMemory()
        self._verdicts: Counter[tuple[str, Verdict]] = Counter()
        self._rules: Counter[tuple[str, DecidedBy, str, str, Verdict]] = Counter()
        self._hours: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])

    def add(self, row: CallRow) -> bool:
        """Count one decision; returns whether it is no repeat."""
        if not self._seen.add_if_new(row.decision_id, None):
            return False
        self._verdicts[row.line, row.verdict] += 1
        self._rules[row.line, row.by, row.rule, row.kind, row.verdict] += 1
        hour = self._hour_of_week.of(self._zone_of(row.line), row.received_at_ms)
        counted = self._hours[row.line, hour]
        counted[0] += 1
        counted[1] += row.verdict == "reject"
        counted[2] += row.open is False
        counted[3] += row.open is True
        return True

    def verdicts(self) -> tuple[VerdictRow, ...]:
        """By line; the verdicts in their usual order."""
        usual = get_args(Verdict)
        return tuple(
            VerdictRow(line=line, verdict=verdict, calls=calls)
            for (line, verdict), calls in sorted(
                self._verdicts.items(), key=lambda each: (each[0][0], usual.index(each[0][1]))
            )
        )

    def rules(self) -> tuple[RuleRow, ...]:
        """By line, the most frequent first."""
        return tuple(
            RuleRow(line=line, by=by, rule=rule, kind=kind, verdict=verdict, calls=calls)
            for (line, by, rule, kind, verdict), calls in sorted(
                self._rules.items(), key=lambda each: (each[0][0], -each[1], each[0])
            )
        )

    def hours(self) -> tuple[HourRow, ...]:
        """Every hour in which there was a call, by line."""
        return tuple(
            HourRow(
                line=line,
                zone=self._zone_of(line),
                weekday=hour // 24,
                hour=hour % 24,
                calls=calls,
                rejected=rejected,
                closed=closed,
                open=opened,
            )
            for (line, hour), (calls, rejected, closed, opened) in sorted(self._hours.items())
        )


class _HourOfWeek:
    """The hour of the week on a zone's clock; computed once for each quarter of an hour."""

    def __init__(self) -> None:
        self._known: BoundedMemory[tuple[str, int], int] = BoundedMemory()

    def of(self, zone: str, at_ms: int) -> int:
        """0 is Monday from midnight to one."""
        quarter = at_ms // _QUARTER_MS
        found = self._known.get((zone, quarter))
        if found is None:
            local = datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, ZoneInfo(zone))
            found = local.weekday() * 24 + local.hour
            self._known.put((zone, quarter), found)
        return found


class RejectTally:
    """Counts rejects by gateway and what became of them, and measures how long they took."""

    def __init__(self) -> None:
        self._seen: BoundedMemory[str, None] = BoundedMemory()
        self._ended: Counter[tuple[str, Ending, str]] = Counter()
        self._accepted: Counter[str] = Counter()
        self._spreads: dict[Part, Spread] = {part: Spread() for part in get_args(Part)}
        self._longest: Counter[Part] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Count the first terminal outcome of a reject, and its confirmation; repeats once."""
        terminal = outcome.result in TERMINAL
        key = outcome.command_id if terminal else outcome.outcome_id
        if outcome.command != "reject" or not self._seen.add_if_new(key, None):
            return
        if outcome.result == "accepted":
            self._accepted[outcome.gateway] += 1
        elif outcome.result == "confirmed":
            self._ended[outcome.gateway, "confirmed", ""] += 1
        elif outcome.result == "unconfirmed":
            self._ended[outcome.gateway, "unconfirmed", outcome.reason or ""] += 1
        else:
            self._ended[outcome.gateway, _ENDINGS[outcome.result], outcome.reason or ""] += 1
        if outcome.result in {"accepted", "raced"}:
            self._measure(outcome)

    def rejects(self) -> tuple[RejectRow, ...]:
        """By gateway; those accepted of which no confirmation is on record are not known yet."""
        ended = Counter(self._ended)
        for gateway, accepted in self._accepted.items():
            shown = sum(
                rejects
                for (of, ending, _), rejects in self._ended.items()
                if of == gateway and ending in {"confirmed", "unconfirmed"}
            )
            if accepted > shown:
                ended[gateway, "not known yet", ""] = accepted - shown
        usual = get_args(Ending)
        return tuple(
            RejectRow(gateway=gateway, ending=ending, reason=reason, rejects=rejects)
            for (gateway, ending, reason), rejects in sorted(
                ended.items(), key=lambda each: (each[0][0], usual.index(each[0][1]), -each[1])
            )
        )

    def latency(self) -> tuple[LatencyRow, ...]:
        """Empty where nothing was measured."""
        return tuple(
            LatencyRow(
                part=part,
                rejects=spread.samples,
                p50_ms=spread.percentile(50) or 0,
                p90_ms=spread.percentile(90) or 0,
                p99_ms=spread.percentile(99) or 0,
                max_ms=self._longest[part],
            )
            for part, spread in self._spreads.items()
            if spread.samples
        )

    def curves(self) -> tuple[LatencyPoint, ...]:
        """The cumulated distribution of each part."""
        return tuple(
            LatencyPoint(part=part, ms=ms, share=round(share, 5))
            for part, spread in self._spreads.items()
            for ms, share in spread.curve()
        )

    def _measure(self, outcome: Outcome) -> None:
        received, sent = outcome.received_at_ms, outcome.sent_at_ms
        if received is None or sent is None:
            return
        self._note("to the answer", outcome.at_ms - received)
        self._note("the gateway's", outcome.at_ms - sent)
        if outcome.attempts == 1:
            # of several attempts the time between them is the gateway's as well
            self._note("ours", sent - received)

    def _note(self, part: Part, ms: int) -> None:
        self._spreads[part].add(ms)
        self._longest[part] = max(self._longest[part], ms)


class TextTally:
    """Counts rejected and queued callers by whether they were told, and why not."""

    def __init__(self) -> None:
        self._seen: BoundedMemory[str, None] = BoundedMemory()
        self._counts: Counter[tuple[str, bool, str]] = Counter()
        self._without_text: BoundedMemory[str, None] = BoundedMemory()
        self._in_storm: BoundedMemory[str, None] = BoundedMemory()

    def decided(self, row: CallRow) -> None:
        """Note a decision: why a caller is told nothing hangs on the rule that rejected."""
        if row.kind == STORM and row.told_nothing:
            if row.decision_id in self._without_text:
                self._without_text.pop(row.decision_id)
                self._into_storm(row.line)
            else:
                self._in_storm.put(row.decision_id, None)

    def add(self, outcome: Outcome) -> None:
        """Count one outcome, where it says that a caller was told or not; repeats once."""
        if outcome.result not in TERMINAL or not self._seen.add_if_new(outcome.command_id, None):
            return
        reason = not_told(outcome)
        if reason is not None:
            self._counts[outcome.line, False, reason] += 1
            if reason == NO_REPLY:
                self._without_reply(outcome)
        elif outcome.command == "text":
            self._counts[outcome.line, True, ""] += 1

    def rows(self) -> tuple[TextRow, ...]:
        """By line; those who were told first, then the reasons by frequency."""
        return tuple(
            TextRow(line=line, told=told, reason=reason, calls=calls)
            for (line, told, reason), calls in sorted(
                self._counts.items(), key=lambda each: (each[0][0], not each[0][1], -each[1])
            )
            if calls
        )

    def _without_reply(self, outcome: Outcome) -> None:
        # decision and outcome stand on two topics, and either may be read first
        if outcome.decision_id in self._in_storm:
            self._in_storm.pop(outcome.decision_id)
            self._into_storm(outcome.line)
        else:
            self._without_text.put(outcome.decision_id, None)

    def _into_storm(self, line: str) -> None:
        self._counts[line, False, NO_REPLY] -= 1
        self._counts[line, False, STORM] += 1
