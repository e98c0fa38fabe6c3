"""How long offers wait for messages that are still to be read before them."""

from __future__ import annotations

from typing import Final

WAIT_S: Final = 0.3
"""How long an offer may wait. Longer, and it rings."""

IN_VAIN_S: Final = 1.0
"""Once an offer has waited for nothing, so long the others of its partition do not wait at all.

The offers of a partition stand behind one another: if each of them waited, a broker that is away
would make all of them late.
"""


class WaitBudget:
    """Grants waits, by partition. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._gave_up_at: dict[int, float] = {}

    def until(self, partition: int, now: float) -> float:
        """Up to when an offer that comes now may wait."""
        gave_up_at = self._gave_up_at.get(partition)
        if gave_up_at is not None and now - gave_up_at < IN_VAIN_S:
            return now
        return now + WAIT_S

    def gave_up(self, partition: int, now: float) -> None:
        """An offer waited as long as it may, and its partition's messages were still not read.

        May be repeated.
        """
        gave_up_at = self._gave_up_at.get(partition)
        if gave_up_at is None or now - gave_up_at >= IN_VAIN_S:
            self._gave_up_at[partition] = now
