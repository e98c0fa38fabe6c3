"""The story lines: one line per call, written as it unfolds. Does no IO; callers pass the time.

```
time      line    caller          verdict       story                           reject    text
22:57:14  london  +447•••••••23   rejected ✓    has never written · told          9 ms   41 ms
22:57:15  riyadh  lid•••43        rang          wrote 3 days ago
```
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from models.calls import CallOffered
from models.dead_letters import HANDLED_HEADER
from models.decisions import Decision, decision_id
from models.identity import mask
from models.outcomes import TERMINAL, Outcome
from models.topics import CALLS_DLQ, CALLS_EVENTS
from streams.audit.bounded_memory import BoundedMemory
from streams.common.printable import printable
from streams.common.wording import (
    VERDICTS,
    clock,
    fit,
    fit_masked,
    needs_a_look,
    outcome_words,
    span,
)
from streams.kafka.reader import Seen

HOLD_MS: Final = 2_000
"""How long the line of a rejected call is held back for its text and confirmation; then it is
shown without them."""

UNDECIDED_MS: Final = 5_000
"""An offer that has no decision after this time gets a line of its own."""

WIDTH: Final = 110
_CALLER: Final = 16
_VERDICT: Final = 14
_NUMBER: Final = 8

_DIM, _GREEN, _YELLOW, _RED, _PLAIN = "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"


@dataclass(slots=True)
class _Rejected:
    """A call that was decided ``reject``, or ``queue`` with a text, and its outcomes so far."""

    decision: Decision | None = None
    reject: Outcome | None = None
    text: Outcome | None = None
    confirmation: Outcome | None = None
    shown: bool = False

    def add(self, outcome: Outcome) -> bool:
        """Keep the first outcome of each kind; returns whether this one was kept."""
        if outcome.result not in TERMINAL:
            new = self.confirmation is None
            self.confirmation = self.confirmation or outcome
        elif outcome.command == "reject":
            new = self.reject is None
            self.reject = self.reject or outcome
        else:
            new = self.text is None
            self.text = self.text or outcome
        return new

    @property
    def queued(self) -> bool:
        """Whether the call rings on and the caller gets a text about the wait."""
        return self.decision is not None and self.decision.verdict == "queue"

    @property
    def whole(self) -> bool:
        """Whether every outcome is there, so that the line can be shown."""
        if self.queued:
            return self.text is not None
        if self.decision is None or self.reject is None:
            return False
        if self.reject.result not in {"accepted", "raced"}:
            return True
        none_due = self.decision.reply is None or self.reject.reason in {"answered", "same-call"}
        text_done = none_due or self.text is not None
        return text_done and (self.confirmation is not None or self.reject.result == "raced")

    def due(self, now_ms: int) -> bool:
        """Whether its line has been held back for ``HOLD_MS``."""
        if self.decision is None:
            return False
        since = self.reject.at_ms if self.reject else self.decision.decided_at_ms
        return now_ms >= since + HOLD_MS


class Story:
    """Turns records into lines: ``add`` each, ``tick`` every second or so, then ``flush``."""

    def __init__(
        self,
        line_names: Iterable[str] = (),
        *,
        without_ends: Collection[str] = (),
        colour: bool = False,
        width: int = WIDTH,
        zone: tzinfo | None = None,
    ) -> None:
        """``line_names`` set the width of their column; ``zone`` None is the machine's own.

        ``without_ends``: lines whose gateway does not report that a call stopped ringing. An
        unconfirmed reject says nothing there, and is not shown. Of a gateway that can, some engines
        do not: there it is shown from the line's first confirmed reject on, and before that once.
        """
        self._silent_lines = set(without_ends)
        self._lines_with_ends: set[str] = set()
        self._line_width = min(max((len(name) for name in line_names), default=8), 16)
        self._text_width = (
            width - 10 - (self._line_width + 2) - _CALLER - _VERDICT - 1 - 2 * _NUMBER
        )
        self._colour = colour
        self._zone = zone
        self._held: dict[str, _Rejected] = {}
        self._shown: BoundedMemory[str, _Rejected] = BoundedMemory()
        self._decided: BoundedMemory[str, None] = BoundedMemory()
        self._undecided: dict[str, CallOffered] = {}

    def heading(self) -> str:
        """The names of the columns."""
        head = self._row("time", "line", "caller", "verdict", "story", "reject", "text")
        return f"{_DIM}{head}{_PLAIN}" if self._colour else head

    def add(self, seen: Seen) -> list[str]:
        """The lines that this record completes; most records complete none."""
        if seen.topic is CALLS_DLQ:
            return self._set_aside(seen)
        if seen.fault is not None:
            return [
                self._show(
                    seen.timestamp_ms,
                    "",
                    "",
                    "unreadable",
                    f"{seen.place}: {seen.fault}",
                    tone=_RED,
                )
            ]
        match seen.value:
            case CallOffered() if seen.topic is CALLS_EVENTS:
                key = decision_id(seen.value.line, seen.value.call_id)
                if key not in self._decided:
                    self._undecided.setdefault(key, seen.value)
                return []
            case Decision():
                return self._decide(seen.value)
            case Outcome() if seen.value.command in {"reject", "text"}:
                return self._end(seen.value)
            case _:
                return []

    def tick(self, now_ms: int) -> list[str]:
        """The lines that were held back long enough."""
        lines = []
        for key, offer in list(self._undecided.items()):
            if now_ms >= offer.received_at_ms + UNDECIDED_MS:
                del self._undecided[key]
                story = f"no decision after {span(now_ms - offer.received_at_ms)}"
                lines.append(
                    self._show(
                        offer.received_at_ms,
                        offer.line,
                        mask(offer.caller),
                        "waiting",
                        story,
                        tone=_RED,
                    )
                )
        due = [key for key, call in self._held.items() if call.due(now_ms)]
        return lines + [self._release(key) for key in due]

    def flush(self) -> list[str]:
        """The lines of everything that is still held back."""
        return [
            self._release(key)
            for key, call in list(self._held.items())
            if call.decision is not None
        ]

    def _set_aside(self, seen: Seen) -> list[str]:
        if seen.header(HANDLED_HEADER) is not None:
            return []
        reason = (seen.header("kafka_dlt-exception-fqcn") or "unnamed").replace("-", " ")
        message = seen.header("kafka_dlt-exception-message") or "no reason given"
        return [
            self._show(seen.timestamp_ms, "", "", "set aside", f"{reason}: {message}", tone=_RED)
        ]

    def _decide(self, decision: Decision) -> list[str]:
        key = decision.decision_id
        if not self._decided.add_if_new(key, None):
            return []
        self._undecided.pop(key, None)
        if decision.verdict != "reject" and (decision.verdict != "queue" or decision.reply is None):
            verdict = VERDICTS[decision.verdict]
            tone = _GREEN if decision.verdict == "ring" else _DIM
            return [
                self._show(
                    decision.received_at_ms,
                    decision.line,
                    mask(decision.caller),
                    verdict,
                    decision.why,
                    tone=tone,
                )
            ]
        call = self._held.setdefault(key, _Rejected())
        call.decision = decision
        return [self._release(key)] if call.whole else []

    def _end(self, outcome: Outcome) -> list[str]:
        if outcome.result == "confirmed":
            self._lines_with_ends.add(outcome.line)
        if outcome.result == "unconfirmed" and self._expects_no_end(outcome):
            return self._no_end(outcome)
        key = outcome.decision_id
        shown = self._shown.get(key)
        if shown is not None:
            return [self._follow_up(shown, outcome)] if shown.add(outcome) else []
        if key in self._decided and key not in self._held:
            return []
        call = self._held.setdefault(key, _Rejected())
        call.add(outcome)
        return [self._release(key)] if call.whole else []

    def _expects_no_end(self, outcome: Outcome) -> bool:
        return outcome.reason != "answered" and outcome.line not in self._lines_with_ends

    def _no_end(self, outcome: Outcome) -> list[str]:
        """Said once for a line that has reported no end so far."""
        if outcome.line in self._silent_lines:
            return []
        self._silent_lines.add(outcome.line)
        story = "no ends reported so far: shown once"
        return [self._show(outcome.at_ms, outcome.line, "", "unconfirmed", story, tone=_DIM)]

    def _release(self, key: str) -> str:
        call = self._held.pop(key)
        self._shown.put(key, call)
        return self._describe(call)

    def _describe(self, call: _Rejected) -> str:
        decision, reject, text = call.decision, call.reject, call.text
        if decision is None:
            msg = "a call has a line only once it is decided"
            raise RuntimeError(msg)
        verdict, tone = (VERDICTS["queue"], _DIM) if call.queued else ("rejecting …", _YELLOW)
        if reject is not None:
            verdict = outcome_words(reject).partition(" (")[0]
            tone = _RED if needs_a_look(reject) else _YELLOW
        if call.confirmation is not None:
            confirmed = call.confirmation.result == "confirmed"
            verdict += " ✓" if confirmed else " ?"
        tail = [outcome_words(outcome) for outcome in (text,) if outcome is not None]
        if call.queued and text is not None and text.result == "accepted":
            tail = ["told of the wait"]
        if reject is not None and reject.reason and needs_a_look(reject):
            tail.insert(0, reject.reason.replace("-", " "))
        return self._show(
            decision.received_at_ms,
            decision.line,
            mask(decision.caller),
            verdict,
            self._joined(decision.why, tail),
            reject=_between(decision.received_at_ms, reject),
            text=_between(reject.at_ms if reject else decision.received_at_ms, text),
            tone=tone,
        )

    def _follow_up(self, call: _Rejected, outcome: Outcome) -> str:
        since = call.reject.at_ms if call.reject else outcome.received_at_ms
        reject = text = ""
        if outcome.result == "unconfirmed":
            answered = outcome.reason == "answered"
            story = "somebody picked up" if answered else "the gateway never said that it stopped"
        elif outcome.result == "confirmed":
            story = (
                f"the ringing stopped {span(outcome.at_ms - since)} after the reject"
                if since
                else ""
            )
        elif outcome.command == "reject":
            story = (outcome.reason or "").replace("-", " ")
            reject = _between(outcome.received_at_ms, outcome)
        else:
            story = (outcome.reason or "").replace("-", " ")
            text = _between(since, outcome)
        verdict = f"└ {outcome_words(outcome).partition(' (')[0]}"
        tone = _RED if needs_a_look(outcome) else _DIM
        return self._show(
            outcome.at_ms,
            outcome.line,
            mask(outcome.caller),
            verdict,
            story,
            reject=reject,
            text=text,
            tone=tone,
        )

    def _joined(self, why: str, tail: list[str]) -> str:
        end = "".join(f" · {words}" for words in tail)
        room = self._text_width - len(end)
        return (fit(why, room).rstrip() if room > 8 else why) + end

    def _show(
        self,
        at_ms: int,
        line: str,
        caller: str,
        verdict: str,
        story: str,
        *,
        tone: str,
        reject: str = "",
        text: str = "",
    ) -> str:
        row = self._row(clock(at_ms, self._zone), line, caller, verdict, story, reject, text)
        if not self._colour:
            return row
        start = 10 + self._line_width + 2 + _CALLER
        end = start + _VERDICT
        return f"{_DIM}{row[:10]}{_PLAIN}{row[10:start]}{tone}{row[start:end]}{_PLAIN}{row[end:]}"

    def _row(
        self, time: str, line: str, caller: str, verdict: str, story: str, reject: str, text: str
    ) -> str:
        # before the colours: what a gateway or a person wrote must bring none of its own
        line, caller, story = printable(line), printable(caller), printable(story)
        row = (
            f"{time:<8}  {fit(line, self._line_width)}  {fit_masked(caller, _CALLER - 2)}  "
            f"{fit(verdict, _VERDICT - 1)} {fit(story, self._text_width)} "
            f"{reject:>{_NUMBER}}{text:>{_NUMBER}}"
        )
        return row.rstrip()


def _between(since_ms: int | None, outcome: Outcome | None) -> str:
    if since_ms is None or outcome is None or outcome.result not in {"accepted", "raced"}:
        return ""
    return span(outcome.at_ms - since_ms)
