"""The summary: calls, verdicts, rules, outcomes, who was told nothing, and how fast it went."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from models.calls import CallOffered
from models.decisions import Decision, decision_id
from models.outcomes import NO_REPLY, STORM, TERMINAL, CommandKind, Outcome, not_told
from models.topics import CALLS_EVENTS
from streams.audit.bounded_memory import BoundedMemory
from streams.common.wording import DECIDERS, count, outcome_words, span, untold_words
from streams.kafka.reader import Seen

_PERCENTILES: Final = (50, 90, 99)
_SHOWN: Final = frozenset({"reject", "text"})
"""Commands that are always listed; others only where there were some."""

_DECIDED: Final = {"ring": "let ring", "reject": "to reject", "queue": "queued", "late": "too late"}
"""Verdicts as plans: the lines below say what came of them."""

PARTS: Final = (
    "webhook_to_request",
    "request_to_answer",
    "answer_to_text_request",
    "text_request_to_answer",
)
"""Of a reject and of a text, what Ringfence took and what the gateway took, in this order. Of
commands that took several requests Ringfence's part is not measured: between the first and the last
it waited for the gateway."""


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution in milliseconds, by nearest rank."""

    samples: int
    p50: int
    p90: int
    p99: int
    max: int

    @classmethod
    def of(cls, samples: Sequence[int]) -> Latency | None:
        """None where nothing was measured."""
        if not samples:
            return None
        ordered = sorted(samples)
        # ranks rounded up, in integers: a rounding error of a float would give the next rank
        p50, p90, p99 = (ordered[-(-len(ordered) * percent // 100) - 1] for percent in _PERCENTILES)
        return cls(len(ordered), p50, p90, p99, ordered[-1])

    def as_dict(self) -> dict[str, int]:
        """For JSON; milliseconds."""
        return {
            "samples": self.samples,
            "p50": self.p50,
            "p90": self.p90,
            "p99": self.p99,
            "max": self.max,
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened in the range that was read."""

    calls: int
    repeats: int
    """Webhooks that repeated an offer."""
    verdicts: Mapping[str, int]
    by: Mapping[str, int]
    """By what decided: a rule, a hand, a guard, the policy's default."""
    rules: Mapping[str, int]
    """By the rule, where one decided."""
    outcomes: Mapping[str, Mapping[str, int]]
    """The first terminal outcome of each command, by kind, then by result and reason
    (``failed/session-missing``)."""
    confirmed: int
    unconfirmed: int
    webhook_to_reject: Latency | None
    """From the webhook at the bridge to the gateway's answer to the reject."""
    reject_to_text: Latency | None
    """From the gateway's answer to the reject to its answer to the text."""
    parts: Mapping[str, Latency | None]
    """Of both, what Ringfence took and what the gateway took: see ``PARTS``."""
    not_told: Mapping[str, int]
    """Rejected or queued callers who got no text, by reason."""
    unknowable: Mapping[str, int]
    """Calls that were decided while messages of their line could be missing, by line."""
    words: Mapping[str, Mapping[str, int]]
    """The outcomes by kind, in the wording of the story lines."""
    example: str | None = None
    """The call id of a recent reject, for ``ringfence explain``."""

    def lines(self) -> list[str]:
        """For the console."""
        repeats = f" ({count(self.repeats, 'webhook')} repeated)" if self.repeats else ""
        verdicts = {_DECIDED.get(name, name): number for name, number in self.verdicts.items()}
        unknown = (
            self.outcomes.get("reject", {}).get("accepted", 0) - self.confirmed - self.unconfirmed
        )
        others = {DECIDERS[name]: number for name, number in self.by.items() if name in DECIDERS}
        told = self.outcomes.get("text", {}).get("accepted", 0)
        untold = sum(self.not_told.values())
        untold_words = _listed(self._reasons())
        lines = [
            f"calls       {count(self.calls, 'call')}{repeats}: {_listed(verdicts)}",
            f"decided by  {_listed({**self.rules, **others})}",
            f"rejects     {_listed(self.words.get('reject', {}))}",
            f"confirmed   {self.confirmed} confirmed, {self.unconfirmed} unconfirmed"
            + (f", {unknown} not known yet" if unknown > 0 else ""),
            f"texts       {_listed(self.words.get('text', {}))}",
        ]
        if untold:
            lines.append(f"not told    {untold} of {told + untold} callers: {untold_words}")
        if self.unknowable:
            calls = ", ".join(
                f"{count(n, 'call')} on {line}" for line, n in self.unknowable.items()
            )
            lines.append(f"suspended   {calls}: decided while messages could be missing")
        if self.webhook_to_reject or self.reject_to_text:
            lines.append(
                "latency     " + "".join(f"{name:>10}" for name in ("p50", "p90", "p99", "max"))
            )
        own_reject, gateway_reject, own_text, gateway_text = (self.parts[each] for each in PARTS)
        for name, latency in (
            ("to reject", self.webhook_to_reject),
            ("  ours", own_reject),
            ("  gateway", gateway_reject),
            ("to text", self.reject_to_text),
            ("  ours", own_text),
            ("  gateway", gateway_text),
        ):
            if latency is not None:
                numbers = (latency.p50, latency.p90, latency.p99, latency.max)
                lines.append(f"  {name:<10}" + "".join(f"{span(number):>10}" for number in numbers))
        return lines

    def _reasons(self) -> dict[str, int]:
        return {untold_words(code): number for code, number in self.not_told.items()}

    def as_dict(self) -> dict[str, Any]:
        """For JSON; latencies in milliseconds."""
        to_reject, to_text = self.webhook_to_reject, self.reject_to_text
        return {
            "calls": self.calls,
            "repeated_webhooks": self.repeats,
            "verdicts": dict(self.verdicts),
            "by": dict(self.by),
            "rules": dict(self.rules),
            "outcomes": {kind: dict(results) for kind, results in self.outcomes.items()},
            "confirmed": self.confirmed,
            "unconfirmed": self.unconfirmed,
            "latency_ms": {
                "webhook_to_reject": to_reject.as_dict() if to_reject else None,
                "reject_to_text": to_text.as_dict() if to_text else None,
                **{part: each.as_dict() if each else None for part, each in self.parts.items()},
            },
            "not_told": dict(self.not_told),
            "decided_while_messages_could_be_missing": dict(self.unknowable),
        }


class SummaryTally:
    """Counts records into a summary. Memory is bounded, except for eight bytes per latency."""

    def __init__(self, *, since_ms: int = 0, until_ms: int | None = None) -> None:
        """Calls received before ``since_ms``, or from ``until_ms`` on, do not count."""
        self._range = range(since_ms, until_ms if until_ms is not None else 1 << 62)
        self._offered: BoundedMemory[str, None] = BoundedMemory()
        self._decided: BoundedMemory[str, None] = BoundedMemory()
        self._ended: BoundedMemory[str, None] = BoundedMemory()
        self._rejected_at: BoundedMemory[str, int] = BoundedMemory()
        self._texted: BoundedMemory[str, Outcome] = BoundedMemory()
        self._calls = 0
        self._repeats = 0
        self._verdicts: Counter[str] = Counter()
        self._by: Counter[str] = Counter()
        self._rules: Counter[str] = Counter()
        self._outcomes = _by_command()
        self._words = _by_command()
        self._confirmations: Counter[str] = Counter()
        self._to_reject = array("q")
        self._to_text = array("q")
        self._parts = {part: array("q") for part in PARTS}
        self._not_told: Counter[str] = Counter()
        self._unknowable: Counter[str] = Counter()
        self._storms: BoundedMemory[str, None] = BoundedMemory()
        """Decisions by a storm rule without a reply."""
        self._example: str | None = None

    def add(self, seen: Seen) -> None:
        """Count one record; repeats count once."""
        match seen.value:
            case CallOffered() if (
                seen.topic is CALLS_EVENTS and seen.value.received_at_ms in self._range
            ):
                if self._offered.add_if_new(decision_id(seen.value.line, seen.value.call_id), None):
                    self._calls += 1
                else:
                    self._repeats += 1
            case Decision() if seen.value.received_at_ms in self._range:
                if self._decided.add_if_new(seen.value.decision_id, None):
                    self._verdicts[seen.value.verdict] += 1
                    self._by[seen.value.by] += 1
                    if seen.value.rule is not None:
                        self._rules[seen.value.rule] += 1
                    self._note(seen.value)
            case Outcome() if (seen.value.received_at_ms or seen.value.at_ms) in self._range:
                self._end(seen.value)
            case _:
                pass

    def _note(self, decision: Decision) -> None:
        if decision.facts.get("history_incomplete"):
            self._unknowable[decision.line] += 1
        storms = {each.rule for each in decision.rules if each.kind == STORM}
        if decision.reply is None and decision.rule in storms:
            self._storms.put(decision.decision_id, None)

    def summary(self) -> Summary:
        """The counts so far."""
        return Summary(
            self._calls,
            self._repeats,
            dict(self._verdicts.most_common()),
            dict(self._by.most_common()),
            dict(self._rules.most_common()),
            {
                kind: dict(counted.most_common())
                for kind, counted in self._outcomes.items()
                if counted or kind in _SHOWN
            },
            self._confirmations["confirmed"],
            self._confirmations["unconfirmed"],
            Latency.of(self._to_reject),
            Latency.of(self._to_text),
            {part: Latency.of(samples) for part, samples in self._parts.items()},
            dict(self._not_told.most_common()),
            dict(self._unknowable.most_common()),
            {kind: dict(counted.most_common()) for kind, counted in self._words.items()},
            self._example,
        )

    def _end(self, outcome: Outcome) -> None:
        if outcome.result not in TERMINAL:
            if self._ended.add_if_new(outcome.outcome_id, None):
                self._confirmations[outcome.result] += 1
            return
        if not self._ended.add_if_new(outcome.command_id, None):
            return
        result = f"{outcome.result}/{outcome.reason}" if outcome.reason else outcome.result
        self._outcomes[outcome.command][result] += 1
        self._words[outcome.command][outcome_words(outcome)] += 1
        reason = not_told(outcome)
        if reason is not None:
            in_storm = reason == NO_REPLY and outcome.decision_id in self._storms
            self._not_told[STORM if in_storm else reason] += 1
        if outcome.command == "reject" and outcome.result in {"accepted", "raced"}:
            self._example = outcome.call_id
            if outcome.received_at_ms is not None:
                self._to_reject.append(outcome.at_ms - outcome.received_at_ms)
                self._part(outcome, outcome.received_at_ms, PARTS[0], PARTS[1])
            self._rejected_at.put(outcome.decision_id, outcome.at_ms)
        elif outcome.command == "text" and outcome.result == "accepted":
            self._texted.put(outcome.decision_id, outcome)
        else:
            return
        if outcome.decision_id in self._rejected_at and outcome.decision_id in self._texted:
            rejected = self._rejected_at.pop(outcome.decision_id)
            text = self._texted.pop(outcome.decision_id)
            if rejected is not None and text is not None:
                self._to_text.append(text.at_ms - rejected)
                self._part(text, rejected, PARTS[2], PARTS[3])

    def _part(self, outcome: Outcome, since_ms: int, ours: str, gateways: str) -> None:
        if outcome.sent_at_ms is None:
            return
        self._parts[gateways].append(outcome.at_ms - outcome.sent_at_ms)
        if outcome.attempts == 1:
            self._parts[ours].append(outcome.sent_at_ms - since_ms)


def _by_command() -> dict[str, Counter[str]]:
    return {kind: Counter() for kind in get_args(CommandKind)}


def _listed(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counted.items()) or "none"
