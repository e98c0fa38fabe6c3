"""The policy of a line as data: rules in order, a default, and the replies they name.

The same document is written by people as YAML and is read by every worker. Durations may be
written ``60s``, ``15m``, ``12h``, ``365d``; they are kept as integer milliseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    model_validator,
)
from pydantic.dataclasses import dataclass as checked

from models.codec import encode, short_hash
from models.commands import TEXT_WINDOW_MS

ANY_LINE: Final = "*"
MAX_TEXT: Final = 4096
"""Characters in one WhatsApp text (Wawp enforces it; WhatsApp's own limit is no lower)."""

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*(ms|s|m|h|d)\s*")


def parse_duration(value: object) -> object:
    """``"60s"`` to 60000; an int is milliseconds already. Raises ``ValueError`` with the forms allowed."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if not match:
            msg = "a duration is a number with a unit, such as 60s, 15m, 12h or 365d"
            raise ValueError(msg)
        return round(float(match[1]) * _UNITS[match[2]])
    return value


Duration = Annotated[int, BeforeValidator(parse_duration), Field(gt=0, le=3660 * 86_400_000)]
"""Milliseconds, written by people as ``60s``; more than zero, ten years at most."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""A name people give to a rule or a reply."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, strip_whitespace=True)]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Mode = Literal["enforce", "shadow"]

_STRICT = ConfigDict(extra="forbid")


@checked(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Burst:
    """Reject the Nth call of one caller to one line within a sliding window.

    A caller who has a two-way conversation with the line is exempt.
    """

    type: Literal["burst"] = "burst"
    id: Name
    mode: Mode = "enforce"
    calls: Annotated[int, Field(ge=2, le=100)] = 3
    within: Annotated[Duration, Field(ge=1000, le=86_400_000)] = 60_000
    reply: Name | None = None


@checked(frozen=True, slots=True, kw_only=True, config=_STRICT)
class TextFirst:
    """Reject callers who have not written to the line within a period."""

    type: Literal["text_first"] = "text_first"
    id: Name
    mode: Mode = "enforce"
    within: Annotated[Duration, Field(ge=1000)] = 365 * 86_400_000
    reply: Name | None = None


Rule = Annotated[Burst | TextFirst, Field(discriminator="type")]


@checked(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Texts:
    """The guard on texts."""

    cooldown: Annotated[Duration, Field(ge=TEXT_WINDOW_MS)] = 86_400_000
    """One text to one caller of one line in this time, whatever its reason. No shorter than a text may wait, or a
    redelivered text could find that a newer one has taken its place."""


@checked(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Policy:
    """The rules of one line, or of every line that has none of its own (``*``)."""

    line: Annotated[str, StringConstraints(pattern=r"^(\*|[a-z0-9][a-z0-9_-]{0,62})$")]
    rules: tuple[Rule, ...] = ()
    default: Literal["ring"] = "ring"
    on_error: Literal["ring"] = "ring"
    texts: Texts = field(default_factory=Texts)
    replies: dict[Name, dict[Locale, Text]] = field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.id in seen:
                msg = f"two rules have the id {rule.id!r}; ids must differ, for decisions name them"
                raise ValueError(msg)
            seen.add(rule.id)
            if rule.reply is not None and rule.reply not in self.replies:
                known = ", ".join(sorted(self.replies)) or "none"
                msg = f"rule {rule.id!r} names the reply {rule.reply!r}, which is not under replies (there: {known})"
                raise ValueError(msg)
        for name, texts in self.replies.items():
            if not texts:
                msg = f"reply {name!r} has no text in any locale"
                raise ValueError(msg)
        return self

    def text(self, reply: str, locale: str) -> str | None:
        """The reply's text for a locale: the locale, its language, ``en``, else the first written; or None."""
        texts = self.replies.get(reply)
        if not texts:
            return None
        for wanted in (locale, locale.partition("-")[0], "en"):
            if wanted in texts:
                return texts[wanted]
        return next(iter(texts.values()))


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """A policy with the revision that decisions quote: a hash of its content."""

    policy: Policy
    revision: str

    @classmethod
    def of(cls, policy: Policy) -> PolicyInForce:
        """Stamp a policy with its revision; equal policies have equal revisions."""
        return cls(policy, short_hash(encode(policy)))


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """All policies a worker knows; never changed in place, only replaced as a whole."""

    by_line: dict[str, PolicyInForce]

    def for_line(self, line: str) -> PolicyInForce:
        """The line's own policy, else the common one, else one that lets every call ring."""
        return self.by_line.get(line) or self.by_line.get(ANY_LINE) or _RING_ALL


def read_policy(document: Any) -> Policy:
    """Check one parsed document; raises pydantic's ``ValidationError`` with the place of each fault."""
    return TypeAdapter(Policy).validate_python(document)


_RING_ALL = PolicyInForce(Policy(line=ANY_LINE), "none")
