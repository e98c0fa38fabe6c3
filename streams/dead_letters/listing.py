"""Dead letters for the console: a table, and one letter with headers and value.

Phone numbers are masked, and control characters escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Final

from models.dead_letters import HANDLED_HEADER
from models.identity import mask
from streams.common.printable import printable
from streams.common.table import table as columns
from streams.common.wording import count, moment
from streams.dead_letters.letter import Letter
from streams.kafka.reader import Seen

_SHOWN: Final = 4_000
"""Characters of a value that are shown without ``--raw``."""

_NUMBER: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9]{7,20}(?![0-9A-Za-z])(?P<server>@(?:c\.us|s\.whatsapp\.net|lid))?"
)
_TIME: Final = re.compile(r"(?:1[6-9]|2[0-9])[0-9]{8}(?:[0-9]{3})?")
"""A time in seconds or milliseconds from 2020 on: no international phone number looks like it."""
_BEFORE_A_TIME: Final = re.compile(r"(?:^|[:\[,] ?)\Z")
_AFTER_A_TIME: Final = re.compile(r" ?(?:\Z|[,}\]])")
"""A time stands alone or as a number in JSON; digits in quotes or before ``@`` are masked."""


def table(letters: Iterable[Letter], zone: tzinfo | None = None) -> Iterator[str]:
    """One line per letter: place, time, reason, origin, and the error or how it was handled."""
    rows = [
        (
            letter.place,
            moment(letter.at_ms, zone)[:19],
            letter.reason,
            letter.came_from,
            printable(ending(letter) or letter.message),
        )
        for letter in letters
    ]
    if not rows:
        return
    yield from columns([("place", "written", "reason", "came from", "what it says"), *rows])


def whole(letter: Letter, seen: Seen, *, raw: bool, zone: tzinfo | None = None) -> Iterator[str]:
    """One letter in full: the error, every header, and the value as text."""
    yield f"letter {letter.place}, written {moment(letter.at_ms, zone)} by {letter.source}"
    yield f"reason     {letter.reason}: {printable(letter.message)}"
    yield f"came from  {letter.came_from}"
    if letter.replays:
        yield f"replayed   {count(letter.replays, 'time')}, and died again"
    if letter.handled is not None:
        yield f"done       {ending(letter)}, {moment(letter.handled.at_ms, zone)}"
    yield f"key        {_text(letter.key, raw=raw) or '(none)'}"
    for name, value in seen.headers:
        if name != HANDLED_HEADER:
            yield f"header     {printable(name)}: {_text(value or b'', raw=raw)}"
    cut = ", of which only a part was kept" if letter.cut else ""
    yield f"value      {count(letter.size, 'byte')}{cut}"
    text = _text(seen.raw, raw=raw)
    yield text if raw else text[:_SHOWN]
    if not raw and len(text) > _SHOWN:
        yield f"({len(text) - _SHOWN} characters more; --raw shows them, and numbers in full)"


def ending(letter: Letter) -> str | None:
    """How the letter was handled and by whom; None where it is open."""
    done = letter.handled
    if done is None:
        return None
    return f"{done.how} by {done.author}" + (f": {done.note}" if done.note else "")


def masked(text: str) -> str:
    """The text with phone numbers and LIDs masked; times, call ids and short numbers stay."""
    return _NUMBER.sub(_hide, text)


def _text(value: bytes, *, raw: bool) -> str:
    text = printable(value.decode("utf-8", "backslashreplace"))
    return text if raw else masked(text)


def _hide(found: re.Match[str]) -> str:
    server = found["server"] or ""
    digits = found[0].removesuffix(server)
    if (
        _TIME.fullmatch(found[0])
        and _BEFORE_A_TIME.search(found.string[max(found.start() - 2, 0) : found.start()])
        and _AFTER_A_TIME.match(found.string, found.end())
    ):
        return digits
    return mask(found[0] if server else f"{digits}@c.us") + server
