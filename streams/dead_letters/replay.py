"""Handles dead letters: replays or drops them, and marks them as handled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.errors import KafkaError

from models.records import Record
from streams.common.clock import Clock
from streams.common.errors import EnvironmentFaultError
from streams.common.progress import Progress
from streams.dead_letters.letter import Letter
from streams.dead_letters.marks import mark
from streams.dead_letters.reader import DeadLetterReader
from streams.dead_letters.replay_plan import Planner, Replay, ReplayRefusal
from streams.kafka.producer import DurableProducer
from streams.settings import KafkaSettings

_AT_ONCE: Final = 200
"""Letters that are written and marked together; a crash repeats at most these."""


@dataclass(frozen=True, slots=True)
class Done:
    """How many letters one command handled, refused, and no longer found."""

    handled: int
    refused: int
    gone: int = 0
    """Letters that retention deleted meanwhile."""


async def replay(
    box: DeadLetterReader,
    kafka: KafkaSettings,
    letters: Sequence[Letter],
    planner: Planner,
    *,
    author: str,
    clock: Clock,
    tell: Callable[[Replay | ReplayRefusal], None],
    dry_run: bool = False,
) -> Done:
    """Replay letters in the order of each partition; mark each once its records are acknowledged.

    ``tell`` is called with each plan once it is carried out; with ``dry_run`` nothing is written.
    May be repeated after an interruption: a letter that was replayed but not yet marked is replayed
    again, and all consumers recognise the repeat by its id. Raises ``EnvironmentFaultError`` where
    the broker refuses a record or does not answer.
    """
    handled = refused = 0
    progress = Progress(len(letters))
    async with contextlib.AsyncExitStack() as stack:
        producer = None if dry_run else await stack.enter_async_context(_producer(kafka))
        async for batch in box.contents(letters):
            plans = [planner.plan(letter, seen) for letter, seen in batch]
            ready = [each for each in plans if isinstance(each, Replay)]
            for start in range(0, len(ready), _AT_ONCE):
                if producer is not None:
                    some = ready[start : start + _AT_ONCE]
                    await _send(producer, [record for each in some for record in each.records])
                    marks = [
                        mark(each.letter, "replayed", author=author, at_ms=clock()) for each in some
                    ]
                    await _send(producer, marks)
            for each in plans:
                tell(each)
            handled += len(ready)
            refused += len(plans) - len(ready)
            progress.advance(len(batch))
    progress.done()
    return Done(handled, refused, len(letters) - handled - refused)


async def drop(
    kafka: KafkaSettings, letters: Sequence[Letter], *, author: str, note: str, clock: Clock
) -> Done:
    """Mark letters as dropped; may be repeated.

    Raises ``EnvironmentFaultError`` as ``replay``.
    """
    progress = Progress(len(letters))
    async with _producer(kafka) as producer:
        for start in range(0, len(letters), _AT_ONCE):
            some = letters[start : start + _AT_ONCE]
            marks = [
                mark(letter, "dropped", author=author, note=note, at_ms=clock()) for letter in some
            ]
            await _send(producer, marks)
            progress.advance(len(some))
    progress.done()
    return Done(len(letters), 0)


@contextlib.asynccontextmanager
async def _producer(kafka: KafkaSettings) -> AsyncIterator[DurableProducer]:
    producer = DurableProducer(kafka, "ringfence-dlq", flush_seconds=1.0)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(producer)
        except (KafkaError, OSError) as exc:
            where = kafka.bootstrap_servers
            msg = f"Kafka at {where} does not answer ({exc}): see that it runs, then try again"
            raise EnvironmentFaultError(msg) from exc
        yield producer


async def _send(producer: DurableProducer, records: Sequence[Record]) -> None:
    try:
        futures = [await producer.enqueue(record) for record in records]
        await asyncio.gather(*futures)
    except KafkaError as exc:
        msg = (
            f"Kafka did not take a record ({exc});"
            " letters that were not marked yet can be replayed again"
        )
        raise EnvironmentFaultError(msg) from exc
