"""Requests that no HTTP server can read: counted.

Aiohttp would log a traceback for each, and anybody can send them.
"""

from __future__ import annotations

import logging
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError
from typing_extensions import override

from streams.bridge.metrics import BridgeMetrics

_CLIENTS_FAULTS: Final = (HttpProcessingError, RequestPayloadError, ConnectionError)


class _NoClientsFaults(logging.Filter):
    def __init__(self, metrics: BridgeMetrics) -> None:
        super().__init__()
        self._metrics = metrics

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        exc = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if isinstance(exc, _CLIENTS_FAULTS):
            self._metrics.malformed()
            return False
        return True


def server_log(metrics: BridgeMetrics) -> logging.Logger:
    """The log of one HTTP server.

    Our own faults with their tracebacks, and nothing that a client can cause.
    """
    # not by getLogger: the filters of a shared logger would add up with every server
    log = logging.Logger("aiohttp.server")  # noqa: LOG001
    log.parent = logging.getLogger()
    log.addFilter(_NoClientsFaults(metrics))
    return log
