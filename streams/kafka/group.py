"""What a process knows of its consumer group, whoever consumes."""

from __future__ import annotations

from typing import Protocol


class Group(Protocol):
    """What the app says of its consumer group."""

    @property
    def rebalances(self) -> int:
        """How many have begun."""

    @property
    def last_rebalance_s(self) -> float | None:
        """What the last one took; None before the first."""

    def assigned(self, topic: str) -> set[int]:
        """The partitions of a topic (its full name) that this process reads now."""
