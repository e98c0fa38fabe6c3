"""A note on stderr for work that takes long, and none for work that does not.

Where stderr is for programs the note is an event.
"""

from __future__ import annotations

import sys
import time
from typing import Final, TextIO

from streams.common.log_style import logs_json
from streams.log_events.kinds import EventLog
from streams.log_events.shared import WorkProgress

log = EventLog(__name__)

_PATIENCE_S: Final = 2.0


class Progress:
    """Prints every two seconds how many of the records have been read, or written."""

    def __init__(self, total: int, stream: TextIO | None = None, *, what: str = "read") -> None:
        """``what`` is done with the records; ``stream`` None is stderr."""
        self._total = total
        self._what = what
        self._stream = stream or sys.stderr
        self._is_event = stream is None and logs_json()
        self._read = 0
        self._next = time.monotonic() + _PATIENCE_S
        self._spoke = False

    def advance(self, records: int) -> None:
        """So many more were read, or written."""
        self._read += records
        if time.monotonic() >= self._next:
            self._next += _PATIENCE_S
            percent = min(100 * self._read // max(self._total, 1), 99)
            if self._is_event:
                log.write(WorkProgress(done=self._read, total=self._total, what=self._what))
            else:
                self._say(f"{percent} % of {self._total} records {self._what}")

    def done(self) -> None:
        """Close the note, if there was one."""
        if self._spoke:
            self._say(f"{self._read} records {self._what}")
            self._stream.write("\n")

    def _say(self, text: str) -> None:
        # a terminal's line is overwritten; a log gets a line each
        end = "\r" if self._stream.isatty() else "\n"
        self._spoke = True
        self._stream.write(f"{text}{end}")
        self._stream.flush()
