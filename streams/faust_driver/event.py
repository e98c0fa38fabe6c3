"""Reading a stream: every event decoded, or put on the dead-letter topic as it came."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from models.codec import UndecodableError, check_version, decode
from models.records import Record, dead_letter
from models.topics import Topic
from streams.kafka.outbox import Outbox


async def decoded(
    stream: Any, topic: Topic, outbox: Outbox, agent: str, on_dead_letter: Callable[[str], None]
) -> AsyncIterator[tuple[Any, Any]]:
    """Yield (event, value) of a Faust stream until it ends; whoever gets an event must finish it.

    What cannot be read goes to the dead-letter topic with its original key, bytes and headers,
    and is acknowledged once it stands there. Nothing is acknowledged by being yielded.
    """
    async for event in stream.noack().events():
        try:
            check_version(event.message.headers or ())
            value = decode(topic.values, event.value)
        except UndecodableError as exc:
            on_dead_letter(agent)
            await outbox.finish(event, [_letter(event, exc, agent)])
            continue
        yield event, value


def _letter(event: Any, error: UndecodableError, agent: str) -> Record:
    message = event.message
    return dead_letter(
        key=message.key,
        value=message.value,
        headers=list(message.headers or []),
        reason="undecodable",
        message=str(error),
        source=agent,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=int(message.timestamp * 1000) if message.timestamp else None,
    )


def header(event: Any, name: str) -> str | None:
    """One header of a Faust event as text, or None."""
    for key, value in event.message.headers or ():
        if key == name:
            return bytes(value).decode("utf-8", "replace")
    return None
