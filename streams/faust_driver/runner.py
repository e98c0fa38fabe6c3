"""Runs a Faust app as the process' main work."""

from __future__ import annotations

import asyncio
from typing import Any

import faust

from streams.faust_driver.transport import App


def run_app(app: App, loop: asyncio.AbstractEventLoop, logging_config: dict[str, Any]) -> None:
    """Run until SIGTERM or SIGINT, and stop the app; blocks.

    Raises ``SystemExit`` with the exit code, whose ``__context__`` is what ended the app, or
    ``CancelledError`` where the last agent was cancelled because another one failed.
    """
    worker = faust.Worker(
        app,
        loop=loop,
        loglevel="info",
        logging_config=logging_config,
        redirect_stdouts=False,
        quiet=True,
    )
    worker.execute_from_commandline()
