"""What people set by hand, in force within a second.

List entries, blocks, and a line's night switch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from models.bounds import Millis
from models.codec import short_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """One entry of a named list (``allow``, ``deny``, ``emergency`` or one of your own)."""

    type: Literal["list.entry"] = "list.entry"
    list: str
    pattern: str
    """A canonical JID, a prefix such as ``+44*``, or a country such as ``GB``; see
    ``models.patterns``."""
    lines: tuple[str, ...] = ("*",)
    """Its scope."""
    reason: str = ""
    author: str
    added_at_ms: Millis
    expires_at_ms: Millis | None = None

    @property
    def key(self) -> str:
        """The record's key: one entry a list and pattern."""
        return f"list/{self.list}/{self.pattern}"

    @property
    def entry_id(self) -> str:
        """What decisions call the entry: no number can be read from it."""
        return short_hash(self.key.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerBlock:
    """A block by hand, or the end of every block of a caller so far (``until_ms`` 0)."""

    type: Literal["caller.block"] = "caller.block"
    caller: str
    line: str
    """``*`` for all lines."""
    until_ms: Millis
    reason: str = ""
    author: str
    at_ms: Millis

    @property
    def key(self) -> str:
        """The record's key: one state a caller and line."""
        return f"block/{self.line}/{self.caller}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSwitch:
    """The night switch of a line: beats its calendar until it ends."""

    type: Literal["line.switch"] = "line.switch"
    line: str
    """``*`` for all lines."""
    state: Literal["open", "closed", "calendar"]
    """``calendar`` takes the switch back."""
    until_ms: Millis | None = None
    reason: str = ""
    author: str
    at_ms: Millis

    @property
    def key(self) -> str:
        """The record's key: one switch a line."""
        return f"switch/{self.line}"


Override = Annotated[ListEntry | CallerBlock | LineSwitch, Field(discriminator="type")]
"""Everything that stands on ``overrides``, told apart by ``type``; a tombstone removes it."""
