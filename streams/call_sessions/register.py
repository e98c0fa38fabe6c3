"""Asks how a call stands, before an act: from a session that is surely up to date.

A command and the events of its call stand on two topics. The command must not be executed by what
was known when it was read: the session is up to date once everything that the call's partition is
known to hold, after the command was read, is applied in memory. That is a matter of offsets, not of
times, and of nobody's acknowledgement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from models.calls import RejectAccepted
from streams.call_sessions.applied import AppliedOffsets
from streams.call_sessions.session import CallSession, evolve
from streams.call_sessions.standing import NotSeen, Standing, standing

TOLD_WITHIN_S: Final = 0.24
"""How old the leader's word may be of how far a partition reaches. It is asked again with each
answer, which takes 0.1 s where nothing happens."""

ASK_AGAIN_S: Final = 0.005
LONGEST_PAUSE_S: Final = 0.1
"""Where the leader is silent, or the offer is still on its way, there is nothing to be woken by:
whoever waits looks again, after twice as long each time, for in a storm thousands do."""

LOOK_AGAIN_S: Final = 5.0
"""Whoever waits for a record is woken by it, and looks again by itself this often."""

KEPT: Final = 10_000
"""Own rejects that are remembered until their record has come round, oldest forgotten first: it
takes a tenth of a second."""


class Call(Protocol):
    """What a command says of its call."""

    @property
    def line(self) -> str:
        """The line's name."""

    @property
    def call_id(self) -> str:
        """The gateway's call id."""

    @property
    def caller(self) -> str:
        """The caller's canonical JID."""

    @property
    def offered_at_ms(self) -> int:
        """When the call began to ring."""


class LifecycleProgress(Protocol):
    """How far the partitions of ``calls.lifecycle`` reach (see ``StreamProgress``)."""

    def began(self, partition: int) -> int | None:
        """Where reading began after the last rebalance, or None."""

    def reach(self, partition: int, within_s: float) -> int | None:
        """The offset up to which records stand there, as known so lately, or None."""


class Sessions(Protocol):
    """The sessions in memory (see ``CallSessions``)."""

    @property
    def applied(self) -> AppliedOffsets:
        """How far each partition is applied."""

    def session(self, line: str, call_id: str) -> CallSession | None:
        """What is known of a call id, or None."""


class CallRegister:
    """What those who execute commands ask."""

    def __init__(
        self,
        sessions: Sessions,
        progress: LifecycleProgress,
        *,
        partition_of: Callable[[bytes], int],
        generation: Callable[[], int],
    ) -> None:
        """``partition_of(key)``: where a call id is kept. ``generation``: the consumer group's."""
        self._sessions = sessions
        self._progress = progress
        self._partition_of = partition_of
        self._generation = generation
        self._own: dict[tuple[str, str], list[RejectAccepted]] = {}
        self._released = False

    async def ask(self, call: Call, within_s: float) -> Standing | None:
        """How the call stands, as soon as that is known for sure.

        None: it was not known ``within_s``, or whoever waits is released. Waits for nothing where
        everything is applied already, which is the usual case. May be repeated.
        """
        partition = self._partition_of(call.call_id.encode())
        loop = asyncio.get_running_loop()
        began = loop.time()
        until = began + within_s
        upto = self._progress.reach(partition, TOLD_WITHIN_S)
        pause_s = ASK_AGAIN_S
        while True:
            is_applied = upto is not None and self._reached(partition, upto)
            if is_applied:
                found = self.look(call)
                if not isinstance(found, NotSeen):
                    return found
                # its offer is on the way: the bridge writes it to both topics at once
            left_s = until - loop.time()
            if left_s <= 0:
                return None
            if self._released:
                await asyncio.sleep(0)  # whoever asks again and again must not stop the loop
                return None
            if upto is not None and not is_applied:
                wait_s = min(left_s, LOOK_AGAIN_S)
                await self._sessions.applied.reached(partition, upto, wait_s)
                continue
            await asyncio.sleep(min(left_s, pause_s))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            if upto is None:
                # on a busy machine every answer is older: one that was asked for since will do
                since_s = max(TOLD_WITHIN_S, loop.time() - began)
                upto = self._progress.reach(partition, since_s)

    def look(self, call: Call) -> Standing:
        """How the call stands by what is applied, whether that is everything or not."""
        session = self._sessions.session(call.line, call.call_id)
        for own in self._own.get((call.line, call.call_id), ()):
            session = evolve(session, own)
        return standing(session, call.caller, call.offered_at_ms)

    def note(self, accepted: RejectAccepted) -> None:
        """Count a reject of ours at once: its record takes a while to come round."""
        key = (accepted.line, accepted.call_id)
        self._own[key] = [*self._own.pop(key, ()), accepted]
        if len(self._own) > KEPT:
            del self._own[next(iter(self._own))]

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let nobody wait until the block ends: partitions are about to change hands."""
        self._released = True
        self._sessions.applied.wake()
        try:
            yield
        finally:
            self._released = False

    def _reached(self, partition: int, upto: int) -> bool:
        applied = self._sessions.applied.next_offset(partition, self._generation())
        if applied is None:
            # nothing came since the last rebalance: the table holds what stands before
            applied = self._progress.began(partition)
        return applied is not None and applied >= upto
