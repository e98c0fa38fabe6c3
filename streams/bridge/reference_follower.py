"""What the bridge itself knows from Kafka.

Who is who, who is at work, which lines are connected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Self

from aiokafka.errors import KafkaError

from streams.bridge.publisher import Publisher, UnavailableError
from streams.callers.keying import Callers
from streams.callers.links import linked_records
from streams.common.errors import EnvironmentFaultError
from streams.common.tasks import cancel
from streams.kafka.compacted_reader import CompactedReader
from streams.kafka.layout import LayoutError
from streams.kafka.reconnect import connected
from streams.log_events.bridge import LinksDelayed, ReferenceWaiting
from streams.log_events.kinds import EventLog
from streams.settings import KafkaSettings
from streams.views.availability import Agents, Bridges, Lines

log = EventLog(__name__)

SOURCE: Final = "/bridge/identities"

_LATE_S: Final = 0.5
"""Between two looks for links that came after an event of their alias."""


class ReferenceFollower:
    """Reads its topics in the background; nothing waits for it but what needs it."""

    def __init__(
        self, kafka: KafkaSettings, publisher: Publisher, *, on_undecodable: Callable[[str], None]
    ) -> None:
        """``on_undecodable`` is called with the topic of a record that was left out."""
        self._kafka = kafka
        self._publisher = publisher
        self._on_undecodable = on_undecodable
        self.callers = Callers()
        self.desk = Agents()
        self.bridges = Bridges()
        self.lines = Lines()
        self._why_not: str | None = "what is known of identities and presence is still being read"
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to read; does not wait for the broker."""
        self._keeper = asyncio.create_task(self._keep(), name="bridge-known")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End; may be repeated."""
        if self._keeper is not None:
            await cancel(self._keeper)

    @property
    def keeper(self) -> asyncio.Task[None]:
        """The background task; it ends only by an error that nobody foresaw, and then raises it."""
        if self._keeper is None:
            msg = "nothing is being read yet"
            raise RuntimeError(msg)
        return self._keeper

    def unready(self) -> str | None:
        """Why what is known may be incomplete, or None."""
        return self._why_not

    async def _keep(self) -> None:
        failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

        def fail(error: BaseException) -> None:
            if not failed.done():
                failed.set_result(error)

        reader = await self._read(fail)
        self._why_not = None
        try:
            while not failed.done():
                await self._publish_late()
                await asyncio.wait({failed}, timeout=_LATE_S)
            raise failed.result()
        finally:
            await reader.stop()

    async def _read(self, fail: Callable[[BaseException], None]) -> CompactedReader:
        views = (self.callers.known, self.desk, self.bridges, self.lines)

        async def start() -> CompactedReader:
            reader = CompactedReader(
                self._kafka, views, on_undecodable=self._on_undecodable, on_failure=fail
            )
            await reader.start()
            return reader

        expected = (KafkaError, OSError, TimeoutError, EnvironmentFaultError)
        return await connected(start, expected, _note_failure)

    async def _publish_late(self) -> None:
        links = self.callers.late()
        if not links:
            return
        try:
            await self._publisher.deliver(linked_records(links, SOURCE))
        except UnavailableError as exc:
            self.callers.again(links)
            log.write(LinksDelayed(count=len(links), reason=str(exc)))


async def _note_failure(exc: Exception, pause_s: float) -> None:
    if isinstance(exc, LayoutError):
        raise exc
    log.write(ReferenceWaiting(reason=str(exc), pause_s=pause_s))
