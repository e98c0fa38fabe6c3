"""Whether this worker may still act on an event: the guard before every request to a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from streams.faust_driver.consumer_loop import MembershipAnswer
from streams.faust_driver.transport import Inheritance
from streams.kafka.stream import Event
from streams.log_events.kinds import EventLog
from streams.log_events.worker import PartitionTakenOver

log = EventLog(__name__)

SKEW_MS: Final = 5_000
"""By how much another machine's clock may be ahead. What comes just after a take-over is said to be
unknown once too often then, and never too seldom."""

QUESTION_S: Final = 0.01
"""Between two questions to the coordinator. Each is a commit that the brokers replicate; on a busy
worker one answer then serves several texts, none of which a ringing call waits for."""

AGAIN_S: Final = 0.05
"""Between two looks while the membership is in doubt; the next heartbeat or rebalance ends it."""


class Member(Protocol):
    """What is asked of the group's consumer."""

    def confirmed(self, within_s: float) -> bool:
        """Whether the coordinator confirmed the membership within that many seconds."""

    async def confirm_membership(self) -> MembershipAnswer:
        """What the coordinator answers to a question that begins now."""

    def inherited(self, topic: str, partition: int) -> Inheritance | None:
        """What a partition was taken over with; None for one that is not read now."""


class GroupOwnership:
    """Ownership by the consumer group: the term of an event, and a confirmed membership."""

    def __init__(
        self, term: Callable[[], int], member: Callable[[], Member], lease_s: float
    ) -> None:
        """``term()`` is the one that this worker is in now.

        ``member`` is asked each time, since the consumer starts after the agents are made.
        ``lease_s`` is the session time-out: before it is over nobody else can have the partitions.
        """
        self._term = term
        self._member = member
        self._lease_s = lease_s
        self._question = SharedQuestion(lambda: self._member().confirm_membership())

    def is_ours(self, event: Event) -> bool:
        """Whether no rebalance has come since the event was given; does not block."""
        return event.message.generation_id == self._term()

    def is_confirmed(self) -> bool:
        """Whether the coordinator has confirmed the membership lately; does not block."""
        return self._member().confirmed(self._lease_s)

    async def may_act(self, event: Event) -> bool:
        """Whether the event's partition is surely still this worker's, by the monotonic clock.

        Waits while the process was suspended or the coordinator is away, until the membership is
        confirmed; False as soon as a rebalance has come.
        """
        while self.is_ours(event):
            if self.is_confirmed():
                return True
            await asyncio.sleep(AGAIN_S)
        return False

    async def confirm(self, event: Event) -> bool:
        """Whether the partition is still this worker's, by an answer to a question asked now.

        Linux's monotonic clock stands still while a machine is suspended, and every clock of a
        virtual machine may while its hypervisor pauses it: here none is read. One answer serves all
        that wait for it.
        """
        while self.is_ours(event):
            standing = await self._question.ask()
            if standing == "member":
                return self.is_ours(event)
            if standing == "replaced":
                # the consumer finds out too, and joins anew: the event comes again
                log.write(PartitionTakenOver())
                return False
            await asyncio.sleep(AGAIN_S)
        return False

    def is_inherited(self, event: Event, caused_at_ms: int) -> bool:
        """Whether an earlier owner of the partition may have acted on the event.

        That is where its record stood there at the take-over, or its cause (ms UTC) came before: a
        call that is decided again asks for the same thing in a new record.
        """
        message = event.message
        inherited = self._member().inherited(message.topic, message.partition)
        return (
            inherited is None
            or message.offset < inherited.offset
            or caused_at_ms < inherited.at_ms + SKEW_MS
        )


class SharedQuestion:
    """Puts a question once for all who wait for an answer to one that was put after they came.

    A question that comes alone is put at once, the next one ``QUESTION_S`` after it.
    """

    def __init__(self, put: Callable[[], Awaitable[MembershipAnswer]]) -> None:
        self._put = put
        self._not_before = float("-inf")
        self._next: asyncio.Future[MembershipAnswer] | None = None
        self._work: asyncio.Task[None] | None = None

    async def ask(self) -> MembershipAnswer:
        """The answer to a question that is put after this call; raises what ``put`` raises."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        waiting = self._next
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._answer())
        return await asyncio.shield(waiting)

    async def _answer(self) -> None:
        loop = asyncio.get_running_loop()
        while self._next is not None:
            if (pause_s := self._not_before - loop.time()) > 0:
                await asyncio.sleep(pause_s)
            self._not_before = loop.time() + QUESTION_S
            waiting, self._next = self._next, None
            try:
                answer = await self._put()
            except Exception as exc:  # noqa: BLE001 - it is theirs who asked
                waiting.set_exception(exc)
            else:
                waiting.set_result(answer)
