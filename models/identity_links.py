"""Word that two identities are one caller, for those who keep something under either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerLinked:
    """From now on ``alias`` is known as ``caller``: what is kept under the alias belongs to the caller.

    Stands on ``messages.events`` and ``calls.events``, keyed by the alias, so that it comes after what
    was said of the alias before. It may come again, and an event of the alias may still come after it,
    from a bridge that had not read the link yet; the word is repeated then.
    """

    type: Literal["caller.linked"] = "caller.linked"
    event_id: str
    """The same whenever this link is told again."""
    alias: str
    """Canonical JID: the key."""
    caller: str
    """Canonical JID under which the person is kept from now on."""
    at_ms: int
