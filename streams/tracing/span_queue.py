"""Spans on their way out: a bounded queue, emptied by a thread of its own.

Whoever puts a span never waits. What finds the queue full is dropped and counted: a collector that
hangs costs its own spans, and no call. Knows nothing of OpenTelemetry.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from streams.log_events.kinds import EventLog
from streams.log_events.shared import TracesLost, TracesSent
from streams.tracing.span import Span

log = EventLog(__name__)

Result = Literal["exported", "failed", "dropped"]
OnSpans = Callable[[Result, int], None]

STOP_S: Final = 1.0
"""For what is left at the end to be sent; longer, and it is dropped."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much waits, and how long."""

    most: int
    batch: int
    delay_s: float

    @classmethod
    def of(cls, env: Mapping[str, str]) -> QueueLimits:
        """Those of OpenTelemetry's variables for batches; what cannot be read is left out."""
        most = _number(env, "OTEL_BSP_MAX_QUEUE_SIZE", 2048)
        return cls(
            most=most,
            batch=min(_number(env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512), most),
            delay_s=_number(env, "OTEL_BSP_SCHEDULE_DELAY", 5000) / 1000,
        )


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "").strip()
    return int(text) if text.isdecimal() and int(text) else default


class SpanQueue:
    """Takes spans from the loop, and hands them to ``export`` in batches, in a thread."""

    def __init__(
        self,
        export: Callable[[Sequence[Span]], str | None],
        on_spans: OnSpans,
        limits: QueueLimits,
    ) -> None:
        """``export`` may block and raise; it returns why it failed, or None.

        ``on_spans`` counts, from either thread.
        """
        self._export = export
        self._on_spans = on_spans
        self._limits = limits
        self._waiting: deque[Span] = deque()
        self._wake = threading.Event()
        self._ending = False
        self._works = True
        # a daemon: a request that hangs must not keep the process
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, span: Span) -> None:
        """Take a span; drops it where the queue is full. Does not block."""
        waiting = len(self._waiting)
        if waiting >= self._limits.most or self._ending:
            self._on_spans("dropped", 1)
            return
        self._waiting.append(span)
        if waiting + 1 == self._limits.batch:
            self._wake.set()

    def stop(self, within_s: float = STOP_S) -> None:
        """Send what is left; blocks for ``within_s`` at most. What is left then is dropped."""
        self._ending = True
        self._wake.set()
        self._thread.join(within_s)
        left = len(self._waiting)
        if left:
            self._waiting.clear()
            self._on_spans("dropped", left)

    def _run(self) -> None:
        while not self._ending:
            self._wake.wait(self._limits.delay_s)
            self._wake.clear()
            self._empty()
        self._empty()

    def _empty(self) -> None:
        while self._waiting:
            batch = list[Span]()
            while self._waiting and len(batch) < self._limits.batch:
                batch.append(self._waiting.popleft())
            self._send(batch)

    def _send(self, batch: Sequence[Span]) -> None:
        try:
            why = self._export(batch)
        except Exception as exc:  # noqa: BLE001 - a fault of the exporter's is no call's matter
            why = f"{type(exc).__name__}: {exc}"
        self._on_spans("exported" if why is None else "failed", len(batch))
        if why is not None and self._works:
            log.write(TracesLost(reason=why))
        elif why is None and not self._works:
            log.write(TracesSent())
        self._works = why is None
