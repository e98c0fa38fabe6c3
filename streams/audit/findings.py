"""What an audit found: each contradiction with its code, its sentence, its call and its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

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
    "misplaced",
    "undecodable",
    "simulator-violation",
    "simulator-second-text",
    "simulator-differs",
]
""" ``undecided``       an offer without a decision, and not in the dead letters ``decided-twice``
a later decision on the same call says something else (and not ``late``) ``no-offer``        a
decision or a command about a call that no offer names ``unexplained``     a decision without its
facts or its policy revision ``crossed``         session, call id, caller, line or gateway are not
those of the offer ``no-reject``       a ``reject`` decision without its command ``unasked-reject``
a reject command that no ``reject`` decision asked for ``no-text``         a reply was named, by a
reject that went through or a ``queue`` decision, and no text was asked for ``unasked-text``    a
text without a reject that went through, or a ``queue`` decision ``no-outcome``      a command past
its time without a terminal outcome ``orphan-outcome``  an outcome of a command that stands nowhere
``second-text``     one decision led to more than one accepted text ``sent-late``       a request
was begun at or after the end of its window ``misplaced``       a key that is not the value's, or a
partition that is not the key's ``undecodable``     a value that is not what its topic promises
``simulator-*``     the gateway simulator counted something else
"""

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One contradiction between the topics and an invariant."""

    code: Code
    sentence: str
    call_id: str | None = None
    place: RecordRef | None = None

    def line(self) -> str:
        """One line for people."""
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
    """Accepted rejects of which nobody has said yet whether the ringing stopped."""

    @property
    def total(self) -> int:
        """Decisions and commands under way.

        A confirmation that is waited for leaves nothing undone.
        """
        return self.decisions + self.commands


@dataclass(frozen=True, slots=True)
class Findings:
    """The audit's result. ``holds`` only when nothing contradicts an invariant."""

    wrong: tuple[AuditFinding, ...]
    open: Open
    checked: Mapping[str, int]
    """How many offers, decisions, rejects, texts, blocks and outcomes were compared."""
    outside: int = 0
    """Records of calls from before the range: read, and not judged."""
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    """By reason."""
    texts_within_cooldown: int = 0
    """Texts that were accepted within the cool-down after another to the same caller and line."""
    simulator: Mapping[str, int] | None = None
    """What the simulator's record says, where one was compared."""
    unsure: tuple[Unsure, ...] = ()
    """Texts of which nobody knows whether they arrived: no contradiction, but somebody may look
    into the chat."""

    @property
    def holds(self) -> bool:
        """Whether every invariant that the topics can show is kept."""
        return not self.wrong

    def lines(self) -> list[str]:
        """For people: the verdict, what was compared, what is open, what is wrong."""
        done = ", ".join(count(number, name) for name, number in _named(self.checked))
        if self.holds:
            state = "holds" if not self.open.total else f"holds so far, {self._open_words()}"
        else:
            state = f"does not hold: {count(len(self.wrong), 'finding')}"
            if self.open.total:
                state += f", {self._open_words()}"
        lines = [f"audit       {state}", f"            compared {done}"]
        if self.simulator is not None:
            said = ", ".join(
                f"{name.replace('_', ' ')} {number}" for name, number in self.simulator.items()
            )
            lines.append(
                f"            simulator's own count: {said or 'nothing that can be compared'}"
            )
        if self.dead_letters:
            said = ", ".join(
                f"{reason} {number}" for reason, number in sorted(self.dead_letters.items())
            )
            lines.append(f"            dead letters: {said}")
        if self.texts_within_cooldown:
            lines.append(
                f"            {count(self.texts_within_cooldown, 'text')} within the cool-down of another"
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
            "texts_unsure": [each.as_dict() for each in self.unsure],
            "findings": [finding.as_dict() for finding in self.wrong],
        }

    def _open_words(self) -> str:
        parts = []
        if self.open.decisions:
            parts.append(f"{count(self.open.decisions, 'offer')} not decided yet")
        if self.open.commands:
            parts.append(f"{count(self.open.commands, 'command')} not ended yet")
        return " and ".join(parts)


def _named(checked: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(name.removesuffix("s"), number) for name, number in checked.items()]
