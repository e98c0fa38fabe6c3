"""Text from outside on its way to a terminal, a log or a report: it must not control them.

Ids, names, reasons and payloads are whatever their sender wrote: an escape sequence could clear the
screen, a direction mark turn a number around, a line break forge a line of our own.
"""

from __future__ import annotations

import logging

from typing_extensions import override


def printable(text: str) -> str:
    r"""The text as one line, with everything escaped that is not shown as itself.

    Control characters, line breaks, escape sequences, marks of direction, invisible characters and
    lone surrogates become ``\x1b``, ``\n``, ``\u202e`` and so on. Letters of all scripts stay.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def printable_lines(text: str) -> str:
    """As ``printable``, for a text of our own that has several lines."""
    return "\n".join(map(printable, text.split("\n")))


class PrintableFormatter(logging.Formatter):
    """Writes each entry as one printable line; a traceback keeps its own lines."""

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        """The entry's line, without what follows it."""
        record.message = printable(record.message)
        return super().formatMessage(record)

    @override
    def formatException(self, ei: object) -> str:
        """The traceback, line by line."""
        return printable_lines(super().formatException(ei))  # type: ignore[arg-type]
