"""A contact record out of what a CRM says, with faults that name the field and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

from pydantic import TypeAdapter, ValidationError

from models.contacts import Contact
from models.numbers import read_person
from models.policy import Locale, Name

FIELDS: Final = ("name", "tier", "time_zone", "locale", "aliases")
"""What a record may say of a caller, besides who it is."""

NAME_LENGTH: Final = 200
ALIASES: Final = 16

_TIER: Final[TypeAdapter[str]] = TypeAdapter(Name)
_LOCALE: Final[TypeAdapter[str]] = TypeAdapter(Locale)
_ZONES: Final = available_timezones()


class ContactError(ValueError):
    """A field of a record cannot be used.

    ``str()`` says why and how to fix it, and quotes nothing.
    """

    def __init__(self, *, field: str, hint: str) -> None:
        super().__init__(f"{field}: {hint}")
        self.field = field
        self.hint = hint


def read_contact(who: str, said: Mapping[str, object], source: str, at_ms: int) -> Contact:
    """The record of ``who`` (a JID or a number); raises ``ContactError``.

    None and "" say nothing.
    """
    for field in said:
        if field not in FIELDS:
            raise ContactError(
                field=str(field)[:40],
                hint=f"is not a field of a contact; there are {', '.join(FIELDS)}",
            )
    jid = read_jid(who, "jid")
    aliases = said.get("aliases") or ()
    if not isinstance(aliases, list | tuple) or len(aliases) > ALIASES:
        raise ContactError(
            field="aliases", hint=f"must be a list of JIDs or numbers, {ALIASES} at most"
        )
    found = dict.fromkeys(read_jid(each, "aliases") for each in aliases)
    found.pop(jid, None)
    return Contact(
        contact=jid,
        name=_text(said, "name", NAME_LENGTH),
        tier=_tier(_text(said, "tier", 63)),
        time_zone=_zone(_text(said, "time_zone", 63)),
        locale=_locale(_text(said, "locale", 35)),
        aliases=tuple(found),
        source=source,
        at_ms=at_ms,
    )


def read_jid(value: object, field: str) -> str:
    """The canonical JID of a person, out of a JID or an international number.

    Raises ``ContactError``.
    """
    if not isinstance(value, str) or not value.strip():
        raise ContactError(
            field=field,
            hint="must be a JID such as 447700900123@c.us, or a number such as +44 7700 900123",
        )
    try:
        return read_person(value)
    except ValueError:
        pass
    if "@" in value:
        hint = (
            "is no JID of a person; write it like 447700900123@c.us or 900000000000143@lid,"
            " and no group"
        )
    else:
        hint = (
            "is no international number: write it with its country's code,"
            " such as +44 7700 900123; a LID ends in @lid"
        )
    raise ContactError(field=field, hint=hint)


def _text(said: Mapping[str, object], field: str, longest: int) -> str | None:
    value = said.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ContactError(field=field, hint="must be a text")
    text = value.strip()
    if len(text) > longest:
        raise ContactError(field=field, hint=f"is longer than {longest} characters")
    if not text.isprintable():
        raise ContactError(
            field=field, hint="holds control characters, such as a line break; take them out"
        )
    return text or None


# the same few come again and again, in a file of a million rows too
@lru_cache(maxsize=1024)
def _tier(value: str | None) -> str | None:
    try:
        return None if value is None else _TIER.validate_python(value)
    except ValidationError:
        hint = "must be written as policies name it: small letters, digits, - and _, such as gold"
        raise ContactError(field="tier", hint=hint) from None


@lru_cache(maxsize=1024)
def _locale(value: str | None) -> str | None:
    try:
        return None if value is None else _LOCALE.validate_python(value)
    except ValidationError:
        raise ContactError(
            field="locale",
            hint="must be a language, with a country if need be, such as en or pt-BR",
        ) from None


def _zone(value: str | None) -> str | None:
    if value is not None and value not in _ZONES:
        raise ContactError(
            field="time_zone", hint="is no IANA time zone; write it like Europe/London"
        )
    return value
