"""A report for a terminal: sentences and tables."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from streams.common.table import table
from streams.report.figures import Figures
from streams.report.heading import about, title
from streams.report.sections import Section, sections

_WIDTH: Final = 100

_UNIT: Final = re.compile(r"(\d) (%|ms|s|min|h|days?|\d{3})(?!\w)")
"""What stays with the number before it when a line is broken."""


def lines(figures: Figures) -> Iterator[str]:
    """One line after the other, none of them printable-safe yet."""
    yield title(figures.scope)
    for line in about(figures.scope):
        yield from _wrapped(line)
    for section in sections(figures):
        yield ""
        yield section.title.upper()
        yield from _said(section)


def _said(section: Section) -> Iterator[str]:
    if section.missing is not None:
        yield from _wrapped(section.missing)
        return
    for sentences in section.sentences:
        for sentence in sentences:
            yield from _wrapped(sentence)
    for row in table(section.table, right=section.numbers):
        yield f"  {row}"


def _wrapped(text: str) -> list[str]:
    together = _UNIT.sub(r"\1\0\2", text)
    wrapped = textwrap.wrap(together, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in wrapped]
