"""Bounded memory of what was seen lately, for readers that run for months."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

LIMIT: Final = 200_000
"""Some 20 MB of ids; repeats of a record stand close to it, seconds and not days later."""


class BoundedMemory(Generic[K, V]):
    """A mapping that forgets its oldest entries beyond a limit."""

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
        """What is remembered of a key, or None."""
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        """Remember; a key that is known keeps its age."""
        self._entries[key] = value
        if len(self._entries) > self._limit:
            del self._entries[next(iter(self._entries))]

    def pop(self, key: K) -> V | None:
        """What is remembered, which is then forgotten."""
        return self._entries.pop(key, None)

    def add_if_new(self, key: K, value: V) -> bool:
        """Whether the key is new; it is remembered from now on."""
        if key in self._entries:
            return False
        self.put(key, value)
        return True
