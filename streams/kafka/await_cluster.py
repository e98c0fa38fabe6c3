"""Waiting for a cluster that is away, or that has no topics yet, before anything is built on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from models.topics import Topic, layout_topic
from streams.common.errors import EnvironmentFaultError
from streams.common.tasks import cancel
from streams.kafka.connection import connection
from streams.kafka.diagnose import refusal
from streams.kafka.layout import refuse_layout
from streams.kafka.reconnect import pauses_s
from streams.log_events.kinds import EventLog
from streams.log_events.shared import KafkaWaiting
from streams.settings import KafkaSettings

log = EventLog(__name__)

_ANSWER_MS: Final = 5_000


async def until_there(
    kafka: KafkaSettings,
    topics: Sequence[Topic],
    *,
    stop: asyncio.Event,
    say: Callable[[str], None],
) -> bool:
    """Return True once the cluster answers and shows all the topics, False if ``stop`` was set.

    ``say`` is called with the reason after each attempt that failed; it is logged too. Raises
    ``EnvironmentFaultError`` for what waiting cannot repair: a certificate that is not believed,
    credentials that are refused, topics that are laid out otherwise (``LayoutError``).
    """
    stopping = asyncio.ensure_future(stop.wait())
    try:
        for delay in pauses_s():
            trying = asyncio.create_task(_why_not(kafka, topics))
            await asyncio.wait({trying, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                await _end(trying)
                return False
            why = trying.result()
            if why is None:
                return True
            log.write(KafkaWaiting(reason=why, pause_s=delay))
            say(why)
            await asyncio.wait({stopping}, timeout=delay)
    finally:
        stopping.cancel()
    msg = "the pauses never end"
    raise AssertionError(msg)


async def _why_not(kafka: KafkaSettings, topics: Sequence[Topic]) -> str | None:
    wanted = {each.full_name(kafka.topic_prefix) for each in topics}
    wanted.add(layout_topic(kafka.partitions).full_name(kafka.topic_prefix))
    client = AIOKafkaAdminClient(**connection(kafka), request_timeout_ms=_ANSWER_MS)
    try:
        await client.start()
        there = await client.list_topics()
        await refuse_layout(kafka, topics, client, there)
    except (KafkaError, OSError, TimeoutError):
        found = await refusal(kafka)
        if found.lasting:
            raise EnvironmentFaultError(found.why) from None
        return found.why
    finally:
        await client.close()
    missing = sorted(wanted - set(there))
    if not missing:
        return None
    seen = f"Kafka lacks the topics {', '.join(missing)}: create them with `ringfence topics apply`"
    if kafka.username is None and kafka.certificate_file is None:
        return seen
    # who may not see a topic is told that it is not there
    return f"{seen}, or let this user see them (`ringfence topics acls`)"


async def _end(trying: asyncio.Task[str | None]) -> None:
    await cancel(trying)
    if not trying.cancelled():
        trying.exception()
