"""A dict with a size limit, for readers that run for months."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

LIMIT: Final = 200_000
"""Some 20 MB of ids. Repeats of a record come within seconds, so that older keys are not needed."""


class BoundedMemory(Generic[K, V]):
    """A mapping of at most ``limit`` entries: a new one beyond that drops the oldest."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._entries: dict[K, V] = {}

    def __contains__(self, key: K) -> bool:
        """Whether the key is still remembered."""
        return key in self._entries

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The value of a key, or None."""
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        """Set a value. A key that is there already keeps its age."""
        self._entries[key] = value
        if len(self._entries) > self._limit:
            del self._entries[next(iter(self._entries))]

    def pop(self, key: K) -> V | None:
        """Remove a key and return its value; None where it is not there."""
        return self._entries.pop(key, None)

    def add_if_new(self, key: K, value: V) -> bool:
        """Add a key that is not there yet; returns whether it was new."""
        if key in self._entries:
            return False
        self.put(key, value)
        return True
