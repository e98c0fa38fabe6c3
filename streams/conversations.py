"""Who wrote to whom, and when: the last message in and out between each caller and line.

Built from ``messages.events`` alone. ``evolve`` is pure; the agent keeps the table.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from models import topics
from models.identity_links import CallerLinked
from models.messages import MessageEvent, MessageSeen
from streams.callbacks import settle
from streams.kafka.events import decoded
from streams.kafka.outbox import Outbox
from streams.kafka.tables import Shards
from streams.metrics import WorkerMetrics
from streams.reference.callbacks import Callbacks

log = logging.getLogger(__name__)

SOURCE = "/ringfence/conversations"


@dataclass(frozen=True, slots=True)
class Conversation:
    """Between one caller and one line: times in ms UTC, 0 for never."""

    last_in_ms: int = 0
    last_out_ms: int = 0


class ConversationView(Protocol):
    """What deciding needs to know of conversations."""

    def with_line(self, caller: str, line: str) -> Conversation:
        """The conversation of a caller with a line; the empty one where there is none."""


Lines = dict[str, Conversation]


def evolve(lines: Lines, event: MessageSeen) -> Lines:
    """The caller's conversations with this message in them; order and repeats make no difference."""
    before = lines.get(event.line, Conversation())
    if event.direction == "in":
        after = Conversation(max(before.last_in_ms, event.at_ms), before.last_out_ms)
    else:
        after = Conversation(before.last_in_ms, max(before.last_out_ms, event.at_ms))
    return lines if after == before else {**lines, event.line: after}


def dump(lines: Lines) -> bytes:
    """The table's bytes: JSON of line to [last in, last out]."""
    return orjson.dumps({line: [c.last_in_ms, c.last_out_ms] for line, c in lines.items()})


def load(raw: bytes | None) -> Lines:
    """The inverse of ``dump``; None is no conversation at all."""
    if raw is None:
        return {}
    return {line: Conversation(*row) for line, row in orjson.loads(raw).items()}


class Conversations:
    """The table, and the agent that keeps it."""

    def __init__(self, shards: Shards, outbox: Outbox, metrics: WorkerMetrics, callbacks: Callbacks) -> None:
        self._shards = shards
        self._callbacks = callbacks
        self._metrics = metrics
        self._outbox = outbox

    def with_line(self, caller: str, line: str) -> Conversation:
        """The conversation of a caller with a line; the empty one where there is none."""
        return load(self._shards.get(caller.encode())).get(line, Conversation())

    async def run(self, stream: Any) -> None:
        """Work through the stream until it ends; the body of the Faust agent."""
        seen: MessageEvent
        events = decoded(stream, topics.MESSAGES_EVENTS, self._outbox, "conversations", self._metrics.undecodable)
        async for event, seen in events:
            if isinstance(seen, CallerLinked):
                await self._outbox.finish(event)
                continue
            key = seen.caller.encode()
            before = load(self._shards.get(key))
            after = evolve(before, seen)
            writes = [] if after is before else [await self._shards.put(event.message.partition, key, dump(after))]
            settled = settle(self._callbacks, seen.caller, "written to", seen.at_ms, SOURCE) if seen.by_hand else []
            await self._outbox.finish(event, settled, writes)
