"""What an audit found: each contradiction with its code, sentence, call id and record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from streams.audit.derived import Derived
from streams.audit.judged_range import JudgedRange
from streams.audit.text_outcomes import Unsure
from streams.common.wording import count
from streams.kafka.reader import RecordRef

Code = Literal[
    "undecided",
    "decided-twice",
    "no-offer",
    "unexplained",
    "crossed",
    "no-reject",
    "unasked-reject",
    "no-text",
    "unasked-text",
    "no-outcome",
    "orphan-outcome",
    "second-text",
    "sent-late",
    "acted-after-end",
    "misplaced",
    "undecodable",
    "derived-otherwise",
    "simulator-violation",
    "simulator-second-text",
    "simulator-differs",
]
"""
``undecided``              an offer without a decision that is not in the dead letters either
``decided-twice``          a later decision on the same call differs (and is not ``late``)
``no-offer``               a decision or a command about a call without an offer
``unexplained``            a decision without its facts or its policy revision
``crossed``                session, call id, caller, line or gateway are not those of the offer
``no-reject``              a ``reject`` decision without its command
``unasked-reject``         a reject command without a ``reject`` decision
``no-text``                a reply is due (the reject went through, or the decision is ``queue``),
                           and there is no text command
``unasked-text``           a text command, and neither did a reject go through nor is it ``queue``
``no-outcome``             a command past its time without a terminal outcome
``orphan-outcome``         an outcome without its command
``second-text``            one decision led to more than one accepted text
``sent-late``              a request was begun at or after the end of its window
``acted-after-end``        a request or a text, although the call had been answered, had ended or
                           was rejected 250 ms before
``misplaced``              the key does not fit the value, or the partition does not fit the key
``undecodable``            a value that does not have the form its topic promises
``derived-otherwise``      a decision that its own record and the policy it quotes do not give, or
                           that quotes a policy or calendar that was never applied
``simulator-violation``    the gateway simulator got a request that no gateway documents
``simulator-second-text``  the gateway simulator accepted a text that was not due
``simulator-differs``      the gateway simulator accepted other commands than the outcomes say
"""

AuditVerdict = Literal["holds", "does not hold", "nothing compared"]
"""What an audit comes to. Only ``holds`` is a proof."""

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One contradiction between the topics and an invariant."""

    code: Code
    sentence: str
    call_id: str | None = None
    place: RecordRef | None = None

    def line(self) -> str:
        """One line for the console."""
        where = f" [{self.place}]" if self.place else ""
        call = f" call {self.call_id}:" if self.call_id else ""
        return f"{self.code}:{call} {self.sentence}{where}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        place = self.place
        return {
            "code": self.code,
            "sentence": self.sentence,
            "call_id": self.call_id,
            "topic": place.topic if place else None,
            "partition": place.partition if place else None,
            "offset": place.offset if place else None,
        }


@dataclass(frozen=True, slots=True)
class Open:
    """What is still under way: not wrong yet, not proven either."""

    decisions: int = 0
    """Offers that wait for their decision."""
    commands: int = 0
    """Rejects and texts that are asked for, or about to be, and have no terminal outcome."""
    confirmations: int = 0
    """Accepted rejects for which no record shows yet whether the ringing stopped."""

    @property
    def total(self) -> int:
        """Decisions and commands under way. Confirmations do not count: no work depends on them."""
        return self.decisions + self.commands


