"""Who wrote to whom, and when: the last message in and out between each caller and line.

Built from ``messages.events`` alone. ``evolve`` does no IO; the agent keeps the table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Protocol

import orjson

from models import topics
from models.codec import UndecodableError, columns, parse
from models.identity_links import CallerLinked, HistoryJoined
from models.messages import MessageEvent, MessageSeen
from models.policy.values import DAY_MS
from models.records import Record, history_joined
from streams.callbacks.changes import move, settle
from streams.common.app_answers import AFTER_CALL_MS, is_within
from streams.common.clock import Clock
from streams.kafka.outbox import Outbox
from streams.kafka.stream import Event, ParsedTable, Stream, decoded, header
from streams.metrics import WorkerMetrics
from streams.policies.book import PolicyBook
from streams.views.views import Views

SOURCE = "/ringfence/conversations"

KEEP_MS = 2 * 365 * DAY_MS
"""Two years after the last message a conversation is forgotten, later only if a policy in force
asks for more. A policy that is written tomorrow may ask for more than today's, and who wrote must
not be told to write first."""

SWEEP = 2
"""Callers looked at with each message: more than it adds."""

AFTER_MESSAGE_MS = 10_000
"""As ``AFTER_CALL_MS``, after a message of the caller. Who answers faster than this each time
proves nothing; the next message that takes longer does."""

OUR_TEXT_MS = 185_000
"""A text follows its call within three minutes. Nothing that comes through the API meanwhile proves
that a person wrote."""

TOLD_KEEP_MS = 600_000
"""When our text went matters for seconds."""

_JOINS_REMEMBERED = 10_000
"""Far more than are learned within the seconds in which an offer may wait for one."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Between one caller and one line: times in ms UTC, 0 for never."""

    last_in_ms: int = 0
    last_out_ms: int = 0
    """Automatic answers aside."""
    told_ms: int = 0
    """When an automatic text of ours last went out, as far as the gateway shows it."""


class ConversationView(Protocol):
    """What deciding needs to know of conversations."""

    def with_line(self, jids: Iterable[str], line: str) -> Conversation:
        """The conversation with a line of a person with these JIDs.

        The empty one where there is none.
        """

    def has_joined(self, alias: str) -> bool:
        """Whether an alias' history was joined to its caller's here, lately."""

    def is_readable(self, jids: Iterable[str]) -> bool:
        """Whether no conversation of these JIDs was left out, for its row cannot be read."""


ConversationsByLine = dict[str, Conversation]
TurnedAway = Callable[[str, str], tuple[int, ...]]
"""By caller and line, when recent calls were rejected or queued; ms UTC."""


def evolve(
    lines: ConversationsByLine, event: MessageSeen, turned_away_ms: Iterable[int] = ()
) -> ConversationsByLine:
    """The caller's conversations with this message in them.

    ``turned_away_ms``: when recent calls of the caller to this line were rejected or queued. An
    automatic answer is no message of the line's. But for these, order and repeats make no
    difference.
    """
    before = lines.get(event.line, Conversation())
    if event.direction == "in":
        after = replace(before, last_in_ms=max(before.last_in_ms, event.at_ms))
    elif not is_automatic(before, event, turned_away_ms):
        after = replace(before, last_out_ms=max(before.last_out_ms, event.at_ms))
    elif event.by_hand:
        return lines
    else:
        after = replace(before, told_ms=max(before.told_ms, event.at_ms))
    return lines if after == before else {**lines, event.line: after}


def is_automatic(
    known: Conversation, event: MessageSeen, turned_away_ms: Iterable[int] = ()
) -> bool:
    """Whether a message that the line wrote may be the app's own answer, or our text.

    What comes within seconds of our text proves no person.
    """
    turned_away = tuple(turned_away_ms)
    if not event.by_hand:
        return any(is_within(event.at_ms, each, OUR_TEXT_MS) for each in turned_away)
    return (
        is_within(event.at_ms, known.last_in_ms, AFTER_MESSAGE_MS)
        or is_within(event.at_ms, known.told_ms, AFTER_CALL_MS)
        or any(is_within(event.at_ms, each, AFTER_CALL_MS) for each in turned_away)
    )


def merge(one: Conversation, other: Conversation) -> Conversation:
    """One conversation out of two of the same person."""
    return Conversation(
        max(one.last_in_ms, other.last_in_ms),
        max(one.last_out_ms, other.last_out_ms),
        max(one.told_ms, other.told_ms),
    )


def join(lines: ConversationsByLine, event: HistoryJoined) -> ConversationsByLine:
    """The caller's conversations with an alias' in them; order and repeats make no difference."""
    told = {line: Conversation(*times) for line, times in event.lines.items()}
    return {
        line: merge(lines.get(line, Conversation()), told.get(line, Conversation()))
        for line in {**lines, **told}
    }


def remembered(
    lines: ConversationsByLine, since_ms: int, told_since_ms: int
) -> ConversationsByLine:
    """The conversations in which anything was said since then, or our text went just now."""
    return {
        line: each
        for line, each in lines.items()
        if max(each.last_in_ms, each.last_out_ms) >= since_ms or each.told_ms >= told_since_ms
    }


