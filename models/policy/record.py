"""A policy or a shared calendar as it stands on the ``policies`` topic.

The document, with revision and author.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Literal

import orjson

from models.bounds import Millis
from models.codec import short_hash
from models.policy.calendars import Calendar
from models.policy.document import Policy
from models.policy.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDocument:
    """One applied document. Stands twice.

    Under its name, where the next one replaces it, and as history.
    """

    type: Literal["policy.document"] = "policy.document"
    kind: Literal["policy", "calendar"]
    name: str
    """The policy's line (or ``*``), or the calendar's name."""
    revision: str
    """A hash of the document: equal documents have equal revisions."""
    author: str
    note: str = ""
    applied_at_ms: Millis
    replaces: str | None = None
    """The revision that was in force before."""
    document: dict[str, Any]
    """As it was written, after YAML."""
    removed: bool = False
    """History alone says so: nothing stands under the name any more, and ``document`` is what stood
    there."""

    @property
    def key(self) -> str:
        """The key of what is in force: the line, or ``calendar/<name>``."""
        return self.name if self.kind == "policy" else f"calendar/{self.name}"

    @property
    def history_key(self) -> str:
        """The key under which this application stays readable when the next one has replaced it."""
        return f"{self.key}@{self.applied_at_ms}"


def revision_of(document: Policy | Calendar) -> str:
    """The revision of a checked document.

    Twelve digits that hang on its content alone, not on how it was written. A key that came to
    rules later counts only where it is used: a new version gives a document its old revision.
    """
    return short_hash(
        orjson.dumps(document, option=orjson.OPT_PASSTHROUGH_DATACLASS, default=_hashed)
    )


_LATER: Final[dict[str, Any]] = {"holdout": 0.0, "salt": ""}
"""Keys that rules have had from a later version on, and what they are where they are not used."""


def _hashed(part: Any) -> dict[str, Any]:
    later = _LATER if isinstance(part, Rule) else {}
    values = {each.name: getattr(part, each.name) for each in fields(part)}
    return {
        name: value for name, value in values.items() if name not in later or value != later[name]
    }
