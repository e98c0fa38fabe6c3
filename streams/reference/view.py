"""A view of one compacted topic: the latest value of every key."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from models.codec import decode
from models.topics import Topic

T = TypeVar("T")


class View(Protocol):
    """What the reader of reference topics feeds."""

    @property
    def topic(self) -> Topic:
        """Whose records it takes."""

    def take(self, key: bytes, value: bytes | None) -> None:
        """Take one record, in the topic's order; None removes the key. May be repeated.

        Raises ``UndecodableError`` and stays as it was for a value that is not what the topic promises.
        """

    def complete(self) -> None:
        """Everything that stood on the topic at the start was taken."""


class Latest(Generic[T]):
    """The decoded values of a small topic, by key."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self._values: dict[str, T] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """See ``View``."""
        name = key.decode("utf-8", "replace")
        before = self._values.get(name)
        if value is None:
            self._values.pop(name, None)
            after = None
        else:
            after = decode(self.topic.values, value)
            self._values[name] = after
        self._changed(before, after)

    def complete(self) -> None:
        """See ``View``."""

    def get(self, key: str) -> T | None:
        """The latest value of a key."""
        return self._values.get(key)

    def values(self) -> list[T]:
        """All latest values."""
        return list(self._values.values())

    def _changed(self, before: T | None, after: T | None) -> None:
        """Keep what is derived from the values up to date; called after each change."""
