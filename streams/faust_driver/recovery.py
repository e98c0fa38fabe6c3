"""Recovery of tables at the speed of the log: changelog records go from the fetch into the table.

Faust carries each of them as a message, an event and an entry of a queue, and after each one works
out what every partition still lacks: it was seen to read 6,500 records a second. ``tests/bench/run
--recovery`` measures this way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from aiokafka.structs import ConsumerRecord
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery as FaustRecovery
from faust.types import TP
from typing_extensions import override

from streams.faust_driver.tables import Store

Records = Mapping[TP, Sequence[ConsumerRecord]]
"""What one fetch brought."""


class Recovery(FaustRecovery):
    """Faust's recovery, whose changelog records bypass Faust's queue.

    The queue serves only a driver that does not call ``take``.
    """

    def take(self, records: Records) -> Records:
        """Put what belongs to changelogs into their tables, and return what does not.

        Does not block.

        Call it with what was fetched for the present assignment, in the log's order.
        """
        changelogs = self.tables._changelogs
        rest: dict[TP, Sequence[ConsumerRecord]] = {}
        for tp, batch in records.items():
            table = changelogs.get(tp.topic)
            if table is None:
                rest[tp] = batch
            elif tp in self.active_tps or tp in self.standby_tps:
                cast("Store", cast("Any", table).data).replay(tp.partition, batch)
                offsets = self.active_offsets if tp in self.active_tps else self.standby_offsets
                offsets[tp] = batch[-1].offset
        if self.in_recovery and len(rest) < len(records) and not self.need_recovery():
            self.signal_recovery_end.set()
        return rest

    @override
    async def _wait(self, coro: Any, timeout: Any = None) -> None:
        """Wait without Faust's time-out.

        Faust takes 90 s without an answer for the end of the service: the recovery ends in silence,
        and the worker keeps its partitions, paused, for ever. aiokafka asks again by itself while
        brokers are away.
        """
        await super()._wait(coro)

    @override
    def _set_recovery_started(self) -> None:
        # a signal that was set when nobody waited any more must not end the next recovery before it
        # begins
        self.signal_recovery_end.clear()
        super()._set_recovery_started()


class Tables(TableManager):
    """Faust's tables with this recovery."""

    @property
    @override
    def recovery(self) -> Recovery:
        """The recovery, made when it is first asked for."""
        if self._recovery is None:
            self._recovery = Recovery(
                self.app, cast("Any", self), beacon=self.beacon, loop=self.loop
            )
        return cast("Recovery", self._recovery)
