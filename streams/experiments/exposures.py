"""Who was put into which variant of which experiment, and what they did next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from models.decisions import Assignment, Decision


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Trial:
    """One experiment on one line under one salt: what is judged as a whole.

    Another line may have other shares, and another salt assigned everybody anew.
    """

    line: str
    of: Literal["reply", "rule"]
    experiment: str
    """The name of the reply, or the id of the rule."""
    salt: str

    @property
    def words(self) -> str:
        """For people: ``the reply upgrade on sales``."""
        return f"the {self.of} {self.experiment} on {self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One caller was put into a variant, and what is known of the time after.

    A caller may have several; the first counts (``judge``).
    """

    caller: str
    """The caller's identity as it is known today: who was two people then is one."""
    at_ms: int
    """When the call was decided, or its reject took effect: the horizon begins."""
    assignment: Assignment
    told: bool = False
    """A text was sent after that call."""
    returned: str | None = None
    """How the caller first came back; None: not at all, as far as is known."""
    returned_after_ms: int | None = None
    watched_ms: int | None = None
    """So long after ``at_ms`` all that the caller did is known; None: as long as everything was
    read."""
    censored_after_ms: int | None = None
    """So long after the call nothing more could be known, as where the caller was blocked by hand;
    None: still watched."""


def trials_of(decision: Decision) -> Iterator[tuple[Trial, Assignment]]:
    """What a decision says of experiments."""
    for each in decision.assignments:
        yield (
            Trial(line=decision.line, of=each.of, experiment=each.experiment, salt=each.salt),
            each,
        )


@dataclass(frozen=True, slots=True)
class People:
    """The callers of a trial, each once, by the first assignment (intention to treat).

    Whoever was first put into a variant counts there, told or not, and whatever came later: any
    other choice compares people who differ by more than the variant.
    """

    first: tuple[Exposure, ...]
    """In order of time, without those of ``in_two``."""
    in_two: int
    """Callers seen in two variants under equal shares, who are left out: identities that turned out
    to be one person. Nothing else can do that, for the variant is a hash of the caller."""
    moved: int
    """Callers whom a change of the shares put into another variant; they count where they were
    first."""

    @property
    def share_in_two(self) -> float:
        """Of all callers, those seen in two variants."""
        everybody = len(self.first) + self.in_two
        return self.in_two / everybody if everybody else 0.0


def people(exposures: Iterable[Exposure]) -> People:
    """Each caller once; the order of the exposures does not matter."""
    by_caller: dict[str, list[Exposure]] = {}
    for each in exposures:
        by_caller.setdefault(each.caller, []).append(each)
    first: list[Exposure] = []
    in_two = moved = 0
    for each_of in by_caller.values():
        variants: dict[tuple[tuple[str, float], ...], set[str]] = {}
        for each in each_of:
            variants.setdefault(shares_key(each), set()).add(each.assignment.variant)
        if any(len(found) > 1 for found in variants.values()):
            in_two += 1
            continue
        moved += len(set().union(*variants.values())) > 1
        first.append(min(each_of, key=lambda each: (each.at_ms, each.assignment.variant)))
    first.sort(key=lambda each: (each.at_ms, each.caller))
    return People(tuple(first), in_two, moved)


def shares_key(exposure: Exposure) -> tuple[tuple[str, float], ...]:
    """The shares at that moment, to be compared with others'."""
    return tuple(exposure.assignment.shares.items())