@dataclass(frozen=True, slots=True)
class Findings:
    """The audit's result."""

    wrong: tuple[AuditFinding, ...]
    open: Open
    checked: Mapping[str, int]
    """How many offers, decisions, rejects, texts, blocks and outcomes were compared."""
    outside: int = 0
    """Records of calls outside the range: read, but not checked."""
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    """Dead letters by reason."""
    texts_within_cooldown: int = 0
    """Texts that were accepted within the cool-down after another to the same caller and line."""
    simulator: Mapping[str, int] | None = None
    """What the gateway simulator counted, where its record was compared."""
    unsure: tuple[Unsure, ...] = ()
    """Texts whose delivery is unknown: no contradiction, but worth a look into the chat."""
    judged: JudgedRange = field(default_factory=JudgedRange)
    """The calls that could be judged."""
    derived: Derived | None = None
    """What came of making the decisions again; None: that was not asked for."""

    @property
    def verdict(self) -> AuditVerdict:
        """What is proven. Nothing compared proves nothing."""
        if self.wrong:
            return "does not hold"
        return "holds" if any(self.checked.values()) else "nothing compared"

    @property
    def holds(self) -> bool:
        """Whether records were compared, and none contradicts an invariant."""
        return self.verdict == "holds"

    def lines(self) -> list[str]:
        """For the console: the verdict, what was compared, what is open, what is wrong."""
        done = ", ".join(count(number, name) for name, number in _named(self.checked))
        lines = [
            f"audit       {self._state()}",
            f"            judged {self.judged.sentence()}",
            f"            compared {done}",
        ]
        if self.derived is not None:
            lines.append(f"            {self.derived.line()}")
        if self.outside:
            lines.append(
                f"            left out {count(self.outside, 'record')} of calls outside that range"
            )
        if self.simulator is not None:
            counts = ", ".join(
                f"{name.replace('_', ' ')} {number}" for name, number in self.simulator.items()
            )
            lines.append(
                f"            simulator's own count: {counts or 'nothing that can be compared'}"
            )
        if self.dead_letters:
            reasons = ", ".join(
                f"{reason} {number}" for reason, number in sorted(self.dead_letters.items())
            )
            lines.append(f"            dead letters: {reasons}")
        if self.texts_within_cooldown:
            lines.append(
                f"            {count(self.texts_within_cooldown, 'text')}"
                " within the cool-down of another"
            )
        lines += [f"  ! {finding.line()}" for finding in self.wrong[:_SHOWN]]
        if len(self.wrong) > _SHOWN:
            lines.append(
                f"  ! and {len(self.wrong) - _SHOWN} more; --report and --json write them all"
            )
        lines += [f"  ? {each.sentence()}" for each in self.unsure[-_SHOWN:]]
        if len(self.unsure) > _SHOWN:
            lines.append(
                f"  ? and {len(self.unsure) - _SHOWN} older; --report and --json write them all"
            )
        return lines

    def as_dict(self) -> dict[str, Any]:
        """For JSON: everything, every finding included."""
        return {
            "holds": self.holds,
            "verdict": self.verdict,
            "judged": self.judged.as_dict(),
            "open": {
                "decisions": self.open.decisions,
                "commands": self.open.commands,
                "confirmations": self.open.confirmations,
            },
            "checked": dict(self.checked),
            "outside_range": self.outside,
            "dead_letters": dict(self.dead_letters),
            "texts_within_cooldown": self.texts_within_cooldown,
            "simulator": None if self.simulator is None else dict(self.simulator),
            "derived": None if self.derived is None else self.derived.as_dict(),
            "texts_unsure": [each.as_dict() for each in self.unsure],
            "findings": [finding.as_dict() for finding in self.wrong],
        }

    def _state(self) -> str:
        if self.verdict == "nothing compared":
            return "proves nothing: there was nothing to compare"
        open_words = f", {self._open_words()}" if self.open.total else ""
        if self.verdict == "holds":
            return f"holds so far{open_words}" if open_words else "holds"
        return f"does not hold: {count(len(self.wrong), 'finding')}{open_words}"

    def _open_words(self) -> str:
        parts = []
        if self.open.decisions:
            parts.append(f"{count(self.open.decisions, 'offer')} not decided yet")
        if self.open.commands:
            parts.append(f"{count(self.open.commands, 'command')} not ended yet")
        return " and ".join(parts)


def _named(checked: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(name.removesuffix("s"), number) for name, number in checked.items()]
