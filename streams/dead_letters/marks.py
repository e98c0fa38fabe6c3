"""Marks: records on ``calls.dlq`` which say that a letter was handled (replayed or dropped)."""

from __future__ import annotations

from typing import Final

from models import topics
from models.codec import UndecodableError, cloud_event, decode, encode
from models.dead_letters import HANDLED_HEADER, How, LetterHandled
from models.records import Record
from streams.dead_letters.letter import Letter
from streams.kafka.reader import Seen

_SOURCE: Final = "/ringfence/dlq"


def mark(letter: Letter, how: How, *, author: str, at_ms: int, note: str = "") -> Record:
    """The record that marks a letter as handled. It goes to the letter's own partition."""
    handled = LetterHandled(
        partition=letter.partition,
        offset=letter.offset,
        how=how,
        author=author,
        note=note,
        at_ms=at_ms,
    )
    place = handled.place.encode()
    headers = cloud_event(handled.type, f"{handled.place}/{at_ms}", _SOURCE, at_ms)
    return Record(
        topics.CALLS_DLQ,
        place,
        encode(handled),
        [*headers, (HANDLED_HEADER, place)],
        letter.partition,
    )


def is_mark(seen: Seen) -> bool:
    """Whether a record on ``calls.dlq`` is a mark and not a letter."""
    return seen.header(HANDLED_HEADER) is not None


def read_mark(seen: Seen) -> LetterHandled | None:
    """Read a mark; None for a letter, and for a mark that cannot be decoded."""
    if not is_mark(seen):
        return None
    try:
        found: LetterHandled = decode(LetterHandled, seen.raw)
    except UndecodableError:
        return None
    return found
