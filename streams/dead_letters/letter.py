"""One dead letter: what its headers say, and the record or webhook that it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from models.codec import Headers
from models.dead_letters import REPLAYS_HEADER, LetterHandled
from models.records import CUT_HEADER
from models.topics import TOPICS
from streams.kafka.reader import Seen

_ADDED: Final = "kafka_dlt-"
"""Prefix of the headers with which ``models.records.dead_letter`` names cause and origin."""

_SOURCE: Final = "ringfence-source"
_CUT: Final = frozenset({CUT_HEADER, "ringfence-key-cut-from-bytes", "ringfence-left-out-headers"})
_TOPIC_NAMES: Final = frozenset(topic.name for topic in TOPICS)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the record stood; ``topic`` is the name on the broker, with its prefix."""

    topic: str
    partition: int | None
    offset: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter without its value, since thousands of letters are held in memory at once."""

    partition: int
    offset: int
    at_ms: int
    """When it was written to ``calls.dlq``."""
    reason: str
    message: str
    source: str
    origin: Origin | None
    """None: a webhook, which never was on a topic."""
    gateway: str | None
    """The gateway that sent the webhook; None for a record from a topic."""
    key: bytes
    size: int
    replays: int
    """How often it was replayed before."""
    cut: bool
    """Whether only a part of it was kept, for its size: such a letter cannot be replayed."""
    handled: LetterHandled | None = None

    @property
    def place(self) -> str:
        """PARTITION:OFFSET, as on the command line."""
        return f"{self.partition}:{self.offset}"

    @property
    def came_from(self) -> str:
        """The origin in short: ``calls.events:1:7``, or ``webhook office``."""
        if self.origin is None:
            return f"webhook {self.gateway or '(unnamed gateway)'}"
        at = (self.origin.partition, self.origin.offset)
        return ":".join([self.origin.topic, *(str(each) for each in at if each is not None)])

    def as_dict(self) -> dict[str, Any]:
        """For JSON. Holds the key, which may be a caller's number."""
        done = self.handled
        return {
            "place": self.place,
            "at_ms": self.at_ms,
            "reason": self.reason,
            "message": self.message,
            "source": self.source,
            "original_topic": self.origin.topic if self.origin else None,
            "original_partition": self.origin.partition if self.origin else None,
            "original_offset": self.origin.offset if self.origin else None,
            "gateway": self.gateway,
            "key": self.key.decode("utf-8", "replace"),
            "bytes": self.size,
            "replays": self.replays,
            "handled": {"how": done.how, "author": done.author, "at_ms": done.at_ms}
            if done
            else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Selects letters; every criterion that is given must match."""

    reason: str | None = None
    topic: str | None = None
    """The original topic, with or without the prefix; ``webhook`` for webhooks."""
    since_ms: int | None = None
    until_ms: int | None = None
    containing: bytes | None = None
    """Bytes that the letter's value or key must contain, such as a call id."""
    places: frozenset[str] = field(default_factory=frozenset)
    """PARTITION:OFFSET of the letters; empty: any."""
    limit: int | None = None
    """At most this many, the newest."""

    def matches(self, letter: Letter, value: bytes) -> bool:
        """Whether a letter with this value is selected, apart from ``limit``."""
        return (
            (self.reason is None or letter.reason == self.reason)
            and (self.topic is None or self._of_topic(letter))
            and (self.since_ms is None or letter.at_ms >= self.since_ms)
            and (self.until_ms is None or letter.at_ms < self.until_ms)
            and (
                self.containing is None or self.containing in value or self.containing in letter.key
            )
            and (not self.places or letter.place in self.places)
        )

    def _of_topic(self, letter: Letter) -> bool:
        if letter.origin is None:
            return self.topic == "webhook"
        return letter.origin.topic == self.topic or (
            self.topic in _TOPIC_NAMES and letter.origin.topic.endswith(str(self.topic))
        )


def read_letter(seen: Seen) -> Letter:
    """Read the headers of a record on ``calls.dlq``.

    Never raises: a malformed header counts as missing.
    """
    topic = _last(seen.headers, f"{_ADDED}original-topic")
    origin = None
    if topic:
        origin = Origin(
            topic,
            *(
                _number(_last(seen.headers, f"{_ADDED}original-{at}"))
                for at in ("partition", "offset")
            ),
        )
    return Letter(
        partition=seen.partition,
        offset=seen.offset,
        at_ms=seen.timestamp_ms,
        reason=_last(seen.headers, f"{_ADDED}exception-fqcn") or "unnamed",
        message=_last(seen.headers, f"{_ADDED}exception-message") or "no reason given",
        source=_last(seen.headers, _SOURCE) or "unnamed",
        origin=origin,
        gateway=_last(seen.headers, "ringfence-gateway") if origin is None else None,
        key=seen.key or b"",
        size=len(seen.raw),
        replays=_number(_last(seen.headers, REPLAYS_HEADER)) or 0,
        cut=any(name in _CUT for name, _ in seen.headers),
    )


def original_headers(headers: Iterable[tuple[str, bytes]]) -> Headers:
    """The headers of the original record, without the count of its replays."""
    return [
        (name, value)
        for name, value in headers
        if not name.startswith(_ADDED) and name not in {_SOURCE, REPLAYS_HEADER}
    ]


def _last(headers: Sequence[tuple[str, bytes]], name: str) -> str | None:
    # the dead letter's own headers come after those of the original record
    for key, value in reversed(headers):
        if key == name:
            return (value or b"").decode("utf-8", "replace")
    return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) <= 18 else None
