"""Fetching in sessions (KIP-227): a request names only what changed, an answer only what has news.

aiokafka 0.14 names every assigned partition in every fetch request, and walks, encodes and decodes
them all in Python: most of a worker's CPU at tens of calls a second. A broker that keeps a session
remembers what was asked for, so that a fetch costs what it brings.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from aiokafka.consumer.fetcher import Fetcher
from aiokafka.structs import TopicPartition

from streams.faust_driver.fetch_wire import FetchAnswer, FetchSession, Limits, SessionFetchRequest
from streams.log_events.kinds import EventLog
from streams.log_events.shared import BrokerSilent

log = EventLog(__name__)

FRESH_S: Final = 0.7
"""A broker answers within 0.1 s (``MAX_WAIT_MS``) and is asked again at once. One whose last answer
is to a request so old may have been replaced: 0.2 s are usual, the rest is for a busy machine."""

ANSWER_S: Final = 3.0
"""A fetch that is not answered by then is given up, and the metadata asked who leads now. aiokafka
would wait for the time-out of its slowest request, a join, while every partition of a frozen broker
goes unread."""

Partitions = list[tuple[TopicPartition, Any]]
"""Partitions with aiokafka's state of each."""


class SessionFetching:
    """Lets an aiokafka fetcher ask in sessions, and only for the partitions that are wanted."""

    def __init__(
        self,
        fetcher: Fetcher,
        wanted: Callable[[], Collection[TopicPartition]],
        clock: Callable[[], float] = time.monotonic,
        *,
        min_bytes: int = 1,
    ) -> None:
        """``wanted()`` is asked for the partitions to read now; others keep their position.

        It takes the place of aiokafka's own way to pause partitions, which Faust does not use.
        With less than ``min_bytes`` a broker answers after 0.1 s (``MAX_WAIT_MS``), not at once.
        """
        self._fetcher = fetcher
        self._wanted = wanted
        self._clock = clock
        self._limits = Limits(
            min_bytes=max(min_bytes, fetcher._fetch_min_bytes),
            max_bytes=fetcher._fetch_max_bytes,
            partition_max_bytes=fetcher._max_partition_fetch_bytes,
            isolation=fetcher._isolation_level,
        )
        self._assignment: Any = None
        self._partitions: Any = None
        self._by_leader: dict[int | None, Partitions] = {}
        self._leaders: dict[TopicPartition, int | None] = {}
        self._told_at: dict[int, float] = {}
        """By node, when the newest request was sent that it has answered."""
        self._sessions: dict[int, FetchSession] = {}
        self._fetch = fetcher._proc_fetch_request
        fetcher._proc_fetch_request = self._fetch_in_time
        fetcher._get_actions_per_node = self._actions

    def wake(self) -> None:
        """Look again at what is wanted: call it when that grew."""
        self._fetcher._notify(self._fetcher._wait_consume_future)

    def is_fresh(self, tp: TopicPartition, within_s: float = FRESH_S) -> bool:
        """Whether the partition's high watermark is what its leader said a moment ago.

        Does not block.

        Where the leader is away, another broker may have taken records since that are not known
        here.
        """
        leader = self._leaders.get(tp)
        told_at = None if leader is None else self._told_at.get(leader)
        return told_at is not None and self._clock() - told_at < within_s

    async def _fetch_in_time(
        self, assignment: Any, node: int, request: SessionFetchRequest
    ) -> bool:
        """Fetch, for ``ANSWER_S`` at most; False where no answer came.

        aiokafka's own request, cancelled here, takes that for the end of its partitions.
        """
        async with asyncio.timeout(ANSWER_S) as limit:
            news = bool(await self._fetch(assignment, node, request))
        if limit.expired():
            log.write(BrokerSilent(broker=node))
            self._fetcher._client.force_metadata_update()
            return False
        return news

    def _actions(self, assignment: Any) -> tuple[Any, Any, float, bool, list[Any]]:
        """What aiokafka's fetcher is to do now, as its ``_get_actions_per_node`` says it."""
        self._look_up_leaders(assignment)
        fetcher = self._fetcher
        unread = fetcher._records
        requests, resets, pauses = [], {}, []
        for node, partitions in self._by_leader.items():
            if node is None or node == -1:
                continue
            pause = _pause(partitions, unread) if unread else 0.0
            if pause:
                pauses.append(pause)
            if node in fetcher._in_flight:
                continue
            ask, reset = _positions(partitions, self._wanted(), unread)
            if reset:
                resets[node] = reset
            elif ask and not pause:
                requests.append((node, self._request(node, ask)))
        leaderless = None in self._by_leader or -1 in self._by_leader
        return requests, resets, min(pauses, default=fetcher._fetcher_timeout), leaderless, []

    def _look_up_leaders(self, assignment: Any) -> None:
        """Sort the assigned partitions by leader, again only when either may have changed."""
        cluster = self._fetcher._client.cluster
        if assignment is not self._assignment:
            # a session reports a high watermark once, and the new assignment knows none
            for session in self._sessions.values():
                session.restart()
        elif self._partitions is cluster._partitions:
            return
        self._assignment, self._partitions = assignment, cluster._partitions
        before, self._leaders = self._leaders, {}
        self._by_leader = {}
        for tp in assignment.tps:
            leader, state = cluster.leader_for_partition(tp), assignment.state_value(tp)
            self._by_leader.setdefault(leader, []).append((tp, state))
            self._leaders[tp] = leader
            if leader != before.get(tp, leader):
                # only the new leader knows how far the log reaches, and its session may have
                # reported that already
                state.highwater = None
                if leader in self._sessions:
                    self._sessions[leader].restart()

    def _request(self, node: int, ask: Mapping[TopicPartition, int]) -> SessionFetchRequest:
        assignment = self._assignment

        sent_at = self._clock()

        def note(answer: FetchAnswer) -> None:
            self._told_at[node] = sent_at
            # also of partitions that were sought elsewhere meanwhile: it is not said again
            for topic, parts in answer.topics:
                for partition, error, highwater, *_ in parts:
                    state = assignment.state_value(TopicPartition(topic, partition))
                    state.highwater = None if error else highwater

        session = self._sessions.setdefault(node, FetchSession(self._limits))
        return SessionFetchRequest(session, ask, note)


def _pause(partitions: Partitions, unread: Mapping[TopicPartition, Any]) -> float:
    """How long aiokafka would still have what was fetched taken before it fetches the rest."""
    return max(
        (unread[tp].calculate_backoff() for tp, _ in partitions if tp in unread), default=0.0
    )


def _positions(
    partitions: Partitions, wanted: Collection[TopicPartition], unread: Collection[TopicPartition]
) -> tuple[dict[TopicPartition, int], list[TopicPartition]]:
    """From where to fetch what is wanted, and which partitions have no position yet."""
    ask: dict[TopicPartition, int] = {}
    reset = []
    for tp, state in partitions:
        # not its properties: this walk is most of what a fetch costs
        position = state._position
        if unread and tp in unread:
            continue
        if position is None:
            reset.append(tp)
        elif tp in wanted:
            ask[tp] = position
    return ask, reset
