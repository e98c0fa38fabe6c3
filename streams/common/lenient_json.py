r"""Reads JSON that its sender's own program could write, though the standard forbids it.

A signed body is its gateway's word, and the gateway is Node, Go, Python or PHP: JSON.stringify
writes half an emoji as a lone surrogate (``\\ud83d``), Python writes ``NaN``, and a proxy or an
editor puts a byte order mark in front. None of that may cost a call.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

import orjson

_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)",
    re.DOTALL,
)
"""One escape after another, so that the second half of ``\\\\ud83d`` is not taken for one."""

_LONE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_PART: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]|[^"\[\]{}]+|"', re.DOTALL)
DEEPEST: Final = 200
"""Levels that are read of what is nested deeper than Python's parser goes (some 1,000). WhatsApp's
own messages have under 20."""
_MOST_DIGITS: Final = 18
"""Of a whole number that fits into 64 bits."""


class NoJsonError(ValueError):
    """Not even leniently; ``str()`` says why, and quotes nothing."""


def loads(body: bytes | str) -> Any:
    """The value of a JSON text: strictly where it can be read so, else leniently.

    Lenient means: a byte order mark is left out; a lone surrogate, and bytes that are no UTF-8,
    become U+FFFD; control characters may stand in strings; a number that no double holds, ``NaN``
    and ``Infinity`` become None; a whole number beyond 64 bits becomes the nearest double. Of keys
    that are there twice the last one counts, as in every gateway's language. What is returned can
    be written again: no surrogate, no infinity; but it may be nested deeper than a writer takes.
    What Python cannot read for its depth is read without the parts below ``DEEPEST`` levels.
    Raises ``NoJsonError``.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    text = _ESCAPE.sub(_without_half, text.removeprefix("\ufeff"))
    text = text.encode("utf-8", "replace").decode()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        try:
            return _PARSER.decode(text.strip(" \t\r\n"))
        except RecursionError:
            return _PARSER.decode(_shallow(text).strip(" \t\r\n"))
    except json.JSONDecodeError as exc:
        msg = f"{exc.msg} at character {exc.pos}"
        raise NoJsonError(msg) from None


def _shallow(text: str) -> str:
    """The text with null for every list and object that lies deeper than ``DEEPEST``."""
    kept: list[str] = []
    depth = 0
    for found in _PART.finditer(text):
        part = found[0]
        if part in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                kept.append("null")
        if depth <= DEEPEST:
            kept.append(part)
        if part in "]}":
            depth -= 1
    return "".join(kept)


def _without_half(found: re.Match[str]) -> str:
    return "\\ufffd" if _LONE.fullmatch(found[0]) else found[0]


def _whole(digits: str) -> int | float | None:
    return int(digits) if len(digits) <= _MOST_DIGITS else _fraction(digits)


def _fraction(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


_PARSER: Final = json.JSONDecoder(
    strict=False, parse_int=_whole, parse_float=_fraction, parse_constant=lambda _name: None
)
