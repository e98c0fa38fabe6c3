"""The thin agent around the pure core: reads an offer, decides, records, commands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from models import topics
from models.calls import CallEvent, CallOffered
from models.commands import (
    REJECT_WINDOW_MS,
    TEXT_FACTS,
    TEXT_WINDOW_MS,
    BlockCaller,
    RejectCall,
    SendText,
    block_id,
    reject_id,
    text_id,
)
from models.decisions import Block, Decision
from models.identity_links import CallerLinked
from models.policy import Burst
from models.records import Record, block_command, decision, reject_command, text_command
from streams.callbacks import owe
from streams.clock import Clock
from streams.conversations import ConversationView
from streams.kafka.events import decoded, header
from streams.kafka.outbox import Outbox
from streams.kafka.tables import DueTimes, Shards
from streams.metrics import WorkerMetrics
from streams.policies.book import PolicyBook, PolicyInForce
from streams.reference.knowledge import Knowledge
from streams.screening.decide import decide
from streams.screening.facts import LineFacts, gather
from streams.screening.recent import KEEP_MS, RecentCalls, blocked, decided, dump, evolve, load
from streams.screening.storms import Storms

log = logging.getLogger(__name__)

SOURCE = "/ringfence/screening"
HISTORY_WAIT_S = 0.3
"""How long an offer may wait for messages that are still to be read before it. Longer, and it rings."""


class Screening:
    """Decides every offer of the partitions that this worker owns."""

    def __init__(
        self,
        *,
        recent: Shards,
        conversations: ConversationView,
        known: Knowledge,
        lines: Mapping[str, LineFacts],
        outbox: Outbox,
        clock: Clock,
        history_read: Callable[[int], bool],
        metrics: WorkerMetrics,
    ) -> None:
        """``history_read(partition)``: all messages known of the partition are in ``conversations``."""
        self._recent = recent
        self._conversations = conversations
        self._known = known
        self._lines = lines
        self.storms = Storms(known.workers)
        self._outbox = outbox
        self._clock = clock
        self._history_read = history_read
        self._metrics = metrics
        self._due = DueTimes()

    async def run(self, stream: Any) -> None:
        """Work through the stream until it ends; the body of the Faust agent."""
        seen: CallEvent
        events = decoded(stream, topics.CALLS_EVENTS, self._outbox, "screening", self._metrics.undecodable)
        async for event, seen in events:
            if isinstance(seen, CallerLinked):
                await self._outbox.finish(event)
                continue
            await self._screen(event, seen)

    async def _screen(self, event: Any, offer: CallOffered) -> None:
        partition, offset = event.message.partition, event.message.offset
        in_force = self._known.policies.book.for_line(offer.line)
        key = offer.caller.encode()
        recent = evolve(load(self._recent.get(key)), offer, offset, keep_ms(in_force))
        known = recent.find(offer.line, offer.call_id)
        if known is not None and known.verdict is not None and known.offset != offset:
            # another webhook of a call that is decided: acting on it again would be a second reject
            self._metrics.duplicate(offer.line)
            await self._outbox.finish(event)
            return
        # a redelivery is decided as it was the first time, so that both decisions are one
        now_ms = known.decided_at_ms if known is not None and known.decided_at_ms else self._clock()
        history_incomplete = not await self._history_is_read(partition)
        talked = self._conversations.with_line(offer.caller, offer.line)
        facts = gather(
            offer,
            now_ms=now_ms,
            recent=recent,
            last_in_ms=talked.last_in_ms,
            last_out_ms=talked.last_out_ms,
            history_incomplete=history_incomplete,
            known=self._known,
            line=self._lines.get(offer.line, LineFacts()),
            storms=self.storms,
        )
        if facts.stranger:
            self.storms.note(offer.line, offer.caller, now_ms)
        taken = decide(in_force, facts)
        if known is not None and known.verdict is not None and known.verdict != taken.verdict:
            # what was learned since must not turn a verdict that may be on its way already
            why = f"decided before an interruption ({known.verdict}), and repeated as it was"
            taken = replace(
                taken, verdict=known.verdict, rule=None, why=why, reply=None, variant=None, block=None, callback=False
            )
        burst = burst_of(in_force, taken)
        recent = remembered(decided(recent, offer, taken.verdict, now_ms), taken, burst)
        writes = [await self._recent.put(partition, key, dump(recent)), *await self._forget(partition)]
        self._due.add(partition, recent.needed_until_ms(longest_keep_ms(self._known.policies.book)), key)
        self._metrics.decided(taken)
        on_gateway = burst is not None and burst.on_gateway
        effects = records(offer, taken, header(event, "traceparent"), on_gateway=on_gateway)
        effects += owe(self._known.callbacks, taken, SOURCE)
        await self._outbox.finish(event, effects, writes)

    async def _history_is_read(self, partition: int) -> bool:
        """Whether every message that came before is counted; waits a little after a restart."""
        if self._history_read(partition):
            return True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + HISTORY_WAIT_S
        while loop.time() < deadline:
            await asyncio.sleep(0.005)
            if self._history_read(partition):
                return True
        return False

    async def _forget(self, partition: int) -> list[Awaitable[Any]]:
        """Delete callers of this partition who have not called for long, a few at a time."""
        now_ms, longest_ms = self._clock(), longest_keep_ms(self._known.policies.book)
        writes: list[Awaitable[Any]] = []
        for key in self._due.take(partition, now_ms, most=5):
            if load(self._recent.get(key)).needed_until_ms(longest_ms) > now_ms:
                continue  # another entry of the same caller is due later
            writes.append(await self._recent.put(partition, key, None))
        return writes

    def rebuild_due(self) -> None:
        """After recovery: look at every caller again when the longest memory has passed."""
        self._due.clear()
        longest_ms = longest_keep_ms(self._known.policies.book)
        for partition, key, raw in self._recent.items():
            self._due.add(partition, load(raw).needed_until_ms(longest_ms), key)


def keep_ms(in_force: PolicyInForce) -> int:
    """How long a line's policy needs a call remembered: its longest window, ten minutes at least."""
    windows = [rule.within for rule in in_force.policy.rules if rule.type in {"burst", "urgent_repeat"}]
    return max([KEEP_MS, *windows])


