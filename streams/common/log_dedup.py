"""Logs a repeated message once, not two hundred times a second while a cluster is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from typing_extensions import override

EVERY_S: Final = 10.0
"""Seconds in which the same message is logged once."""

_MOST: Final = 200
"""Different messages remembered; the one logged longest ago is forgotten first."""


class DuplicateFilter(logging.Filter):
    """Lets a message of aiokafka through once in ``EVERY_S``, with how often it was repeated."""

    def __init__(self, name: str = "aiokafka", clock: Callable[[], float] = time.monotonic) -> None:
        """``name``: of the logger whose repeats, and its children's, are held back.

        Put it on a handler.
        """
        super().__init__(name)
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written.

        One that says how often it was repeated is changed for it, and has it as ``repeated`` too.
        """
        if not super().filter(record):
            return True
        message = record.getMessage()
        key, now = (record.name, message), self._clock()
        at, held = self._said.get(key, (float("-inf"), 0))
        if now - at < EVERY_S:
            self._said[key] = at, held + 1
            return False
        if held:
            record.msg, record.args = (
                f"{message} (said {held} times more in the {now - at:.0f} s before)",
                (),
            )
            record.repeated = held
        self._said.pop(key, None)
        self._said[key] = now, 0
        if len(self._said) > _MOST:
            del self._said[next(iter(self._said))]
        return True
