"""How people react to being rejected, as dials: what a report finds can be compared with them.

A person who was rejected writes to the line, or does not. How likely that is hangs on whether a
text comes, on which one, and how late. Everybody has a temper, drawn from the seed and the number
alone: who would write after a text that few write after would also do so after a better one. So the
same seed gives the same people, however long the texts take.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import exp2
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from models.policy import Duration
from models.policy.values import STRICT
from streams.common.yaml_source import YamlSource

Chance = Annotated[float, Field(ge=0, le=1)]
Words = Annotated[str, StringConstraints(min_length=1)]


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class TextEffect:
    """A text, known by words of it, and what it brings about."""

    words: Annotated[tuple[Words, ...], Field(min_length=1)]
    """A text that holds any of these: one for each language."""
    write: Chance
    """The share of those who get it who write."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Reactions:
    """The dials. Shares are of persons who were rejected."""

    silent: Chance = 0.1
    """Of those who are told nothing: the share that writes."""
    told: Chance = 0.2
    """Of those who get a text that is none of ``texts``."""
    texts: tuple[TextEffect, ...] = ()
    """Of those who get one of these; the first that fits."""
    fades: Duration = 120_000
    """A text that comes so late has half the effect, twice as late a quarter."""
    patience: Duration = 8_000
    """Who got no text by then acts as one who is told nothing."""
    writes_after: Duration = 15_000
    """From the text, or the end of the patience, to the message: the median."""
    at_latest: Duration = 60_000
    """Nobody writes later than this after that."""
    redials_told: Chance = 0.4
    """Of those who would call again at once, those who still do so when they got a text."""
    picked_up: Chance | None = None
    """Of persons' calls that are let ring, those that somebody of the line picks up; None: as many
    as the traffic has it."""
    reached: Chance = 0.0
    """The share to whom somebody of the line writes, within the same time."""

    def write(self, text: str | None, late_ms: int = 0) -> float:
        """How many of those write who got this text so late after the reject (None: no text)."""
        if text is None:
            return self.silent
        effect = next(
            (
                each.write
                for each in self.texts
                if any(words.casefold() in text.casefold() for words in each.words)
            ),
            self.told,
        )
        return self.silent + (effect - self.silent) * exp2(-late_ms / self.fades)


@dataclass(frozen=True, slots=True)
class Temper:
    """What is fixed of one person on one line: places between 0 and 1, and delays in seconds."""

    writes: float
    """Writes where a larger share would."""
    redials: float
    """Calls again in spite of a text where a larger share would."""
    is_reached: float
    """The line writes where a larger share is reached."""
    writes_after_s: float
    reached_after_s: float


def temper(reactions: Reactions, seed: int, line: str, caller: str) -> Temper:
    """The person's temper. The same arguments always give the same."""
    rng = random.Random(f"{seed}/{line}/{caller}")  # noqa: S311  # chance in a simulation, no secret
    places = rng.random(), rng.random(), rng.random()
    median_s, longest_s = reactions.writes_after / 1000, reactions.at_latest / 1000
    delays = [min(median_s * rng.lognormvariate(0, 0.6), longest_s) for _ in range(2)]
    return Temper(*places, *delays)


def read_reactions(path: Path) -> Reactions:
    """The dials of a YAML file; raises ``ConfigurationError`` with file, line, key and the fix."""
    source = YamlSource(path)
    try:
        return _REACTIONS.validate_python(source.data)
    except ValidationError as exc:
        raise source.refuse(exc) from None


_REACTIONS: TypeAdapter[Reactions] = TypeAdapter(Reactions)
