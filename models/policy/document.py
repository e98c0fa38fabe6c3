"""The policy of a line as data: rules in order, a default, and the replies they name.

The same document is written by people as YAML, stands on the ``policies`` topic, and is compiled by
every worker. Durations may be written ``60s``, ``15m``, ``12h``, ``365d``; they are kept as integer
milliseconds.
"""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass as checked

from models.commands import TEXT_WINDOW_MS
from models.policy.calendars import Calendar
from models.policy.replies import Reply
from models.policy.rules import AnyRule, replies_of
from models.policy.values import DAY_MS, STRICT, Duration, Name

Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=500)]


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class TextGuard:
    """What holds texts back."""

    cooldown: Annotated[Duration, Field(ge=TEXT_WINDOW_MS)] = DAY_MS
    """One text to one caller of one line in this time, whatever its reason. No shorter than a text
    may wait, or a redelivered text could find that a newer one has taken its place."""
    strangers_per_day: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 100
    """Texts of one line to strangers in 24 hours; whoever is rejected beyond it is told nothing.
    Accounts that wrote first to 15 to 20 strangers a day were restricted (Baileys#1983); here the
    caller called first."""
    stop_after_463: Annotated[Duration, Field(ge=60_000)] = DAY_MS
    """WhatsApp's error 463 means that the account may not open new chats: no text to strangers for
    so long."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Links:
    """What texts may point to."""

    upgrade: Url | None = None
    callback: Url | None = None


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class PolicyCase:
    """One example that the policy must decide as written; ``ringfence policy check`` runs it."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    given: dict[str, Any]
    """What is known: see ``ringfence policy check --help`` and the README for the words."""
    verdict: Literal["ring", "reject", "queue"]
    rule: Name | None = None
    """The rule that must decide, where that matters."""
    reply: Name | None = None


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Policy:
    """The rules of one line, or of every line that has none of its own (``*``)."""

    line: Annotated[str, StringConstraints(pattern=r"^(\*|[a-z0-9][a-z0-9_-]{0,62})$")]
    rules: tuple[AnyRule, ...] = ()
    default: Literal["ring"] = "ring"
    on_error: Literal["ring", "reject"] = "ring"
    """What becomes of a call for which a rule failed."""
    texts: TextGuard = field(default_factory=TextGuard)
    links: Links = field(default_factory=Links)
    replies: dict[Name, Reply] = field(default_factory=dict)
    calendars: tuple[Calendar, ...] = ()
    """Calendars of this policy alone; those that several policies share are documents of their
    own."""
    cases: tuple[PolicyCase, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.id in seen:
                msg = f"two rules have the id {rule.id!r}; ids must differ, for decisions name them"
                raise ValueError(msg)
            seen.add(rule.id)
            for reply in replies_of(rule):
                if reply not in self.replies:
                    known = ", ".join(sorted(self.replies)) or "none"
                    msg = (
                        f"rule {rule.id!r} names the reply {reply!r}, which is not under replies "
                        f"(there: {known})"
                    )
                    raise ValueError(msg)
        names = [each.calendar for each in self.calendars]
        for name in names:
            if names.count(name) > 1:
                msg = f"two calendars are called {name!r}"
                raise ValueError(msg)
        return self


def read_policy(document: Any) -> Policy:
    """Check one parsed document.

    Raises pydantic's ``ValidationError`` with the place of each fault.
    """
    return _POLICY.validate_python(document)


def read_calendar(document: Any) -> Calendar:
    """Check one parsed calendar of its own; raises as ``read_policy``."""
    return _CALENDAR.validate_python(document)


_POLICY: TypeAdapter[Policy] = TypeAdapter(Policy)
_CALENDAR: TypeAdapter[Calendar] = TypeAdapter(Calendar)
