"""Who calls and writes in a run, and what must never happen to whom."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

from streams.simulator.fictional_numbers import Strangers
from streams.simulator.session_state import SimulatedPerson

Kind = Literal["stranger", "talker", "writer"]
"""
``stranger``  never wrote: is rejected, and told once
``talker``    wrote and was answered: must never be rejected, however often they call
``writer``    wrote, and calls less often than a burst: must never be rejected
"""

LINES = ("london", "paris", "riyadh")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is in touch with one line."""

    party: SimulatedPerson
    line: str
    kind: Kind

    @property
    def protected(self) -> bool:
        """Whether a reject would be a mistake."""
        return self.kind != "stranger"

    @property
    def key(self) -> str:
        """The canonical JID by which the topics know them."""
        return self.party.phone or self.party.jid

    @property
    def who(self) -> dict[str, str | None]:
        """How an order to the simulator names them."""
        return {"line": self.line, "caller": self.key, "lid": self.party.lid}


class Crowd:
    """People without end, each met once."""

    def __init__(self, rng: random.Random) -> None:
        self._strangers = Strangers(rng)
        self._lines: Iterator[str] = cycle(LINES)

    def another(
        self, kind: Kind, line: str | None = None, *, lid_share: float | None = None
    ) -> Person:
        """Somebody whom no line has seen."""
        line = line or next(self._lines)
        if lid_share is None:
            # Wawp's payloads cannot name the phone behind a LID, so that it would be another caller
            lid_share = 0.0 if line == "riyadh" else 0.2
        return Person(self._strangers.another(lid_share=lid_share), line, kind)
