"""A view of one compacted topic: the latest value of every key."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from models.codec import decode
from models.topics import Topic

T = TypeVar("T")


class CompactedView(Protocol):
    """What ``CompactedReader`` feeds with the records of a topic."""

    @property
    def topic(self) -> Topic:
        """The topic whose records it is fed."""

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Apply one record, in the topic's order; None removes the key. May be repeated.

        Raises ``UndecodableError``, and changes nothing, for a value that does not have the
        topic's form.
        """

    def complete(self) -> None:
        """Called once, after every record that was on the topic at the start was applied."""


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
        """Set the value of a key; None removes it. May be repeated."""
        before = self._values.pop(key, None)
        if value is not None:
            if before is not None:
                value = self._merged(before, value)
            self._values[key] = value
        self._changed(before, value)

    def complete(self) -> None:
        """See ``CompactedView``."""

    def get(self, key: str) -> T | None:
        """The latest value of a key, or None."""
        return self._values.get(key)

    def values(self) -> list[T]:
        """All latest values."""
        return list(self._values.values())

    def _merged(self, _before: T, after: T) -> T:
        """The value to keep when ``after`` was read behind ``before``; override to merge both."""
        return after

    def _changed(self, before: T | None, after: T | None) -> None:
        """Override to keep derived data up to date; called after each change."""
