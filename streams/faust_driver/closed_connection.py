"""A request on a connection that was closed a moment ago fails as a connection does.

Between a broker's end and the turn of the loop in which aiokafka notices it, uvloop's transport is
closed and raises ``RuntimeError`` for a write, where asyncio's drops it. aiokafka 0.14 expects
``OSError`` alone: the error ended the coordinator's task and Faust's fetcher with it, and the
worker stopped because a broker died.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError


def _failing_as_a_connection(write: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(write)
    def written(self: AIOKafkaConnection, *args: Any, **options: Any) -> Any:
        try:
            return write(self, *args, **options)
        except RuntimeError as exc:
            self.close(reason=CloseReason.CONNECTION_BROKEN)
            msg = f"Connection at {self.host}:{self.port} broken: {exc}"
            raise KafkaConnectionError(msg) from exc

    return written


def install() -> None:
    """Repair every client of this process; may be repeated."""
    if not hasattr(AIOKafkaConnection.send, "__wrapped__"):
        AIOKafkaConnection.send = _failing_as_a_connection(AIOKafkaConnection.send)
        AIOKafkaConnection._send_sasl_token = _failing_as_a_connection(
            AIOKafkaConnection._send_sasl_token
        )
