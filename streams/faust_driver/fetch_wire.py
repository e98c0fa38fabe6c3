"""Kafka's fetch sessions (KIP-227) on the wire.

What a broker remembers, what is asked, what is answered.

Packed and read by hand: aiokafka's schemas cost as much for one partition as this does for twenty.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Final

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.fetch import FetchRequest_v11
from aiokafka.structs import TopicPartition
from typing_extensions import override

MAX_WAIT_MS: Final = 100
"""How long a broker may wait for news. What is resumed meanwhile (after a rebalance) waits for the
answer, and so does learning how far an idle partition reaches; ten empty fetches a second cost
nothing that shows."""

_VERSION: Final = 11
"""The newest that aiokafka speaks; every broker since 2.3 takes it, and 4.x still does."""

_OPENING: Final = struct.Struct(
    ">iiiibii"
)  # replica, wait, min bytes, max bytes, isolation, session, epoch
_ASKED: Final = struct.Struct(
    ">iiqqi"
)  # partition, leader's epoch, offset, start of the log, max bytes
_HEAD: Final = struct.Struct(">ihii")  # throttled for, error, session, number of topics
_FOUND: Final = struct.Struct(
    ">ihqqqi"
)  # partition, error, high watermark, last stable, start, aborted transactions
_ABORTED: Final = struct.Struct(">qq")
_RECORDS: Final = struct.Struct(">ii")  # preferred replica, size
_COUNT: Final = struct.Struct(">i")
_LENGTH: Final = struct.Struct(">h")

FetchedPartition = tuple[int, int, int, int, int, list[tuple[int, int]], int, bytes]
"""A partition's part of an answer, in the order of the protocol."""


@dataclass(frozen=True, slots=True)
class FetchAnswer:
    """As much of a FetchResponse as aiokafka's fetcher looks at."""

    topics: list[tuple[str, list[FetchedPartition]]]
    API_VERSION: int = _VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What every request of a consumer says alike."""

    min_bytes: int
    max_bytes: int
    partition_max_bytes: int
    isolation: int


class FetchSession:
    """What one broker was asked for and still remembers. Does no IO.

    Requests are made one after the other. One whose answer did not come leaves open what the broker
    knows, so that the next one says everything again and begins a new session.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._id = 0
        self._epoch = 0
        self._told: Mapping[TopicPartition, int] = {}

    @property
    def told(self) -> Mapping[TopicPartition, int]:
        """The offsets that the last request asked for, named in it or remembered by the broker."""
        return self._told

    @property
    def epoch(self) -> int:
        """The number of the next request; 0 begins a session."""
        return self._epoch

    def restart(self) -> None:
        """End this session: the next request begins a new one, whose answer has every partition."""
        self._epoch = 0

    def ask(self, wanted: Mapping[TopicPartition, int]) -> bytes:
        """The body of a request for these partitions from these offsets, and for no others."""
        told = self._told if self._epoch else {}
        changed: defaultdict[str, list[bytes]] = defaultdict(list)
        for tp, offset in wanted.items():
            if told.get(tp) != offset:
                changed[tp.topic].append(
                    _ASKED.pack(tp.partition, -1, offset, -1, self._limits.partition_max_bytes)
                )
        forgotten: defaultdict[str, list[bytes]] = defaultdict(list)
        for tp in told.keys() - wanted.keys():
            forgotten[tp.topic].append(_COUNT.pack(tp.partition))
        limits = self._limits
        opening = _OPENING.pack(
            -1,
            MAX_WAIT_MS,
            limits.min_bytes,
            limits.max_bytes,
            limits.isolation,
            self._id,
            self._epoch,
        )
        self._told = wanted
        self._epoch = 0  # until an answer proves that this one was heard
        return b"".join((opening, _by_topic(changed), _by_topic(forgotten), _LENGTH.pack(0)))

    def hear(self, epoch: int, body: bytes, at: int) -> FetchAnswer:
        """Read the answer to the request of this epoch, which begins there.

        The next request builds on it.

        Whatever error the broker reports of the session itself, the next request begins a new one.
        """
        _, error, session, topics = _HEAD.unpack_from(body, at)
        if error:
            return FetchAnswer([])
        if session:
            self._id = session
            self._epoch = epoch % (2**31 - 1) + 1
        return FetchAnswer(list(_topics(body, at + _HEAD.size, topics)))


class SessionFetchRequest(FetchRequest_v11):  # type: ignore[misc] # aiokafka has no types
    """A request that encodes itself, and knows how to read its answer."""

    def __init__(
        self,
        session: FetchSession,
        wanted: Mapping[TopicPartition, int],
        on_answer: Callable[[FetchAnswer], None],
    ) -> None:
        self._session = session
        self._epoch = session.epoch
        self._body = session.ask(wanted)
        self._on_answer = on_answer
        self._answer = FetchAnswer([])

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> SessionFetchRequest:
        """This request. Raises ``IncompatibleBrokerVersion`` where the broker does not take it."""
        oldest, newest = versions.get(self.API_KEY, (0, 0))
        if not oldest <= _VERSION <= newest:
            msg = (
                f"the broker takes fetch requests of version {oldest} to {newest}, not {_VERSION}:"
                " use Kafka 3.7 to 4.x"
            )
            raise IncompatibleBrokerVersion(msg)
        return self

    @override
    def encode(self) -> bytes:
        return self._body

    @property
    def RESPONSE_TYPE(self) -> SessionFetchRequest:  # noqa: N802 - aiokafka's name
        """This request, which decodes its answer."""
        return self

    @override
    def decode(self, data: BytesIO) -> FetchAnswer:
        """Read the answer; aiokafka calls it only while somebody waits for it."""
        self._answer = self._session.hear(self._epoch, data.getvalue(), data.tell())
        self._on_answer(self._answer)
        return self._answer

    @property
    def topics(self) -> list[tuple[str, list[tuple[int, int, int]]]]:
        """The offsets that were asked for, of those partitions that the answer names."""
        told = self._session.told
        return [
            (topic, [(part[0], told[TopicPartition(topic, part[0])], 0) for part in parts])
            for topic, parts in self._answer.topics
        ]

    @override
    def __repr__(self) -> str:
        return f"SessionFetchRequest(epoch={self._epoch})"


@lru_cache(maxsize=1024)
def _text(text: str) -> bytes:
    raw = text.encode()
    return _LENGTH.pack(len(raw)) + raw


def _by_topic(parts: Mapping[str, list[bytes]]) -> bytes:
    pieces = [_COUNT.pack(len(parts))]
    for topic, each in parts.items():
        pieces += (_text(topic), _COUNT.pack(len(each)), *each)
    return b"".join(pieces)


def _topics(body: bytes, at: int, topics: int) -> Iterator[tuple[str, list[FetchedPartition]]]:
    for _ in range(topics):
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        topic = body[at : at + length].decode()
        at += length
        (partitions,) = _COUNT.unpack_from(body, at)
        at += _COUNT.size
        found = []
        for _ in range(partitions):
            part, at = _part(body, at)
            found.append(part)
        yield topic, found


def _part(body: bytes, at: int) -> tuple[FetchedPartition, int]:
    partition, error, highwater, stable, start, aborted = _FOUND.unpack_from(body, at)
    at += _FOUND.size
    transactions: list[tuple[int, int]] = []
    for _ in range(aborted):
        transactions.append(_ABORTED.unpack_from(body, at))
        at += _ABORTED.size
    preferred, size = _RECORDS.unpack_from(body, at)
    at += _RECORDS.size
    end = at + max(size, 0)
    return (partition, error, highwater, stable, start, transactions, preferred, body[at:end]), end
