"""Writes the records of an export where they stood: partition, time, headers and all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.common.errors import EnvironmentFaultError
from streams.common.wording import count
from streams.faust_driver.client_internals import abandon
from streams.kafka.connection import connection
from streams.settings import KafkaSettings
from streams.state.contents import IMPORT_HEADER, Place
from streams.state.entry import Entry

_AT_ONCE: Final = 5_000
"""Records under way: enough for full batches, few enough for a useful progress."""
_LINGER_MS: Final = 20
_REQUEST_MS: Final = 10_000
_ANSWER_S: Final = 60.0
"""For so many records to be durable. An idempotent producer gives up by itself on none."""
_STOP_S: Final = 5.0
_MOST_BYTES: Final = 4 << 20
"""What a broker took once may be a little larger by its header."""


class Writer:
    """Writes records where they stood, with their times. Use it in ``async with``."""

    def __init__(self, kafka: KafkaSettings, import_id: str) -> None:
        """Not connected yet. ``import_id`` stands on each record in a header."""
        self._kafka = kafka
        self._mark = (IMPORT_HEADER, import_id.encode())
        self._producer = AIOKafkaProducer(
            **connection(kafka),
            client_id="ringfence-state",
            acks="all",
            enable_idempotence=True,
            linger_ms=_LINGER_MS,
            request_timeout_ms=_REQUEST_MS,
            max_request_size=_MOST_BYTES,
        )
        self._written = 0

    async def __aenter__(self) -> Self:
        """Connect."""
        try:
            await self._producer.start()
        except KafkaError as exc:
            await self._producer.stop()
            raise self._in_vain(exc) from exc
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close, without waiting for a broker that does not answer."""
        try:
            async with asyncio.timeout(_STOP_S):
                await self._producer.stop()
        except TimeoutError:
            await abandon(self._producer)

    async def write(self, place: Place, entries: Iterable[Entry]) -> None:
        """Returns when the records are durable; raises ``EnvironmentFaultError`` where not all."""
        todo = list(entries)
        for first in range(0, len(todo), _AT_ONCE):
            batch = todo[first : first + _AT_ONCE]
            try:
                async with asyncio.timeout(_ANSWER_S):
                    futures = [await self._send(place, each) for each in batch]
                    await asyncio.gather(*futures)
            except (KafkaError, TimeoutError) as exc:
                raise self._in_vain(exc) from exc
            self._written += len(batch)

    async def _send(self, place: Place, entry: Entry) -> asyncio.Future[object]:
        done: asyncio.Future[object] = await self._producer.send(
            place.topic,
            entry.value,
            entry.key,
            entry.partition,
            timestamp_ms=entry.time_ms,
            headers=[*entry.headers, self._mark],
        )
        return done

    def _in_vain(self, exc: Exception) -> EnvironmentFaultError:
        return EnvironmentFaultError(
            f"Kafka at {self._kafka.bootstrap_servers} did not take it all"
            f" ({type(exc).__name__}), {count(self._written, 'record')} of it so far: see that the"
            " brokers run and their disks have room, and repeat the command: it goes on from there"
        )
