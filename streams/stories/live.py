"""The console of a running Ringfence: story lines as calls unfold, and the summary at the end."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TextIO

from aiokafka.errors import KafkaError

from streams.audit.audit import READ, Audit
from streams.audit.audit_topics import cooldowns
from streams.audit.judged_range import JudgedRange
from streams.common.clock import Clock, now_ms
from streams.gateways.protocol import Gateway
from streams.gateways.registry import GATEWAYS
from streams.kafka.reader import TopicReader
from streams.settings import Settings
from streams.stories.audited_summary import AuditedSummary
from streams.stories.story_lines import Story
from streams.stories.summary import SummaryTally

_POLL_MS: Final = 200
_CATCH_UP_S: Final = 2.0
_FOLD_S: Final = 10.0


class LiveConsole:
    """Shows and audits the calls from its start on.

    One ``start``, one ``run``, then ``settle``, ``summary``, ``stop``.
    """

    def __init__(
        self,
        settings: Settings,
        write: Callable[[str], None],
        *,
        colour: bool | None = None,
        clock: Clock = now_ms,
    ) -> None:
        """``write`` gets a line without its line end; ``colour`` None: if stdout is a terminal."""
        self._settings = settings
        self._write = write
        self._clock = clock
        self._reader = TopicReader(settings.kafka, READ, clock=clock)
        self._without_ends = lines_without_ends(settings)
        self._story = Story(
            settings.lines,
            without_ends=self._without_ends,
            colour=wants_colour(sys.stdout) if colour is None else colour,
        )
        self._tally = SummaryTally()
        self._read_up_to_ms = 0
        self._audit = Audit({})

    async def start(self) -> None:
        """Seek to the end of all topics: calls received from now on are shown and audited.

        Raises ``EnvironmentFaultError`` where no broker answers or a topic is missing.
        """
        await self._reader.start()
        await self._reader.seek_to_end()
        since = self._read_up_to_ms = self._clock()
        self._tally = SummaryTally(since_ms=since)
        self._audit = Audit(
            self._reader.partitions,
            JudgedRange(since_ms=since),
            clock=lambda: self._read_up_to_ms,
            cooldown_ms=await cooldowns(self._settings),
        )
        for line, gateway in self._without_ends.items():
            self._write(
                f"line {line}: {gateway} does not report that a call stopped ringing, "
                "so none of its rejects can be confirmed"
            )
        self._write(self._story.heading())

    async def run(self, stop: asyncio.Event) -> None:
        """Show what happens until ``stop`` is set, then return within a fraction of a second.

        Waits for a broker that does not answer.
        """
        loop = asyncio.get_running_loop()
        catch_up_at = fold_at = loop.time()
        while not stop.is_set():
            await self._step()
            if loop.time() >= catch_up_at:
                catch_up_at = loop.time() + _CATCH_UP_S
                with suppress(KafkaError, TimeoutError):
                    await self._note_position()
            if loop.time() >= fold_at:
                fold_at = loop.time() + _FOLD_S
                self._audit.fold()

    async def settle(self, timeout: float) -> bool:  # noqa: ASYNC109 - no error when reached
        """Read on after traffic has stopped, until nothing is awaited any more.

        Blocks for ``timeout`` seconds and one request to the broker at most. Returns whether every
        offer is decided and every command ended (missing confirmations do not count); False where
        the broker does not answer. Shows all lines that were held back.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        settled = False
        try:
            while True:
                at_ms = self._clock()
                ends = await self._reader.ends()
                while await self._reader.left(ends) and loop.time() < deadline:
                    await self._step()
                if not await self._reader.left(ends):
                    self._read_up_to_ms = at_ms
                    under_way = self._audit.pending()
                    settled = not under_way.total
                    if settled and not under_way.confirmations:
                        break
                if loop.time() >= deadline:
                    break
                await self._step()
        except (KafkaError, TimeoutError):
            settled = False
        self._write_lines(self._story.flush())
        return settled

    def summary(self, simulator_record: Mapping[str, Any] | None = None) -> AuditedSummary:
        """The summary and the audit, up to the last time the topics were read to their end.

        ``simulator_record``: what the gateway simulator counted, to compare with.
        """
        return AuditedSummary(self._tally.summary(), self._audit.finish(simulator_record))

    async def stop(self) -> None:
        """Show lines that were held back, and disconnect; may be repeated."""
        self._write_lines(self._story.flush())
        await self._reader.stop()

    async def _step(self) -> None:
        for seen in await self._reader.poll(_POLL_MS):
            self._tally.add(seen)
            self._audit.add(seen)
            self._write_lines(self._story.add(seen))
        self._write_lines(self._story.tick(self._clock()))

    async def _note_position(self) -> None:
        at_ms = self._clock()
        ends = await self._reader.ends()
        if await self._reader.left(ends):
            await self._step()
        if not await self._reader.left(ends):
            self._read_up_to_ms = at_ms

    def _write_lines(self, lines: list[str]) -> None:
        for line in lines:
            self._write(line)


def lines_without_ends(
    settings: Settings, gateways: Mapping[str, Gateway[Any]] = GATEWAYS
) -> dict[str, str]:
    """The lines whose gateway does not report that a call stopped ringing, with its title."""
    found = {
        line: gateways[settings.gateways[each.gateway].provider]
        for line, each in settings.lines.items()
    }
    return {
        line: gateway.title
        for line, gateway in found.items()
        if not gateway.capabilities.reports_ends
    }


def wants_colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal, and ``NO_COLOR`` (no-color.org) is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR")
