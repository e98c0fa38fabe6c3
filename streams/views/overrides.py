"""What people set by hand: list entries, blocks of callers, night switches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from models import topics
from models.codec import UndecodableError, decode
from models.numbers import all_forms, jid_forms
from models.overrides import CallerBlock, LineSwitch, ListEntry, Override
from models.patterns import CallerPattern, PatternIndex
from streams.views.list_rows import EntryCutter
from streams.views.packed_rows import PackedRows


class Overrides:
    """The latest override of each key. A look-up takes as long in a million list entries as in one.

    List entries are kept packed; objects would take thirty times the memory.
    """

    topic = topics.OVERRIDES

    def __init__(self) -> None:
        self._entries = PackedRows(EntryCutter())
        """By list and pattern."""
        self._lists: Counter[str] = Counter()
        """How many entries each list has; none without any."""
        self._blocks: dict[tuple[str, str], CallerBlock] = {}
        """By line (or ``*``) and caller; an unblock is a ``CallerBlock`` with ``until_ms`` 0."""
        self._switches: dict[str, LineSwitch] = {}
        self._wide: dict[str, PatternIndex] = {}
        """Per list, its prefixes and countries; JIDs are looked up in ``_lists`` directly."""

    def apply(self, key: bytes, value: bytes | None) -> None:
        """See ``CompactedView``."""
        name = key.decode("utf-8", "replace")
        found: Override | None = None if value is None else decode(Override, value)
        if found is not None and found.key != name:
            msg = "the value is not the one of its key"
            raise UndecodableError(msg)
        kind, _, rest = name.partition("/")
        subject, _, what = rest.partition("/")
        if kind == "list":
            self._apply_entry(subject, what, value)
        elif kind == "block":
            self._blocks.pop((subject, what), None)
        elif kind == "switch":
            self._switches.pop(subject, None)
        if isinstance(found, CallerBlock):
            self._blocks[found.line, found.caller] = found
        elif isinstance(found, LineSwitch):
            self._switches[found.line] = found

    def complete(self) -> None:
        """See ``CompactedView``."""

    def entry(
        self,
        name: str,
        line: str,
        jids: tuple[str, ...],
        country: Callable[[], str | None],
        now_ms: int,
    ) -> ListEntry | None:
        """The most specific entry of a list for this person on this line now, or None.

        Numbers are looked up in every form that WhatsApp may use (``models.numbers``).
        ``country`` is called only where the list holds countries.
        """
        if name not in self._lists:
            return None
        for pattern in self._candidates(name, jids, country):
            entry = self.find(name, pattern)
            if entry is not None and covers(entry, line, now_ms):
                return entry
        return None

    def find(self, name: str, pattern: str) -> ListEntry | None:
        """The entry of a list for exactly this canonical pattern, expired or not."""
        raw = self._entries.get(_row(name, pattern))
        return None if raw is None else decode(ListEntry, raw)

    def find_any_form(self, name: str, pattern: str) -> list[ListEntry]:
        """The entries of a list for this canonical pattern, or for its number in another form."""
        found = (self.find(name, each) for each in jid_forms(pattern))
        return [each for each in found if each is not None]

    def entries(self) -> Iterator[ListEntry]:
        """Every entry of every list, expired ones too."""
        for key in self._entries:
            raw = self._entries.get(key)
            if raw is not None:
                yield decode(ListEntry, raw)

    def block(self, jids: tuple[str, ...], line: str) -> CallerBlock | None:
        """The longest block of a person on a line that no later unblock lifted, or None.

        Looks under all of the caller's JIDs, in every form of a number, on this line and on ``*``.
        """
        lift = self.lift(jids, line)
        blocks = [
            each
            for each in self._blocks_and_unblocks(jids, line)
            if each.until_ms and (not lift or each.at_ms > lift.at_ms)
        ]
        return max(blocks, key=lambda block: block.until_ms, default=None)

    def lift(self, jids: tuple[str, ...], line: str) -> CallerBlock | None:
        """The newest unblock for any of the caller's JIDs on this line or ``*``, or None."""
        lifts = [each for each in self._blocks_and_unblocks(jids, line) if not each.until_ms]
        return max(lifts, key=lambda block: block.at_ms, default=None)

    def _blocks_and_unblocks(self, jids: tuple[str, ...], line: str) -> list[CallerBlock]:
        if not self._blocks:
            return []
        names = all_forms(jids)
        found = (self._blocks.get((each, jid)) for each in (line, "*") for jid in names)
        return [each for each in found if each is not None]

    def switch(self, line: str, now_ms: int) -> LineSwitch | None:
        """The night switch in force for a line (its own, else the one of ``*``), or None."""
        return next(iter(self.switches(line, now_ms)), None)

    def switches(self, line: str, now_ms: int) -> list[LineSwitch]:
        """The night switches that are not over, the line's own before the one of ``*``."""
        if not self._switches:
            return []
        found = (self._switches.get(key) for key in (line, "*"))
        return [
            each
            for each in found
            if each is not None
            and each.state != "calendar"
            and (each.until_ms is None or now_ms < each.until_ms)
        ]

    def _candidates(
        self, name: str, jids: tuple[str, ...], country: Callable[[], str | None]
    ) -> Iterator[str]:
        yield from all_forms(jids)
        wide = self._wide.get(name)
        if wide is not None:
            yield from map(str, wide.matches(jids, country))

    def _apply_entry(self, name: str, pattern: str, value: bytes | None) -> None:
        if "@" not in pattern:
            wide = self._wide.setdefault(name, PatternIndex())
            (wide.remove if value is None else wide.add)(CallerPattern.parse(pattern))
        before = len(self._entries)
        if value is not None:
            self._entries.set(_row(name, pattern), value)
        else:
            self._entries.pop(_row(name, pattern))
        self._lists[name] += len(self._entries) - before
        if not self._lists[name]:
            del self._lists[name]


def _row(name: str, pattern: str) -> bytes:
    """The key of an entry's row: a list's name has no slash in it."""
    return f"{name}/{pattern}".encode()


def covers(entry: ListEntry, line: str, now_ms: int) -> bool:
    """Whether an entry holds for a line now."""
    if entry.expires_at_ms is not None and now_ms >= entry.expires_at_ms:
        return False
    return line in entry.lines or "*" in entry.lines
