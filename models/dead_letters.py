"""What happens to a dead letter after it was written: how it was handled, how often replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from models.bounds import Count, Millis

HANDLED_HEADER: Final = "ringfence-dlq-handled"
"""On a mark: ``partition:offset`` of the letter that it marks. No letter has it."""

REPLAYS_HEADER: Final = "ringfence-replays"
"""On a replayed record: how often it was replayed, in decimal digits. Kept when it becomes a dead
letter again."""

How = Literal["replayed", "dropped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterHandled:
    """The mark of a handled dead letter: the letter itself stays on the topic until retention.

    Written to ``calls.dlq``, to the partition of the letter, so that it outlives the letter.
    """

    type: Literal["letter.handled"] = "letter.handled"
    partition: Count
    offset: Count
    """Where the letter stands on ``calls.dlq``."""
    how: How
    author: str
    note: str = ""
    at_ms: Millis

    @property
    def place(self) -> str:
        """The letter, as people name it."""
        return f"{self.partition}:{self.offset}"