def longest_keep_ms(book: PolicyBook) -> int:
    """A caller is remembered as long as the policy that looks back farthest needs it."""
    return max((keep_ms(each) for each in book.by_line.values()), default=KEEP_MS)


def burst_of(in_force: PolicyInForce, taken: Decision) -> Burst | None:
    """The rule that began the decision's block, or None."""
    if taken.block is None:
        return None
    return next((rule for rule in in_force.policy.rules if rule.type == "burst" and rule.id == taken.rule), None)


def remembered(recent: RecentCalls, taken: Decision, burst: Burst | None) -> RecentCalls:
    """The caller's state with the block that the decision began, if it did."""
    if taken.block is None or burst is None:
        return recent
    return blocked(recent, taken.line, taken.block, taken.decided_at_ms, burst.forget)


def records(offer: CallOffered, taken: Decision, trace: str | None, *, on_gateway: bool = False) -> list[Record]:
    """What a decision puts on the topics: the command first, for a call is ringing.

    ``on_gateway``: a block that the decision began is also one of the gateway's.
    """
    found = [decision(taken, SOURCE, trace)]
    if taken.verdict == "reject":
        found.insert(0, reject_command(command(offer, taken), SOURCE, trace))
    if taken.block is not None and on_gateway:
        found.append(block_command(gateway_block(offer, taken, taken.block), SOURCE, trace))
    if taken.verdict == "queue" and taken.reply is not None:
        found.insert(0, text_command(queue_text(offer, taken, taken.reply), SOURCE, trace))
    return found


def text_values(taken: Decision) -> dict[str, int]:
    """The facts of a decision that its text may speak of."""
    found = {name: taken.facts.get(name) for name in TEXT_FACTS}
    return {name: value for name, value in found.items() if isinstance(value, int)}


def command(offer: CallOffered, taken: Decision) -> RejectCall:
    """The reject that a decision calls for; session, call id and caller are the offer's own."""
    return RejectCall(
        command_id=reject_id(taken.decision_id),
        decision_id=taken.decision_id,
        gateway=offer.gateway,
        line=offer.line,
        session=offer.session,
        call_id=offer.call_id,
        caller=offer.caller,
        caller_raw=offer.caller_raw,
        reply=taken.reply,
        variant=taken.variant,
        values=text_values(taken),
        stranger=bool(taken.facts.get("stranger", True)),
        policy=taken.policy,
        policy_revision=taken.policy_revision,
        offered_at_ms=offer.offered_at_ms,
        received_at_ms=offer.received_at_ms,
        decided_at_ms=taken.decided_at_ms,
        expires_at_ms=offer.offered_at_ms + REJECT_WINDOW_MS,
    )


def gateway_block(offer: CallOffered, taken: Decision, block: Block) -> BlockCaller:
    """The gateway's part of a temporary block."""
    return BlockCaller(
        command_id=block_id(taken.decision_id),
        decision_id=taken.decision_id,
        gateway=offer.gateway,
        line=offer.line,
        session=offer.session,
        call_id=offer.call_id,
        caller=offer.caller,
        caller_raw=offer.caller_raw,
        received_at_ms=offer.received_at_ms,
        until_ms=block.until_ms,
    )


def queue_text(offer: CallOffered, taken: Decision, reply: str) -> SendText:
    """The text to a queued caller: the call rings on, nothing is rejected before it."""
    return SendText(
        command_id=text_id(taken.decision_id),
        decision_id=taken.decision_id,
        gateway=offer.gateway,
        line=offer.line,
        session=offer.session,
        call_id=offer.call_id,
        caller=offer.caller,
        caller_raw=offer.caller_raw,
        reply=reply,
        variant=taken.variant,
        values=text_values(taken),
        stranger=bool(taken.facts.get("stranger", True)),
        policy=taken.policy,
        policy_revision=taken.policy_revision,
        offered_at_ms=offer.offered_at_ms,
        received_at_ms=offer.received_at_ms,
        rejected_at_ms=None,
        expires_at_ms=offer.offered_at_ms + TEXT_WINDOW_MS,
    )
