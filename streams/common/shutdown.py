"""How a worker process ends: on a signal, after an unexpected error, and at the latest."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from streams.log_events.kinds import EventLog
from streams.log_events.shared import ProcessCutOff, ProcessEnding

log = EventLog(__name__)

FAULT: Final = 70
"""The exit code after an unexpected error (sysexits.h: EX_SOFTWARE): start the process again."""

STOP_S: Final = 9.0
"""A stop that takes longer is cut off; what was in work comes again."""

HARD_EXIT_S: Final = 5.0
"""After an unexpected error the process has this long to end by itself."""


class Failure:
    """Ends the process after an unexpected error, before any offset passes the event concerned."""

    def __init__(
        self,
        *,
        terminate: Callable[[], None] | None = None,
        leave: Callable[[int], object] = os._exit,
        hard_exit_s: float = HARD_EXIT_S,
    ) -> None:
        """``terminate`` begins an orderly stop: SIGTERM to this process unless it is given.

        ``leave`` ends the process at once with an exit code, ``hard_exit_s`` later.
        """
        self._terminate = terminate or _sigterm
        self._leave = leave
        self._hard_exit_s = hard_exit_s
        self.has_happened = False

    def __call__(self, error: BaseException) -> None:
        """Log the error and begin to end; every further error is ignored. Needs a running loop."""
        if self.has_happened:
            return
        self.has_happened = True
        log.write(ProcessEnding(error=type(error).__name__, reason=str(error)), exc_info=error)
        asyncio.get_running_loop().call_later(self._hard_exit_s, self._leave, FAULT)
        self._terminate()


@contextmanager
def cut_off(after_s: float = STOP_S, leave: Callable[[int], object] = os._exit) -> Iterator[None]:
    """End the process with ``FAULT`` if the block takes longer, even where its loop is stuck."""

    def too_late() -> None:
        log.write(ProcessCutOff(after_s=after_s))
        leave(FAULT)

    timer = threading.Timer(after_s, too_late)
    timer.daemon = True
    timer.start()
    # an exception leaves the timer running: the process must end all the same
    yield
    timer.cancel()


def _sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
