"""What people set by hand: list entries, blocks, night switches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models import topics
from models.codec import UndecodableError, decode
from models.overrides import CallerBlock, LineSwitch, ListEntry, Override
from models.patterns import Pattern, PatternIndex


class Overrides:
    """The latest of each; a million list entries cost a look-up no more than one.

    Entries of lists are kept as the bytes that were read: an object for each would take four times the memory.
    """

    topic = topics.OVERRIDES

    def __init__(self) -> None:
        self._entries: dict[str, bytes] = {}
        self._others: dict[str, CallerBlock | LineSwitch] = {}
        self._wide: dict[str, PatternIndex] = {}
        """Per list, the prefixes and countries; a JID is found by its key."""

    def take(self, key: bytes, value: bytes | None) -> None:
        """See ``View``."""
        name = key.decode("utf-8", "replace")
        found: Override | None = None if value is None else decode(Override, value)
        if found is not None and found.key != name:
            msg = "the value is not the one of its key"
            raise UndecodableError(msg)
        if name.startswith("list/"):
            self._take_entry(name, value)
        elif isinstance(found, CallerBlock | LineSwitch):
            self._others[name] = found
        else:
            self._others.pop(name, None)

    def complete(self) -> None:
        """See ``View``."""

    def entry(
        self, name: str, line: str, jids: tuple[str, ...], country: Callable[[], str | None], now_ms: int
    ) -> ListEntry | None:
        """The most exact entry of a list that means this person on this line now, or None."""
        for pattern in self._candidates(name, jids, country):
            entry = self.find(name, pattern)
            if entry is not None and covers(entry, line, now_ms):
                return entry
        return None

    def find(self, name: str, pattern: str) -> ListEntry | None:
        """The entry of a list for exactly this canonical pattern, whether it has expired or not."""
        raw = self._entries.get(f"list/{name}/{pattern}")
        return None if raw is None else decode(ListEntry, raw)

    def entries(self) -> Iterator[ListEntry]:
        """Every entry of every list, expired ones too."""
        for raw in self._entries.values():
            yield decode(ListEntry, raw)

    def blocks(self) -> list[CallerBlock]:
        """Every block by hand, and every end of one."""
        return [each for each in self._others.values() if isinstance(each, CallerBlock)]

    def block(self, jids: tuple[str, ...], line: str) -> CallerBlock | None:
        """The newest block by hand of a person on a line, which may be the end of all blocks, or None."""
        if not self._others:
            return None
        keys = (f"block/{each}/{jid}" for each in (line, "*") for jid in jids)
        found = [block for block in map(self._others.get, keys) if isinstance(block, CallerBlock)]
        return max(found, key=lambda block: block.at_ms, default=None)

    def switch(self, line: str, now_ms: int) -> LineSwitch | None:
        """The night switch in force for a line, its own before the common one, or None."""
        for key in (line, "*"):
            found = self._others.get(f"switch/{key}")
            if (
                isinstance(found, LineSwitch)
                and found.state != "calendar"
                and (found.until_ms is None or now_ms < found.until_ms)
            ):
                return found
        return None

    def _candidates(self, name: str, jids: tuple[str, ...], country: Callable[[], str | None]) -> Iterator[str]:
        yield from jids
        wide = self._wide.get(name)
        if wide is not None:
            yield from map(str, wide.matches(jids, country))

    def _take_entry(self, name: str, value: bytes | None) -> None:
        _, listed, pattern = name.split("/", 2)
        if "@" not in pattern:
            wide = self._wide.setdefault(listed, PatternIndex())
            (wide.remove if value is None else wide.add)(Pattern.parse(pattern))
        if value is None:
            self._entries.pop(name, None)
        else:
            self._entries[name] = value


def covers(entry: ListEntry, line: str, now_ms: int) -> bool:
    """Whether an entry holds for a line now."""
    if entry.expires_at_ms is not None and now_ms >= entry.expires_at_ms:
        return False
    return line in entry.lines or "*" in entry.lines
