"""How many rejects the gateway answered within a second of the webhook."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from models.outcomes import TERMINAL, Outcome
from streams.audit.bounded_memory import BoundedMemory

QUICK_MS: Final = 1_000
"""The target: a phone that rings longer than this has been noticed."""

_MINUTE_MS: Final = 60_000
_MINUTES: Final = 60


class RejectLatency:
    """Counts each reject once, by its first terminal outcome, as quick or not quick."""

    def __init__(self) -> None:
        self._ended: BoundedMemory[str, None] = BoundedMemory()
        self._minutes: OrderedDict[int, list[int]] = OrderedDict()
        self.rejects = 0
        self.quick = 0

    def add(self, outcome: Outcome) -> None:
        """Note one outcome; a repeat changes nothing.

        ``raced`` (the call was over already) may be quick like ``accepted``; failed, late and
        unknown rejects never are.
        """
        if outcome.command != "reject" or outcome.result not in TERMINAL:
            return
        if outcome.received_at_ms is None or not self._ended.add_if_new(outcome.command_id, None):
            return
        quick = (
            outcome.result in {"accepted", "raced"}
            and outcome.at_ms - outcome.received_at_ms <= QUICK_MS
        )
        self.rejects += 1
        self.quick += quick
        counted = self._minutes.setdefault(outcome.at_ms // _MINUTE_MS, [0, 0])
        counted[0] += 1
        counted[1] += quick

    def ratio(self, now_ms: int) -> float:
        """The share of quick rejects among those of the last hour; NaN where there were none."""
        oldest = now_ms // _MINUTE_MS - _MINUTES
        for minute in [minute for minute in self._minutes if minute <= oldest]:
            del self._minutes[minute]
        rejects = sum(counted[0] for counted in self._minutes.values())
        return (
            sum(counted[1] for counted in self._minutes.values()) / rejects
            if rejects
            else float("nan")
        )
