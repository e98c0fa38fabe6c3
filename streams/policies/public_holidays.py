"""Public holidays by country and year, as the ``holidays`` package knows them, in English."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache

import holidays

from models.policy.calendars import did_you_mean
from streams.policies.countries import MEANT

_ENGLISH = ("en_GB", "en_US")


class UnknownHolidaysError(ValueError):
    """A country or subdivision whose holidays are not known."""


def check(country: str, subdivision: str | None) -> None:
    """Raises ``UnknownHolidaysError`` with the nearest that is known; works no year out."""
    _country(country, subdivision)


@lru_cache(maxsize=512)
def of_year(country: str, subdivision: str | None, year: int) -> Mapping[dt.date, str]:
    """The names of a year's holidays, observed ones among them, in English where it is known.

    Empty for a year outside ``known_years``. Takes about a millisecond the first time.
    """
    # without a language the package asks the environment, and two workers would name one day
    # differently
    return dict(_country(country, subdivision, language=_language(country), years=year))


@lru_cache(maxsize=512)
def known_years(country: str) -> range:
    """The years whose holidays are known."""
    found = _country(country, None)
    return range(found.start_year, found.end_year + 1)


@lru_cache(maxsize=512)
def _language(country: str) -> str | None:
    found = _country(country, None)
    own = found.default_language
    if own is not None and own.startswith("en"):
        return own
    return next((each for each in _ENGLISH if each in found.supported_languages), own)


def _country(
    country: str, subdivision: str | None, *, language: str | None = None, years: int | None = None
) -> holidays.HolidayBase:
    try:
        found = holidays.country_holidays(country, language=language)
    except NotImplementedError:
        meant = f"; did you mean {MEANT[country]!r}?" if country in MEANT else ""
        msg = (
            f"no public holidays are known for {country}{meant}; use a country of ISO 3166-1, "
            "or overrides"
        )
        raise UnknownHolidaysError(msg) from None
    if subdivision is not None and subdivision not in {
        *found.subdivisions,
        *found.subdivisions_aliases,
    }:
        raise UnknownHolidaysError(_no_subdivision(country, subdivision, found))
    return holidays.country_holidays(country, subdiv=subdivision, years=years, language=language)


def _no_subdivision(country: str, subdivision: str, found: holidays.HolidayBase) -> str:
    if not found.subdivisions:
        return f"{country} is known without subdivisions; leave out subdivision {subdivision!r}"
    meant = did_you_mean(
        subdivision.removeprefix(f"{country}-"), (*found.subdivisions, *found.subdivisions_aliases)
    )
    known = ", ".join(found.subdivisions)
    return f"{country} has no subdivision {subdivision!r} with holidays{meant}; known: {known}"
