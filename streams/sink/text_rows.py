"""The rows of the table ``texts``: claims and the states of lines, each under its kind of key."""

from __future__ import annotations

from typing import Final, TypeAlias

from streams.kafka.tolerant_table import RowForm
from streams.sink import claims, text_limits
from streams.sink.claims import Claim
from streams.sink.text_limits import LineState

TextRow: TypeAlias = Claim | LineState


def load(key: bytes, raw: bytes) -> TextRow:
    """The row under a key; raises ``UndecodableError`` for one that cannot be read."""
    return text_limits.load(raw) if text_limits.is_line_key(key) else claims.load(raw)


def dump(row: TextRow) -> bytes:
    """The inverse of ``load``."""
    return text_limits.dump(row) if isinstance(row, LineState) else claims.dump(row)


def instead(key: bytes, since_ms: int) -> TextRow | None:
    """What stands for a row that cannot be read, known as such since then.

    For a claim: that its caller may have been told something just then. It says no more than the
    row does, and keeps the sink from a second text until a cool-down is over.
    """
    if text_limits.is_line_key(key):
        return None
    return Claim(command_id="", claimed_at_ms=since_ms)


FORM: Final = RowForm(load, dump)
