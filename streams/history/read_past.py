"""Reading recorded decisions, in several processes where there are many, and trying policies."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any, Final

from models import topics
from streams.audit.bounded_memory import BoundedMemory
from streams.common.errors import EnvironmentFaultError, RingfenceError
from streams.common.progress import Progress
from streams.history.simulation import Simulation, Simulator
from streams.history.trial import Trial
from streams.kafka.reader import Seen, TopicReader, WholeSince
from streams.screening.recorded import DecidedCall
from streams.settings import KafkaSettings

_READ: Final = replace(topics.CALLS_DECISIONS, values=DecidedCall)
"""Most of a decision is not needed here, and to read it all takes twice as long."""

_LEAD_MS: Final = 60_000
"""Clocks of bridges and workers differ: records so much older than the range are read too."""

_ALONE: Final = 30_000
"""So many records are read sooner than more processes have started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The calls on which policies are tried, by when the bridge received them (ms UTC)."""

    from_ms: int
    to_ms: int
    line: str | None = None
    """None: every line."""

    def has(self, call: DecidedCall) -> bool:
        """Whether a call is one of them."""
        in_time = self.from_ms <= call.received_at_ms < self.to_ms
        return in_time and self.line in {None, call.line}


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a trial."""

    counts: Simulation
    cut: WholeSince | None
    """From when on the topic is whole, where that is later than what was asked for."""


@dataclass(frozen=True, slots=True)
class _Job:
    """What one process does: some of the partitions."""

    kafka: KafkaSettings
    trial: Trial
    wanted: Wanted
    share: tuple[int, int]


def try_on_past(
    kafka: KafkaSettings, trial: Trial, wanted: Wanted, *, processes: int | None = None
) -> Tried:
    """Decide recorded calls once more, by the policies of a trial.

    Reads only, and writes nowhere. Says on stderr how far it is. ``processes`` None: one for each
    processor, as far as there is enough to do. Blocks until the end that the topic has now. Raises
    ``EnvironmentFaultError`` where no broker answers or the topic is missing.
    """
    left, cut = asyncio.run(_measure(kafka, wanted))
    if processes is None:
        processes = len(os.sched_getaffinity(0)) if left > _ALONE else 1
    processes = min(processes, kafka.partitions)
    jobs = [_Job(kafka, trial, wanted, (n, processes)) for n in range(processes)]
    progress = Progress(left, what="decided again")
    if processes == 1:
        counts = asyncio.run(_work(jobs[0], progress.advance))
    else:
        counts = _shared(jobs, progress)
    progress.done()
    return Tried(counts, cut if cut is not None and cut.at_ms > wanted.from_ms else None)


async def _measure(kafka: KafkaSettings, wanted: Wanted) -> tuple[int, WholeSince | None]:
    """How many records there are, and from when on none is missing."""
    reader = TopicReader(kafka, (_READ,))
    await reader.start()
    try:
        cut = await reader.whole_since((_READ,))
        await reader.seek_to_time(wanted.from_ms - _LEAD_MS)
        return await reader.left(await reader.ends()), cut
    finally:
        await reader.stop()


async def _work(job: _Job, advance: Callable[[int], None]) -> Simulation:
    simulator = Simulator(job.trial.book())
    # a decision comes again soon after the first, which is the effective one
    met: BoundedMemory[str, None] = BoundedMemory()
    reader = TopicReader(job.kafka, (_READ,), share=job.share)
    await reader.start()
    try:
        await reader.seek_to_time(job.wanted.from_ms - _LEAD_MS)
        async for batch in reader.read_to(await reader.ends()):
            for seen in batch:
                _take(simulator, job.wanted, met, seen)
            advance(len(batch))
    finally:
        await reader.stop()
    return simulator.counts


def _take(simulator: Simulator, wanted: Wanted, met: BoundedMemory[str, None], seen: Seen) -> None:
    call = seen.value
    if not isinstance(call, DecidedCall):
        simulator.counts.undecodable += 1
    elif wanted.has(call) and met.add_if_new(call.decision_id, None):
        simulator.take(call)


_Said = int | str | Simulation
"""What a process tells: how many records it read, why it failed, or what it counted."""


def _shared(jobs: list[_Job], progress: Progress) -> Simulation:
    with _processes(jobs) as connections:
        counts, running = Simulation(), set(connections)
        while running:
            for each in wait(running):
                said = _said(connections[each])
                if isinstance(said, Simulation):
                    counts.join(said)
                    running.remove(each)
                else:
                    progress.advance(said)
    return counts


def _said(by: Connection) -> int | Simulation:
    try:
        said: _Said = by.recv()
    except EOFError:
        said = "one of the processes that decide was ended from outside (too little memory?)"
    if isinstance(said, str):
        raise EnvironmentFaultError(said)
    return said


@contextmanager
def _processes(jobs: list[_Job]) -> Iterator[dict[Any, Connection]]:
    """One process for each job, by what ``wait`` gives; they are gone when the block ends."""
    context = multiprocessing.get_context("spawn")
    connections: dict[Any, Connection] = {}
    started = []
    try:
        for job in jobs:
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_run, args=(job, there), daemon=True)
            process.start()
            # only the process has the other end then: it closes when the process ends
            there.close()
            started.append(process)
            connections[here] = here
        yield connections
    finally:
        for process in started:
            process.terminate()
            process.join()


def _run(job: _Job, tell: Connection) -> None:
    """The body of a process. An interruption ends the one that started it, which ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # what is read and decided is dropped within a batch, and none of it refers to itself
    gc.set_threshold(100_000, 20, 50)
    # a rule that fails is counted; its traceback thousands of times on the screen helps nobody
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        tell.send(asyncio.run(_work(job, tell.send)))
    except RingfenceError as exc:
        tell.send(str(exc))