def keep_ms(book: PolicyBook) -> int:
    """How long conversations are kept.

    As long as the rule that looks back farthest needs them, ``KEEP_MS`` at least.
    """
    rules = (rule for each in book.by_line.values() for rule in each.policy.rules)
    return max([KEEP_MS, *(rule.history_ms for rule in rules)])


def dump(lines: ConversationsByLine) -> bytes:
    """The table's bytes: JSON of line to [last in, last out, our last text]."""
    return orjson.dumps(
        {line: [c.last_in_ms, c.last_out_ms, c.told_ms] for line, c in lines.items()}
    )


def load(raw: bytes) -> ConversationsByLine:
    """The inverse of ``dump``; what a newer version added is passed over.

    Raises ``UndecodableError`` for another form.
    """
    stored = parse(raw)
    if not isinstance(stored, dict):
        msg = "conversations by line were expected"
        raise UndecodableError(msg)
    return {
        line: Conversation(*columns(row, ((int,), (int,), (int,)), 2))
        for line, row in stored.items()
    }


class Conversations:
    """The table, and the agent that keeps it."""

    def __init__(
        self,
        shards: ParsedTable[ConversationsByLine],
        outbox: Outbox,
        metrics: WorkerMetrics,
        known: Views,
        clock: Clock,
        left_out: Callable[[bytes], bool] = lambda _key: False,
        *,
        turned_away: TurnedAway,
    ) -> None:
        """``left_out(key)``: whether ``shards`` has a row there that cannot be read.

        ``turned_away``: when recent calls of a caller to a line were rejected or queued.
        """
        self._shards = shards
        self._turned_away = turned_away
        self._left_out = left_out
        self._joined: dict[str, None] = {}
        self._known = known
        self._callbacks = known.callbacks
        self._clock = clock
        self._metrics = metrics
        self._outbox = outbox

    def with_line(self, jids: Iterable[str], line: str) -> Conversation:
        """The conversation with a line of a person with these JIDs, as far as it is kept here."""
        found = [self._of(jid).get(line, Conversation()) for jid in jids]
        return reduce(merge, found, Conversation())

    def has_joined(self, alias: str) -> bool:
        """Whether an alias' history was joined to its caller's here, lately."""
        return alias in self._joined

    def is_readable(self, jids: Iterable[str]) -> bool:
        """Whether no conversation of these JIDs was left out, for its row cannot be read."""
        return not any(self._left_out(jid.encode()) for jid in jids)

    async def run(self, stream: Stream) -> None:
        """Work through the stream until it ends: the body of an agent."""
        seen: MessageEvent
        events = decoded(
            stream, topics.MESSAGES_EVENTS, self._outbox, "conversations", self._metrics.undecodable
        )
        async for event, seen in events:
            match seen:
                case CallerLinked():
                    await self._pass_on(event, seen)
                case HistoryJoined():
                    await self._keep(event, seen.caller, join(self._of(seen.caller), seen))
                    self._joined[seen.alias] = None
                    while len(self._joined) > _JOINS_REMEMBERED:
                        del self._joined[next(iter(self._joined))]
                case MessageSeen():
                    await self._count(event, seen)

    async def _count(self, event: Event, seen: MessageSeen) -> None:
        before = self._of(seen.caller)
        turned_away = self._turned_away(seen.caller, seen.line) if seen.direction == "out" else ()
        known = before.get(seen.line, Conversation())
        settled: list[Record] = []
        if seen.by_hand and seen.direction == "out" and not is_automatic(known, seen, turned_away):
            settled = settle(self._callbacks, seen.caller, "written to", seen.at_ms, SOURCE)
        await self._keep(event, seen.caller, evolve(before, seen, turned_away), settled)

    async def _pass_on(self, event: Event, link: CallerLinked) -> None:
        """Send the alias' history to the partition that keeps the caller.

        It stays here too, for the link may be written again.
        """
        lines = {
            line: (each.last_in_ms, each.last_out_ms) for line, each in self._of(link.alias).items()
        }
        told = HistoryJoined(
            event_id=f"{link.event_id}/history",
            alias=link.alias,
            caller=link.caller,
            lines=lines,
            at_ms=link.at_ms,
        )
        moved = move(self._callbacks, link.alias, link.caller, link.at_ms, SOURCE)
        await self._outbox.finish(
            event, [history_joined(told, SOURCE, header(event, "traceparent")), *moved]
        )

    async def _keep(
        self, event: Event, caller: str, after: ConversationsByLine, effects: Iterable[Record] = ()
    ) -> None:
        key = caller.encode()
        changed = after != (self._shards.get(key) or {})
        partition = event.message.partition
        writes = [await self._shards.put(partition, key, after)] if changed else []
        await self._outbox.finish(event, effects, [*writes, *await self._forget(partition)])

    async def _forget(self, partition: int) -> list[Awaitable[object]]:
        """Delete conversations that ended long ago, a few callers with each message."""
        now_ms = self._clock()
        since_ms = now_ms - keep_ms(self._known.policies.book)
        writes: list[Awaitable[object]] = []
        for key in self._shards.sweep(partition, SWEEP):
            before = self._shards.glance(key) or {}
            after = remembered(before, since_ms, now_ms - TOLD_KEEP_MS)
            if after != before:
                writes.append(await self._shards.put(partition, key, after or None))
        return writes

    def _of(self, caller: str) -> ConversationsByLine:
        return self._shards.get(caller.encode()) or {}
