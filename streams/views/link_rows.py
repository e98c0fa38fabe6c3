"""Identity links, maybe a million of them, by alias and by caller: kept packed, read when asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson

from models.contacts import IdentityLink
from streams.views.packed_rows import PackedRows, Parts

_CALLER: Final = b'","'


class LinkRows:
    """Every link of each alias, and of each caller the aliases that are said to be this caller."""

    def __init__(self) -> None:
        self._said = PackedRows(_LinkCutter())
        """By alias: a list of source, caller and time of each of its links, as JSON."""
        self._named = PackedRows(_NameCutter())
        """By caller: a list of aliases, as JSON."""

    def said(self, alias: str) -> tuple[IdentityLink, ...]:
        """Every link of an alias, in the order in which they were said."""
        row = self._said.get(alias.encode())
        if row is None:
            return ()
        return tuple(
            IdentityLink(alias=alias, caller=caller, source=source, at_ms=at_ms)
            for source, caller, at_ms in orjson.loads(row)
        )

    def named(self, caller: str) -> tuple[str, ...]:
        """The aliases of which a link says that they are this caller."""
        row = self._named.get(caller.encode())
        return () if row is None else tuple(orjson.loads(row))

    def replace(
        self, alias: str, before: tuple[IdentityLink, ...], links: tuple[IdentityLink, ...]
    ) -> None:
        """Keep these links of an alias in place of those ``before``, which ``said`` returned."""
        key = alias.encode()
        if links:
            rows = [(each.source, each.caller, each.at_ms) for each in links]
            self._said.set(key, orjson.dumps(rows))
        else:
            self._said.pop(key)
        was = [each.caller for each in before]
        now = [each.caller for each in links]
        for caller in was:
            if caller not in now:
                self._name(caller, [each for each in self.named(caller) if each != alias])
        for caller in now:
            if caller not in was:
                named = self.named(caller)
                if alias not in named:
                    self._name(caller, [*named, alias])

    def aliases(self) -> Iterator[str]:
        """Every alias that has a link; nothing may be changed meanwhile."""
        return (key.decode() for key in self._said)

    def _name(self, caller: str, aliases: list[str]) -> None:
        if aliases:
            self._named.set(caller.encode(), orjson.dumps(aliases))
        else:
            self._named.pop(caller.encode())


class _LinkCutter:
    """The source of the first link is shared; callers and times are an alias' own."""

    def cut(self, _key: bytes, value: bytes) -> tuple[Parts, Parts] | None:
        source, found, rest = value.partition(_CALLER)
        return ((rest,), (source,)) if found else None

    def join(self, _key: bytes, own: Parts, shared: Parts) -> bytes:
        return shared[0] + _CALLER + own[0]


class _NameCutter:
    """Nothing is shared."""

    def cut(self, _key: bytes, _value: bytes) -> tuple[Parts, Parts] | None:
        return None

    def join(self, _key: bytes, own: Parts, _shared: Parts) -> bytes:
        return own[0]
