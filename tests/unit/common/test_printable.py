"""What comes from outside controls no terminal and forges no line."""

from __future__ import annotations

import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.common.printable import PrintableFormatter, printable, printable_lines
from streams.settings import ROOT


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jgone\r\n", r"\x1b[2Jgone\r\n"),
        ("a\naudit       holds", r"a\naudit       holds"),
        ("\x9b31m", r"\x9b31m"),
        ("+44\u202e0077", r"+44\u202e0077"),
        ("\u2066x\u2069\u200b", r"\u2066x\u2069\u200b"),
        (chr(0xD83D), r"\ud83d"),
        ("Zoë · Ирина · 田中 · ليلى · 🙂", "Zoë · Ирина · 田中 · ليلى · 🙂"),
    ],
)
def test_what_controls_is_escaped_and_letters_stay(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_a_text_is_one_printable_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
    assert printable_lines(text).count("\n") == text.count("\n")


def test_a_log_entry_is_one_line_and_a_traceback_keeps_its_own() -> None:
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(PrintableFormatter("%(levelname)s %(message)s"))
    log = logging.Logger("test")  # noqa: LOG001 - of this test alone
    log.addHandler(handler)
    log.warning("call %s ended", "A\x1b[2J\nERROR forged")
    assert said.getvalue() == "WARNING call A\\x1b[2J\\nERROR forged ended\n"
    try:
        int("\x1b]0;title\x07")
    except ValueError:
        log.exception("it failed")
    assert "\x1b" not in said.getvalue()
    assert "\nTraceback" in said.getvalue()


def test_commands_print_through_one_door() -> None:
    """``policy show`` prints what somebody edits and applies again; the others print no records."""
    echoing = {
        path.name
        for path in (ROOT / "streams" / "cli").glob("*.py")
        if "click.echo" in path.read_text(encoding="utf-8")
    }
    assert echoing == {"kafka.py", "output.py", "policy.py", "up.py"}
