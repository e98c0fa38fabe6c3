"""Messages between workers about two identities that turned out to be one caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.bounds import Count, Millis
from models.decisions import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerLinked:
    """From now on ``alias`` counts as ``caller``: state kept under the alias belongs to the caller.

    Written to ``messages.events`` and ``calls.events``, keyed by the alias, so that it comes after
    earlier events of the alias. It may be repeated. A bridge that has not read the link yet may
    still write an event of the alias behind it; then the link is written once more.
    """

    type: Literal["caller.linked"] = "caller.linked"
    event_id: str
    """The same in each repeat of this link."""
    alias: str
    """Canonical JID: the key."""
    caller: str
    """Canonical JID under which the person is kept from now on."""
    at_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryJoined:
    """The conversations of an alias, sent to the worker that keeps the caller's.

    On ``messages.events``.
    """

    type: Literal["history.joined"] = "history.joined"
    event_id: str
    alias: str
    caller: str
    """Canonical JID: the key."""
    lines: dict[str, tuple[Millis, Millis]]
    """Per line, when the alias last wrote and was last written to; 0 for never."""
    at_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedCall:
    """One recent call that came under the alias."""

    line: str
    call_id: str
    generation: Millis = 0
    """See ``models.decisions.decision_id``."""
    offered_at_ms: Millis
    decided_at_ms: Millis
    verdict: Verdict | None
    group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedBlock:
    """One temporary block that began under the alias."""

    line: str
    begun_ms: Millis
    until_ms: Millis
    strikes: Count
    keep_until_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsJoined:
    """The calls and blocks of an alias, sent to the worker that keeps the caller's.

    On ``calls.events``.
    """

    type: Literal["calls.joined"] = "calls.joined"
    event_id: str
    alias: str
    caller: str
    """Canonical JID: the key."""
    calls: tuple[JoinedCall, ...]
    blocks: tuple[JoinedBlock, ...]
    at_ms: Millis
