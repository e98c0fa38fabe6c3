"""The continuous audit: reports contradictions as they appear and as they resolve, with metrics."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from typing import Final

from aiokafka.errors import KafkaError

from models.outcomes import Outcome
from streams.audit.audit import READ, Audit
from streams.audit.audit_topics import cooldowns, open_range
from streams.audit.bounded_memory import BoundedMemory
from streams.audit.findings import AuditFinding, Code, Findings
from streams.audit.metrics import AuditMetrics, Snapshot
from streams.common.clock import Clock, now_ms
from streams.common.health import HealthServer
from streams.common.progress import Progress
from streams.common.wording import clock as time_of_day
from streams.kafka.reader import RecordRef, TopicReader
from streams.log_events.audit import AuditFound, AuditResolved, AuditServing, AuditUnsure
from streams.log_events.kinds import LogEvent
from streams.settings import Settings
from streams.stories.reject_latency import RejectLatency

_POLL_MS: Final = 200
_LOOK_S: Final = 2.0
_FOLD_S: Final = 30.0

_Key = tuple[Code, str | None, RecordRef | None]


class ChangeReporter:
    """Reports each contradiction once when it appears, and once when it has resolved."""

    def __init__(self) -> None:
        self._standing: dict[_Key, AuditFinding] = {}
        self.reported: Counter[str] = Counter()
        """By code: how many were ever reported."""

    @property
    def standing(self) -> Counter[str]:
        """By code: how many hold now."""
        return Counter(finding.code for finding in self._standing.values())

    def changes(self, wrong: Iterable[AuditFinding], at: str) -> list[LogEvent]:
        """What changed since the last call; ``wrong`` is everything wrong now, ``at`` when."""
        now = {(finding.code, finding.call_id, finding.place): finding for finding in wrong}
        new = [finding for key, finding in now.items() if key not in self._standing]
        gone = [finding for key, finding in self._standing.items() if key not in now]
        self._standing = now
        self.reported.update(finding.code for finding in new)
        return [
            *(
                AuditFound(at=at, finding=each.line(), code=each.code, call_id=each.call_id)
                for each in new
            ),
            *(
                AuditResolved(at=at, finding=each.line(), code=each.code, call_id=each.call_id)
                for each in gone
            ),
        ]


class AuditFollower:
    """Audits without end: one ``start``, one ``run``, then ``findings`` and ``stop``.

    Memory stays bounded, except for what each contradiction takes.
    """

    def __init__(
        self,
        settings: Settings,
        write: Callable[[LogEvent], None],
        *,
        since_ms: int | None = None,
        clock: Clock = now_ms,
    ) -> None:
        """``write`` gets one event at a time, whose text is a line for people.

        ``since_ms`` None: from where every topic is complete.
        """
        self._settings = settings
        self._write = write
        self._since_ms = since_ms
        self._clock = clock
        self._reader = TopicReader(settings.kafka, READ, clock=clock)
        self._audit = Audit({})
        self._changes = ChangeReporter()
        self._latency = RejectLatency()
        self._unsure_shown: BoundedMemory[RecordRef, None] = BoundedMemory()
        self._unsure_count = 0
        self._read_up_to_ms = 0
        self.snapshot = Snapshot()
        """What the metrics show; replaced every two seconds."""

    async def start(self) -> None:
        """Read the range up to now and report what is wrong in it.

        Blocks until it is read. Raises as ``audit_topics`` does.
        """
        await self._reader.start()
        judged = await open_range(self._reader, self._since_ms)
        self._audit = Audit(
            self._reader.partitions,
            judged,
            clock=lambda: self._read_up_to_ms,
            cooldown_ms=await cooldowns(self._settings),
        )
        at_ms = self._clock()
        ends = await self._reader.ends()
        progress = Progress(await self._reader.left(ends))
        while await self._reader.left(ends):
            progress.advance(await self._step())
        progress.done()
        self._read_up_to_ms = at_ms
        self._look()

    async def run(self, stop: asyncio.Event) -> None:
        """Report changes until ``stop`` is set. Waits for a broker that does not answer."""
        loop = asyncio.get_running_loop()
        look_at, fold_at = loop.time(), loop.time() + _FOLD_S
        while not stop.is_set():
            await self._step()
            if loop.time() >= look_at:
                look_at = loop.time() + _LOOK_S
                with suppress(KafkaError, TimeoutError):
                    await self._note_position()
                self._look()
            if loop.time() >= fold_at:
                fold_at = loop.time() + _FOLD_S
                self._audit.fold()

    def findings(self) -> Findings:
        """The result so far."""
        return self._audit.finish()

    def unready(self) -> str | None:
        """Why the metrics hold no numbers yet; None once they do."""
        return None if self._read_up_to_ms else "the topics are still being read"

    async def stop(self) -> None:
        """Disconnect; may be repeated."""
        await self._reader.stop()

    async def _step(self) -> int:
        batch = await self._reader.poll(_POLL_MS)
        for seen in batch:
            self._audit.add(seen)
            if isinstance(seen.value, Outcome):
                self._latency.add(seen.value)
        return len(batch)

    async def _note_position(self) -> None:
        at_ms = self._clock()
        ends = await self._reader.ends()
        while await self._reader.left(ends):
            await self._step()
        self._read_up_to_ms = at_ms

    def _look(self) -> None:
        under_way, wrong = self._audit.standing()
        at = time_of_day(self._clock())
        for change in self._changes.changes(wrong, at):
            self._write(change)
        for each in self._audit.unsure:
            if self._unsure_shown.add_if_new(each.place, None):
                self._unsure_count += 1
                self._write(AuditUnsure(at=at, finding=each.sentence(), call_id=each.call_id))
        self.snapshot = Snapshot(
            checked=self._audit.checked,
            open=under_way,
            standing=self._changes.standing,
            reported=self._changes.reported,
            dead_letters=dict(self._audit.dead_letters),
            unsure=self._unsure_count,
            oldest_undecided_ms=self._audit.oldest_undecided_ms(),
            rejects=self._latency.rejects,
            quick=self._latency.quick,
            quick_ratio=self._latency.ratio(self._clock()),
            read_up_to_ms=self._read_up_to_ms,
        )


async def follow(
    settings: Settings,
    write: Callable[[LogEvent], None],
    *,
    since_ms: int | None,
    listen: str | None,
    stop: asyncio.Event,
) -> Findings:
    """Audit until ``stop`` is set, which also ends the reading of the range at the start.

    ``listen`` is the HOST:PORT to serve metrics on. Raises ``EnvironmentFaultError`` as
    ``audit_topics`` does, and where that address is not available.
    """
    follower = AuditFollower(settings, write, since_ms=since_ms)
    metrics = AuditMetrics(lambda: follower.snapshot, now_ms)
    async with AsyncExitStack() as stack:
        if listen is not None:
            server = HealthServer(
                listen, metrics.registry, ready=follower.unready, setting="--listen"
            )
            await stack.enter_async_context(server)
            write(AuditServing(url=f"{server.url}/metrics"))
        stack.push_async_callback(follower.stop)
        stopping = asyncio.create_task(stop.wait())
        working = asyncio.create_task(_work(follower, stop))
        try:
            await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
            if follower.unready() is not None:
                working.cancel()
            await working
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
        finally:
            stopping.cancel()
            working.cancel()
        return follower.findings()


async def _work(follower: AuditFollower, stop: asyncio.Event) -> None:
    await follower.start()
    await follower.run(stop)
