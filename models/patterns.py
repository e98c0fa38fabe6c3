"""Who an entry of a list means: a JID, a number, a prefix of numbers, or a country."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from typing_extensions import override

from models.numbers import all_forms, read_number, read_person, unclutter

_COUNTRY: Final = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class CallerPattern:
    """One parsed pattern. ``str()`` is its canonical form, the same for every way to write it."""

    kind: Literal["jid", "prefix", "country"]
    value: str
    """The canonical JID, the digits of the prefix, or the country."""

    @classmethod
    def parse(cls, text: str) -> CallerPattern:
        """Read what people write; raises ``ValueError`` with the forms allowed."""
        try:
            country = _COUNTRY.fullmatch(unclutter(text))
            if country is not None:
                return cls("country", country[0])
            if "@" not in text:
                number = read_number(text)
                if number.prefix:
                    return cls("prefix", number.digits)
            return cls("jid", read_person(text))
        except ValueError:
            pass
        msg = "write a number in E.164 (+447700900123), a JID (447700900123@c.us), "
        msg += "a prefix (+44*) or a country (GB)"
        raise ValueError(msg) from None

    @override
    def __str__(self) -> str:
        """The canonical form."""
        return f"+{self.value}*" if self.kind == "prefix" else self.value


class PatternIndex:
    """Many patterns, asked by caller; what is looked up does not grow with their number."""

    def __init__(self) -> None:
        self._jids: set[str] = set()
        self._countries: set[str] = set()
        self._prefixes: set[str] = set()
        self._lengths: Counter[int] = Counter()
        """How many prefixes have so many digits."""
        self._longest_first: tuple[int, ...] = ()
        """The lengths that there are."""

    def __len__(self) -> int:
        """How many patterns it holds."""
        return len(self._jids) + len(self._countries) + len(self._prefixes)

    def add(self, pattern: CallerPattern) -> None:
        """Take a pattern in; may be repeated."""
        if pattern.kind == "prefix" and pattern.value not in self._prefixes:
            self._count(len(pattern.value), 1)
        self._set(pattern).add(pattern.value)

    def remove(self, pattern: CallerPattern) -> None:
        """Take a pattern out; may be repeated."""
        if pattern.value not in self._set(pattern):
            return
        self._set(pattern).remove(pattern.value)
        if pattern.kind == "prefix":
            self._count(len(pattern.value), -1)

    def matches(
        self, jids: tuple[str, ...], country: Callable[[], str | None]
    ) -> list[CallerPattern]:
        """The patterns that mean a person known by these canonical JIDs, the most exact first.

        A number is looked up in all its forms, for a prefix too: ``+55119*`` means the mobiles of
        Sao Paulo, also those that WhatsApp names without the 9. Where a form says nothing of the
        kind of number (Mexico's 1, Argentina's 9), such a prefix means landlines as well.
        ``country`` is asked only where a country is listed at all.
        """
        jids = all_forms(jids)
        found = (
            [CallerPattern("jid", jid) for jid in jids if jid in self._jids] if self._jids else []
        )
        for jid in jids if self._longest_first else ():
            digits, _, server = jid.partition("@")
            if server == "c.us":
                prefixes = (digits[:length] for length in self._longest_first)
                found += [
                    CallerPattern("prefix", prefix)
                    for prefix in prefixes
                    if prefix in self._prefixes
                ]
        if self._countries:
            where = country()
            if where in self._countries:
                found.append(CallerPattern("country", where))
        return found

    def _count(self, length: int, change: int) -> None:
        self._lengths[length] += change
        self._longest_first = tuple(sorted(+self._lengths, reverse=True))

    def _set(self, pattern: CallerPattern) -> set[str]:
        return {"jid": self._jids, "prefix": self._prefixes, "country": self._countries}[
            pattern.kind
        ]
