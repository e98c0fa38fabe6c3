"""How far long work is: a note for people, an event for programs."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from streams.common import progress
from streams.common.log_style import JsonFormatter


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE_S", 0.0)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What this process logs, as JSON."""
    text = io.StringIO()
    handler, root = logging.StreamHandler(text), logging.getLogger()
    handler.setFormatter(JsonFormatter("audit"))
    level = root.level
    root.setLevel("INFO")
    root.addHandler(handler)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


def test_people_get_a_line() -> None:
    stream = io.StringIO()
    work = progress.Progress(8, stream)
    work.advance(2)
    work.done()
    assert stream.getvalue() == "25 % of 8 records read\n2 records read\n\n"


def test_programs_get_an_event(written: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    work = progress.Progress(8, what="checked")
    work.advance(2)
    work.done()
    event = json.loads(written.getvalue())
    assert (event["event"], event["done"], event["total"], event["what"]) == (
        "work.progress", 2, 8, "checked",
    )  # fmt: skip
    assert capsys.readouterr().err == ""
