"""A view of one compacted topic: the latest value of every key."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from models.codec import decode
from models.topics import Topic

T = TypeVar("T")


class CompactedView(Protocol):
    """What the reader of reference topics feeds."""

    @property
    def topic(self) -> Topic:
        """Whose records it takes."""

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take one record, in the topic's order; None removes the key. May be repeated.

        Raises ``UndecodableError`` and stays as it was for a value that is not what the topic
        promises.
        """

    def complete(self) -> None:
        """Everything that stood on the topic at the start was taken."""


class Latest(Generic[T]):
    """The decoded values of a small topic, by key."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self._values: dict[str, T] = {}

    def apply(self, key: bytes, value: bytes | None) -> None:
        """See ``CompactedView``."""
        self.set(
            key.decode("utf-8", "replace"),
            None if value is None else decode(self.topic.values, value),
        )

    def set(self, key: str, value: T | None) -> None:
        """Take the value of a key, or None for no value any more; may be repeated."""
        before = self._values.pop(key, None)
        if value is not None:
            if before is not None:
                value = self._merged(before, value)
            self._values[key] = value
        self._changed(before, value)

    def complete(self) -> None:
        """See ``CompactedView``."""

    def get(self, key: str) -> T | None:
        """The latest value of a key."""
        return self._values.get(key)

    def values(self) -> list[T]:
        """All latest values."""
        return list(self._values.values())

    def _merged(self, _before: T, after: T) -> T:
        """What is known once this record was read after that one.

        What was written last, unless a topic differs.
        """
        return after

    def _changed(self, before: T | None, after: T | None) -> None:
        """Keep what is derived from the values up to date; called after each change."""
