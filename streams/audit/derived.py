"""What came of making decisions again from their records, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from streams.common.wording import count

Result = Literal["same", "differs", "repeated", "truncated", "without", "other-data"]

_APART: Final[Mapping[Result, str]] = {
    "repeated": "repeated after an interruption",
    "truncated": "whose record was cut",
    "without": "without a record of what was read",
    "other-data": "made with other data of zones, holidays or numbers",
}
"""What is counted apart: nothing is proven of it, and nothing is wrong."""
_RESULTS: Final[tuple[Result, ...]] = ("same", "differs", *_APART)


@dataclass(slots=True)
class Derived:
    """How many decisions came to which result."""

    counts: Counter[Result] = field(default_factory=Counter)

    def line(self) -> str:
        """For the console."""
        apart = [
            f"{self.counts[result]} {words}"
            for result, words in _APART.items()
            if self.counts[result]
        ]
        left_out = f"; left out {', '.join(apart)}" if apart else ""
        made = self.counts["same"] + self.counts["differs"]
        return f"made again {count(made, 'decision')}: {self.counts['differs']} differ{left_out}"

    def as_dict(self) -> dict[str, int]:
        """For JSON."""
        return {each: self.counts[each] for each in _RESULTS}
