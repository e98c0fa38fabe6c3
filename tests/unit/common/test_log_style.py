"""The log as JSON: one event a line, whatever is logged, and by whomever."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import math
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from typing_extensions import override

from streams.common.log_dedup import EVERY_S, DuplicateFilter
from streams.common.log_style import JsonFormatter, LogStyle, log_crash, logs_json
from streams.log_events.kinds import EventLog
from streams.log_events.shared import ProcessCutOff, RecordNotDurable
from streams.log_events.worker import TextEndedBadly

HOOKS = ((sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook"))

FAILED = TextEndedBadly(
    line="london",
    result="unknown",
    reason="no-answer",
    gateway="office",
    call_id='CALL"\n1',
    decision_id="d-1",
    caller="447700900123@c.us",
)


class Log(logging.Handler):
    """What a handler has written, line by line."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.text = io.StringIO()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.text.write(f"{self.format(record)}\n")

    def lines(self) -> list[str]:
        return self.text.getvalue().splitlines()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line, parse_constant=pytest.fail) for line in self.lines()]


@pytest.fixture
def written() -> Iterator[Log]:
    """The log of this process as JSON, as a worker named ``desk`` writes it."""
    handler, root = Log(JsonFormatter("worker", "desk")), logging.getLogger()
    root.addHandler(handler)
    hooks = [getattr(owner, name) for owner, name in HOOKS]
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        logging.captureWarnings(capture=False)
        for (owner, name), hook in zip(HOOKS, hooks, strict=True):
            setattr(owner, name, hook)


def test_an_event_is_one_line_with_its_fields(written: Log) -> None:
    EventLog("streams.sink.texts").write(FAILED)
    (line,) = written.events()
    at = datetime.fromisoformat(line.pop("time"))
    assert (at.tzinfo is not None, at.utcoffset() or None) == (True, None)
    assert isinstance(line.pop("pid"), int)
    assert line == {
        "level": "WARNING",
        "component": "worker",
        "instance": "desk",
        "event": "text.ended_badly",
        "message": "a text on line london is unknown: no-answer",
        "line": "london",
        "result": "unknown",
        "reason": "no-answer",
        "gateway": "office",
        "call_id": 'CALL"\n1',
        "decision_id": "d-1",
        "caller": "+447•••••••23",
        "logger": "streams.sink.texts",
    }


def test_times_are_those_of_rfc_3339(written: Log) -> None:
    EventLog(__name__).write(RecordNotDurable(), exc_info=ValueError())
    assert re.match(r'{"time": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", ', written.lines()[0])


def test_a_traceback_is_a_field(written: Log) -> None:
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError as exc:
        EventLog(__name__).write(RecordNotDurable(), exc_info=exc)
    (line,) = written.events()
    assert line["traceback"].startswith("Traceback (most recent call last):\n")
    assert line["traceback"].endswith("ZeroDivisionError: division by zero")


def test_the_lines_of_libraries_are_events_too(written: Log) -> None:
    logging.getLogger("aiokafka.conn").warning("node %d is \x1b[2J away\u2028", 3, stack_info=True)
    (line,) = written.events()
    assert (line["event"], line["logger"]) == ("library", "aiokafka.conn")
    assert line["message"] == "node 3 is \x1b[2J away\u2028"
    assert line["traceback"].startswith("Stack (most recent call last):")
    assert written.text.getvalue().isascii()
    assert "\x1b" not in written.text.getvalue()


def test_what_json_cannot_say_is_said_in_words(written: Log) -> None:
    EventLog(__name__).write(ProcessCutOff(after_s=math.inf))
    assert [line["after_s"] for line in written.events()] == ["inf"]


def test_a_repeated_line_says_how_often(written: Log) -> None:
    now = [0.0]
    written.addFilter(DuplicateFilter(clock=lambda: now[0]))
    for at in (0.0, 1.0, 2.0, EVERY_S + 3.0):
        now[0] = at
        logging.getLogger("aiokafka").warning("away")
    first, second = written.events()
    assert "repeated" not in first
    assert (second["repeated"], second["message"][:4]) == (2, "away")


def test_what_python_would_print_is_logged(written: Log) -> None:
    LogStyle("worker", "json").catch()
    sys.excepthook(KeyError, KeyError("main"), None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    thread = threading.Thread(target=[].pop, name="exporter")
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    events = written.events()
    assert [(each["event"], each.get("thread")) for each in events] == [
        ("process.crashed", "MainThread"),
        ("process.crashed", "exporter"),
        ("library", None),
    ]
    assert events[0]["reason"] == "'main'"
    assert events[1]["traceback"].endswith("IndexError: pop from empty list")
    assert events[2]["logger"] == "py.warnings"


def test_who_logs_json_is_known(written: Log) -> None:
    assert logs_json()
    written.setFormatter(LogStyle("worker").formatter())
    assert not logs_json()


def test_text_stays_as_it_was(written: Log) -> None:
    written.setFormatter(LogStyle("bridge").formatter("%(levelname)s %(name)s: %(message)s"))
    EventLog("streams.sink.texts").write(FAILED)
    log_crash(ValueError("odd"))
    assert written.lines()[0] == (
        "WARNING streams.sink.texts: a text on line london is unknown: no-answer"
    )
    assert written.lines()[1] == "CRITICAL streams.common.log_style: unexpected ValueError: odd"


@pytest.mark.parametrize(("form", "kind"), [("json", JsonFormatter), ("text", logging.Formatter)])
def test_a_faust_app_is_configured_alike(form: Any, kind: type[logging.Formatter]) -> None:
    config = LogStyle("worker", form).config()
    formatter = config["formatters"]["line"]["()"]()
    assert isinstance(formatter, kind)
    assert isinstance(formatter, JsonFormatter) == (form == "json")
