"""How a process writes its log: as text for people, or one JSON object a line for programs."""

from __future__ import annotations

import json
import logging
import logging.config
import math
import os
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

from typing_extensions import override

from streams.common.log_dedup import DuplicateFilter
from streams.common.printable import PrintableFormatter
from streams.log_events.kinds import EventLog, LogEvent
from streams.log_events.shared import LIBRARY, ProcessCrashed

log = EventLog(__name__)

LogFormat = Literal["text", "json"]

FORMAT_VARIABLE: Final = "RINGFENCE_LOG_FORMAT"
"""The environment variable that stands for ``--log-format``; children get it from their parent."""

INSTANCE_VARIABLE: Final = "RINGFENCE_INSTANCE"

_TEXT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"

_QUIET: Final = ("aiokafka", "mode", "faust", "httpx")


class JsonFormatter(logging.Formatter):
    """Writes each entry as one line of JSON, in ASCII, so that no text can forge or hide a line."""

    def __init__(self, component: str, instance: str | None = None) -> None:
        """``component``: which part this process is; ``instance``: which of several."""
        super().__init__()
        self._who: dict[str, object] = {"component": component}
        if instance is not None:
            self._who["instance"] = instance

    @override
    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        found = getattr(record, "happened", None)
        happened = found if isinstance(found, LogEvent) else None
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname,
            **self._who,
            "pid": record.process,
            "event": LIBRARY if happened is None else happened.name,
            "message": record.getMessage(),
        }
        if happened is not None:
            line |= {key: _plain(value) for key, value in happened.values().items()}
        line["logger"] = record.name
        repeated = getattr(record, "repeated", 0)
        if repeated:
            line["repeated"] = repeated
        traceback = self._traceback(record)
        if traceback:
            line["traceback"] = traceback
        return json.dumps(line, default=str)

    def _traceback(self, record: logging.LogRecord) -> str:
        found = []
        if record.exc_info:
            found.append(self.formatException(record.exc_info))
        if record.stack_info:
            found.append(self.formatStack(record.stack_info))
        return "\n".join(found)


def _plain(value: object) -> object:
    """The value, as JSON has it: it knows no infinity, and no ``NaN``."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, slots=True)
class LogStyle:
    """How one process writes its log."""

    component: str
    """Which part it is, such as ``bridge``."""
    form: LogFormat = "text"

    @property
    def is_json(self) -> bool:
        """Whether lines are for programs."""
        return self.form == "json"

    def formatter(self, text: str = _TEXT) -> logging.Formatter:
        """What makes lines; ``text`` is their form where they are for people."""
        if self.is_json:
            return JsonFormatter(self.component, os.environ.get(INSTANCE_VARIABLE))
        return PrintableFormatter(text)

    def begin(self, file: Path | None = None) -> None:
        """Log to a file, or to stderr, from now on; once in a process.

        As JSON, whatever else ends up on stderr comes as an event too: what nothing has caught,
        and Python's warnings.
        """
        if not logging.getLogger().handlers:
            # who has set up logging already, as a test has, keeps it, and needs no open file
            handler = (
                logging.StreamHandler()
                if file is None
                else logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
            )
            handler.addFilter(DuplicateFilter())
            handler.setFormatter(self.formatter())
            logging.basicConfig(level=logging.INFO, handlers=[handler])
        self.catch()

    def catch(self) -> None:
        """As JSON: log what Python would print, exceptions that nothing has caught above all."""
        if self.is_json:
            logging.captureWarnings(capture=True)
            sys.excepthook = _crashed
            threading.excepthook = _thread_crashed
            sys.unraisablehook = _unraisable

    def config(self) -> dict[str, Any]:
        """For ``logging.config.dictConfig``: what a Faust app logs, to stderr."""
        return {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": lambda: self.formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
                }
            },
            "filters": {"repeats": {"()": DuplicateFilter}},
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": "line",
                    "filters": ["repeats"],
                    "stream": "ext://sys.stderr",
                }
            },
            "root": {"level": "INFO", "handlers": ["stderr"]},
            # 6 % of a worker's CPU went into records of these that nobody prints; httpx has a line
            # for every request
            "loggers": {name: {"level": "WARNING"} for name in _QUIET},
        }


def logs_json() -> bool:
    """Whether this process logs to stderr as JSON by now."""
    return any(
        isinstance(each.formatter, JsonFormatter) and not isinstance(each, logging.FileHandler)
        for each in logging.getLogger().handlers
    )


def log_crash(exc: BaseException, thread: str | None = None) -> None:
    """Log an exception that nothing expected, with its traceback."""
    happened = ProcessCrashed(
        error=type(exc).__name__,
        reason=str(exc),
        thread=thread or threading.current_thread().name,
    )
    log.write(happened, exc_info=exc)


def _crashed(_kind: type[BaseException], exc: BaseException, _where: TracebackType | None) -> None:
    if not isinstance(exc, KeyboardInterrupt):
        log_crash(exc)


def _thread_crashed(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        log_crash(args.exc_value, None if args.thread is None else args.thread.name)


def _unraisable(args: Any) -> None:
    # typeshed names its type for hints alone
    if args.exc_value is not None:
        log_crash(args.exc_value)
