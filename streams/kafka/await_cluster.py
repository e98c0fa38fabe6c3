"""Waiting for a cluster that is away, or that has no topics yet, before anything is built on it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from models.topics import Topic
from streams.common.errors import EnvironmentFaultError
from streams.kafka.connection import connection
from streams.kafka.diagnose import refusal
from streams.settings import KafkaSettings

log = logging.getLogger(__name__)

_ANSWER_MS: Final = 5_000
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
"""Waiting longer would only keep callers waiting once the cluster is back; a fleet that starts is
spread by jitter."""


async def until_there(
    kafka: KafkaSettings,
    topics: Sequence[Topic],
    *,
    stop: asyncio.Event,
    say: Callable[[str], None],
) -> bool:
    """Wait for the cluster and all topics; False if ``stop`` was set before they were there.

    After each failed attempt the reason goes to ``say`` and to the log. Raises
    ``EnvironmentFaultError`` where waiting does not help: a certificate that is not trusted,
    credentials that are refused.
    """
    pause = _FIRST_PAUSE_S
    stopping = asyncio.ensure_future(stop.wait())
    try:
        while True:
            trying = asyncio.create_task(_why_not(kafka, topics))
            await asyncio.wait({trying, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                await _end(trying)
                return False
            why = trying.result()
            if why is None:
                return True
            delay = pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
            log.warning("%s; trying again in %.1f s", why, delay)
            say(why)
            await asyncio.wait({stopping}, timeout=delay)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
    finally:
        stopping.cancel()


async def _why_not(kafka: KafkaSettings, topics: Sequence[Topic]) -> str | None:
    client = AIOKafkaAdminClient(**connection(kafka), request_timeout_ms=_ANSWER_MS)
    try:
        await client.start()
        there = await client.list_topics()
    except (KafkaError, OSError, TimeoutError):
        found = await refusal(kafka)
        if found.lasting:
            raise EnvironmentFaultError(found.why) from None
        return found.why
    finally:
        await client.close()
    missing = sorted({topic.full_name(kafka.topic_prefix) for topic in topics} - set(there))
    if not missing:
        return None
    return f"Kafka lacks the topics {', '.join(missing)}: create them with `ringfence topics apply`"


async def _end(trying: asyncio.Task[str | None]) -> None:
    while not trying.done():
        # aiokafka may swallow a cancellation
        trying.cancel()
        await asyncio.wait({trying}, timeout=0.2)
    if not trying.cancelled():
        trying.exception()
