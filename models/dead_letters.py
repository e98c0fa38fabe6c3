"""What is said about a dead letter after it was written.

How somebody dealt with it, and how often it was replayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from models.bounds import Count, Millis

HANDLED_HEADER: Final = "ringfence-dlq-handled"
"""On a mark: ``partition:offset`` of the letter that it marks. No letter has it."""

REPLAYS_HEADER: Final = "ringfence-replays"
"""On a record that was put back: how often, in decimal digits. It goes along when the record dies
again."""

How = Literal["replayed", "dropped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterHandled:
    """The mark of a dead letter that needs nobody any more; a log deletes nothing before its time.

    Stands on ``calls.dlq`` behind the letter, on the same partition, so that it is kept longer than
    the letter.
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
