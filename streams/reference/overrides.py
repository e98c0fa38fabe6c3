"""What people set by hand: list entries, blocks, night switches."""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import override

from models import topics
from models.overrides import CallerBlock, LineSwitch, ListEntry, Override
from models.patterns import Pattern, PatternIndex
from streams.reference.view import Latest


class Overrides(Latest[Override]):
    """The latest of each; a million list entries cost a look-up no more than one."""

    def __init__(self) -> None:
        super().__init__(topics.OVERRIDES)
        self._lists: dict[str, PatternIndex] = {}

    def entry(
        self, name: str, line: str, jids: tuple[str, ...], country: Callable[[], str | None], now_ms: int
    ) -> ListEntry | None:
        """The most exact entry of a list that means this person on this line now, or None."""
        index = self._lists.get(name)
        if index is None:
            return None
        for pattern in index.matches(jids, country):
            entry = self.get(f"list/{name}/{pattern}")
            if (
                isinstance(entry, ListEntry)
                and (line in entry.lines or "*" in entry.lines)
                and (entry.expires_at_ms is None or now_ms < entry.expires_at_ms)
            ):
                return entry
        return None

    def block(self, jids: tuple[str, ...], line: str) -> CallerBlock | None:
        """The newest block by hand of a person on a line, which may be the end of all blocks, or None."""
        keys = (f"block/{each}/{jid}" for each in (line, "*") for jid in jids)
        found = [block for block in map(self.get, keys) if isinstance(block, CallerBlock)]
        return max(found, key=lambda block: block.at_ms, default=None)

    def switch(self, line: str, now_ms: int) -> LineSwitch | None:
        """The night switch in force for a line, its own before the common one, or None."""
        for key in (line, "*"):
            found = self.get(f"switch/{key}")
            if (
                isinstance(found, LineSwitch)
                and found.state != "calendar"
                and (found.until_ms is None or now_ms < found.until_ms)
            ):
                return found
        return None

    @override
    def _changed(self, before: Override | None, after: Override | None) -> None:
        if isinstance(before, ListEntry):
            self._lists[before.list].remove(Pattern.parse(before.pattern))
        if isinstance(after, ListEntry):
            self._lists.setdefault(after.list, PatternIndex()).add(Pattern.parse(after.pattern))
