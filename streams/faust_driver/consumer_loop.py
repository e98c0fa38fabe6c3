"""Aiokafka's consumer under Faust's.

In the worker's own loop, fetching in sessions, losing nothing to a rebalance.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    IllegalGenerationError,
    KafkaError,
    NoError,
    NotCoordinatorForGroupError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.protocol.commit import OffsetCommitRequest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from typing_extensions import override

from streams.faust_driver import closed_connection
from streams.faust_driver.fetcher import FRESH_S, SessionFetching
from streams.faust_driver.metadata import pace
from streams.faust_driver.recovery import Tables

closed_connection.install()

JOIN_SLACK_S: Final = 2.0
"""Beyond the rebalance time-out, for which a coordinator may hold a join until all members are
there."""


MembershipAnswer = Literal["member", "replaced", "unanswered"]
"""What the group's coordinator says of a membership.

``member``      nobody else had its partitions when the coordinator answered
``replaced``    it is over: another member has its partitions, or will have them
``unanswered``  not known
"""


@dataclass(frozen=True, slots=True)
class Membership:
    """One member of the consumer group, from a join until it is replaced."""

    generation: int
    member_id: str
    """Given by the coordinator. A static member that joins again gets another one, while the
    generation may stay (``GroupMetadataManager`` of Kafka 4, and seen on 4.3.1)."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """What Faust runs aiokafka's consumer in: here no thread, but the worker's own loop.

    Every call between Faust's consumer and its thread costs several tasks, two wake-ups of a loop
    and a fight for the interpreter's lock, some of them for every fetch. Without the thread a
    worker decides more calls with less CPU, and each hop takes less time: see ``tests/bench``.
    The agents never compute for long, so that heartbeats are in time.
    """

    _assigned: tuple[object, set[TP]] = (None, set())
    _fetching: SessionFetching | None = None
    heard_at: float = float("-inf")
    """When the group's coordinator last confirmed this member, by the monotonic clock."""

    @override
    async def start(self) -> None:
        """Start in this loop."""
        self._thread_started.set()
        await self._default_start()
        await self.on_thread_started()

    @override
    async def stop(self) -> None:
        """Leave the group and close; may be repeated."""
        if self._thread_started.is_set() and not self._stopped.is_set():
            self._stopped.set()
            await self._shutdown_thread()

    @override
    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call at once: there is no other thread."""
        result = fun(*args, **kwargs)
        return await result if isinstance(result, Awaitable) else result

    @override
    def assignment(self) -> set[TP]:
        """The partitions of this member, worked out once for each assignment.

        Faust works it out again for every partition of every commit.
        """
        current = self._ensure_consumer()._subscription.subscription
        if current is None or current.assignment is None:
            return set()
        if current.assignment is not self._assigned[0]:
            self._assigned = current.assignment, super().assignment()
        return set(self._assigned[1])

    def wake(self) -> None:
        """Fetch at once from what was resumed."""
        if self._fetching is not None:
            self._fetching.wake()

    def is_fresh(self, tp: TP, within_s: float = FRESH_S) -> bool:
        """See ``SessionFetching.is_fresh``; False before the start."""
        return self._fetching is not None and self._fetching.is_fresh(tp, within_s)

    def coordinator_is_silent(self) -> None:
        """Look for the group's coordinator anew; call it when the known one answers nothing."""
        self._ensure_consumer()._coordinator.coordinator_dead()

    def membership(self) -> Membership:
        """The one that the last join gave."""
        coordinator = self._ensure_consumer()._coordinator
        return Membership(coordinator.generation, coordinator.member_id)

    async def commit_as(self, member: Membership, tp: TP, offset: int) -> MembershipAnswer:
        """Commit one offset as this member, and say what the coordinator made of the membership.

        A commit, not a heartbeat: both are refused with UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION
        once the member was replaced (tried on Kafka 4.3.1, for static and other members), but a
        heartbeat is answered out of memory, so that a coordinator which was itself paused and
        replaced still confirms it. A commit has to be replicated first.
        """
        coordinator = self._ensure_consumer()._coordinator
        request = OffsetCommitRequest(
            coordinator.group_id,
            member.generation,
            member.member_id,
            OffsetCommitRequest.DEFAULT_RETENTION_TIME,
            [(tp.topic, [(tp.partition, offset, "")])],
        )
        try:
            await coordinator.ensure_coordinator_known()
            response = await coordinator._send_req(request)
        except KafkaError:
            return "unanswered"
        error = for_code(response.topics[0][1][0][1])
        if error is NoError:
            return "member"
        if error in {UnknownMemberIdError, IllegalGenerationError}:
            return "replaced"
        if error in {GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError}:
            coordinator.coordinator_dead()
        return "unanswered"

    @override
    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> AIOKafkaConsumer:
        """Make the consumer, with a time-out for its requests that a frozen broker cannot stretch.

        Faust waits for 90 s. A join takes longest of all requests: for the rebalance time-out.
        """
        consumer = super()._create_consumer(loop)
        wait_s = self.consumer.app.conf.broker_rebalance_timeout + JOIN_SLACK_S
        consumer._client._request_timeout_ms = int(wait_s * 1000)
        pace(consumer._client)
        return consumer

    @override
    async def on_start(self) -> None:
        """Start, fetch in sessions, and note each heartbeat that the coordinator answered well."""
        await super().on_start()
        consumer = self._ensure_consumer()
        active = self.consumer._get_active_partitions
        min_bytes = getattr(self.consumer.app, "fetch_min_bytes", 1)
        self._fetching = SessionFetching(consumer._fetcher, active, min_bytes=min_bytes)
        coordinator = consumer._coordinator
        beat = coordinator._do_heartbeat

        patience_s = coordinator._session_timeout_ms / 1000

        async def noted() -> bool:
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(patience_s):
                    confirmed = bool(await beat())
            except TimeoutError:
                # a frozen broker answers nothing: another one is the coordinator by now, or soon
                coordinator.coordinator_dead()
                return False
            if confirmed:
                self.heard_at = asked_at
            return confirmed

        coordinator._do_heartbeat = noted

    @override
    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP] | None,
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Any:
        """Fetch from a snapshot of the active partitions, and put back what a rebalance overtook.

        Faust passes its live set, which a rebalance or the end of recovery empties while the fetch
        waits; aiokafka reads an empty set as "all partitions", takes records of paused ones out,
        and Faust drops them in silence: they are lost, and a changelog drained this way leaves the
        worker waiting in recovery for ever. Changelog records end here: they go into their tables.
        """
        wanted = None if active_partitions is None else frozenset(active_partitions)
        if wanted is not None and not wanted:
            return {}
        records = await super()._fetch_records(
            consumer, cast("set[TP]", wanted), timeout=timeout, max_records=max_records
        )
        if records and not self.consumer.flow_active:
            assigned = consumer.assignment()
            for tp, batch in records.items():
                if tp in assigned:
                    consumer.seek(tp, batch[0].offset)
            return {}
        return cast("Tables", self.consumer.app.tables).recovery.take(records)
