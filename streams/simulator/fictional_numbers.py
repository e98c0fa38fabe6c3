"""People who do not exist: numbers that regulators keep for fiction, and LIDs that stand for them.

| country | numbers | kept by |
| --- | --- | --- |
| UK | 07700 900000 to 900999 | Ofcom, drama numbers |
| US, Canada | area code + 555-0100 to 555-0199 | NANPA, fictional use |
| Australia | (02, 03, 07, 08) 5550 0000 to 9999 and 7010 0000 to 9999 | ACMA, fictional numbers |
| France | 06 39 98 00 00 to 99 99 | ARCEP, audiovisual works |
| Sweden | 070-174 06 05 to 06 99 | PTS, fictional numbers |
"""

from __future__ import annotations

import random
from typing import Final

from streams.simulator.session_state import SimulatedPerson

_AREA_CODES: Final = (212, 213, 303, 305, 312, 404, 415, 503, 512, 602, 617, 702, 713, 808, 907)

RANGES: Final[tuple[range, ...]] = (
    range(447700900000, 447700901000),
    *(range(int(f"1{code}5550100"), int(f"1{code}5550200")) for code in _AREA_CODES),
    *(
        range(int(f"61{area}{block}0000"), int(f"61{area}{block}0000") + 10_000)
        for area in (2, 3, 7, 8)
        for block in (5550, 7010)
    ),
    range(33639980000, 33639990000),
    range(46701740605, 46701740700),
)

_OWN: Final = range(12025550100, 12025550200)
"""202-555-0100 to 0199 are the lines' own accounts: no caller has one."""

_NAMES: Final = ("Amina", "Ben", "Carla", "Dewi", "Elif", "Farid", "Grace", "Hiro", "Ines", "Jonas")


def own_number(index: int) -> int:
    """The number of the line with this index; they repeat after a hundred lines."""
    return _OWN[index % len(_OWN)]


def lid_of(phone: int) -> str:
    """The LID that stands for a number: always the same, and no number itself."""
    # a multiplication modulo a prime scatters the digits, so that nobody reads the phone out of it
    return f"{900_000_000_000_000 + phone * 7_919 % 99_999_999_999_973}@lid"


class Strangers:
    """People nobody has met: no number comes twice before every range is used up (about 92,000)."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._open: list[tuple[tuple[range, int], int]] = []

    def another(self, *, lid_share: float) -> SimulatedPerson:
        """One more person; with the given probability they show only their LID."""
        if not self._open:
            # begin anywhere, so that runs with other seeds meet other people
            self._open = [((numbers, self._rng.randrange(len(numbers))), 0) for numbers in RANGES]
        index = self._rng.randrange(len(self._open))
        (numbers, first), used = self._open[index]
        if used + 1 < len(numbers):
            self._open[index] = ((numbers, first), used + 1)
        else:
            del self._open[index]
        phone = numbers[(first + used) % len(numbers)]
        lid = lid_of(phone) if self._rng.random() < lid_share else None
        return SimulatedPerson(f"{phone}@c.us", lid, self._rng.choice(_NAMES))
