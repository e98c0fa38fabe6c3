"""Which countries have telephone numbers: a mistyped one is refused, not silently nobody's."""

from __future__ import annotations

from typing import Final

import phonenumbers

from models.patterns import CallerPattern

MEANT: Final = {"UK": "GB", "EN": "GB", "EL": "GR", "SP": "ES", "SU": "RU"}
"""Codes that people write for countries that have another."""


def check_country(code: str) -> None:
    """Raises ``ValueError`` with a hint for no country of ISO 3166-1 with its own numbers."""
    if code in phonenumbers.SUPPORTED_REGIONS:
        return
    meant = f" (did you mean {MEANT[code]}?)" if code in MEANT else ""
    msg = (
        f"no country with telephone numbers has the code {code}{meant}; use ISO 3166-1, such as GB"
    )
    raise ValueError(msg)


def read_pattern(text: str) -> CallerPattern:
    """As ``CallerPattern.parse``, and a country must be one.

    Raises ``ValueError`` with a hint.
    """
    pattern = CallerPattern.parse(text)
    if pattern.kind == "country":
        check_country(pattern.value)
    return pattern
