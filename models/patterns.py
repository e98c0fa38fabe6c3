"""Who an entry of a list means: a JID, a number, a prefix of numbers, or a country."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from typing_extensions import override

from models.identity import Jid, without_trunk_zero

_NUMBER: Final = re.compile(r"\+?[0-9][0-9 ().-]{3,24}")
_PREFIX: Final = re.compile(r"\+?([1-9][0-9]{0,14})\*")
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
        text = text.strip()
        if _COUNTRY.fullmatch(text):
            return cls("country", text)
        prefix = _PREFIX.fullmatch(text)
        if prefix:
            return cls("prefix", prefix[1])
        if "@" in text:
            jid = Jid.parse(text)
            if jid.kind in {"phone", "lid"}:
                return cls("jid", jid.canonical)
        elif _NUMBER.fullmatch(text):
            digits = re.sub(r"\D", "", without_trunk_zero(text))
            if 5 <= len(digits) <= 15 and not digits.startswith("0"):
                return cls("jid", f"{digits}@c.us")
        msg = "write a number in E.164 (+447700900123), a JID (447700900123@c.us), "
        msg += "a prefix (+44*) or a country (GB)"
        raise ValueError(msg)

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

        ``country`` is asked only where a country is listed at all.
        """
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
