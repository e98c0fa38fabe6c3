"""How long offers wait for what is still to be read before them."""

from __future__ import annotations

from typing import Final

WAIT_S: Final = 0.3
"""How long an offer may wait, and all offers of a partition together in ``SPAN_S``. Longer, and it
rings."""

SPAN_S: Final = 1.0
"""From the first wait on, so long the waits of a partition are counted together.

The offers of a partition stand behind one another: if each of them waited, a broker that is away,
or a caller who names another number with each offer, would make all of them late.
"""

SHORT_S: Final = 0.05
"""So much of a wait that was not in vain is free: under load messages are often a few ms behind,
and who waits for them is decided rightly."""


class WaitBudget:
    """Grants waits of every kind, by partition. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._spent: dict[int, tuple[float, float]] = {}
        """When the counting began, and how long offers have waited since."""

    def until(self, partition: int, now: float) -> float:
        """Up to when an offer that comes now may wait."""
        return now + max(0.0, WAIT_S - self._since(partition, now)[1])

    def waited(self, partition: int, began: float, now: float, *, in_vain: bool) -> None:
        """An offer has waited, for its messages or for anything else."""
        cost = now - began if in_vain else now - began - SHORT_S
        if cost > 0:
            since, spent = self._since(partition, now)
            self._spent[partition] = since, spent + cost

    def _since(self, partition: int, now: float) -> tuple[float, float]:
        since, spent = self._spent.get(partition, (now, 0.0))
        return (now, 0.0) if now - since >= SPAN_S else (since, spent)
