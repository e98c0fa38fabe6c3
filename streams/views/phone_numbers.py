"""What follows from a phone number alone: its country, and its time zone where that is unique."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import phonenumbers
from phonenumbers import timezone


@lru_cache(maxsize=65_536)
def country_of(jid: str) -> str | None:
    """ISO 3166-1 alpha-2 of a canonical phone JID; None for a LID and for a number of no country.

    An unassigned number counts to the main country of its calling code (+1: US, +44: GB).
    """
    number = _number(jid)
    if number is None:
        return None
    found = phonenumbers.region_code_for_number(number)
    if found is None and number.country_code is not None:
        found = phonenumbers.region_code_for_country_code(number.country_code)
    return found if found is not None and found.isalpha() and found != "ZZ" else None


def country_of_any(jids: Iterable[str]) -> str | None:
    """The country of the first of a person's JIDs that has one."""
    return next((found for found in map(country_of, jids) if found is not None), None)


@lru_cache(maxsize=65_536)
def zone_of(jid: str) -> str | None:
    """The IANA zone of a canonical phone JID.

    None for a LID, and where the number may be in several zones.
    """
    number = _number(jid)
    zones = timezone.time_zones_for_number(number) if number is not None else ()
    return zones[0] if len(zones) == 1 and zones[0] != "Etc/Unknown" else None


def _number(jid: str) -> phonenumbers.PhoneNumber | None:
    user, _, server = jid.partition("@")
    if server != "c.us":
        return None
    try:
        return phonenumbers.parse(f"+{user}")
    except phonenumbers.NumberParseException:
        return None
