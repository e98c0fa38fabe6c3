"""All episodes of all callers, and who is whom: applies the facts in their order. Does no IO."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Final, Protocol

from models.attrition import AttritionEvent, AttritionOpened
from models.bounds import Millis
from models.policy import DAY_MS
from streams.attrition.episode import (
    Episode,
    censor,
    close,
    evolve,
    joined,
    returned_event,
)
from streams.attrition.facts import (
    DecidedToReject,
    Fact,
    LineDisconnected,
    Linked,
    OfCaller,
    Order,
    RejectTook,
    Told,
)

PENDING_MS: Final = 900_000
"""A decision and what became of its reject and its text come within minutes, or never."""

OUTAGES_KEPT: Final = 64
"""Of a line, the newest."""

_NOWHERE: Final[Order] = (0, 0, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingReject:
    """A reject of which not everything is known yet."""

    decision_id: str
    line: str
    until_ms: Millis
    opening: AttritionOpened | None = None
    """From its decision."""
    took_at_ms: Millis | None = None
    """When it took effect."""
    told: bool | None = None
    not_told: str | None = None
    told_at_ms: Millis = 0
    after: Order = _NOWHERE
    """The last of the facts that are in it, of decision and effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerRow:
    """Everything that is kept of one canonical JID."""

    episodes: tuple[Episode, ...] = ()
    pending: tuple[PendingReject, ...] = ()
    counted: tuple[str, ...] = ()
    """Rejects of the last episode that is over: a repeat of theirs begins none."""
    counted_until_ms: Millis = 0
    known_as: str | None = None
    """Another canonical JID, to whose row everything about this one goes."""
    known_as_until_ms: Millis = 0

    def due_ms(self, horizons: Sequence[int]) -> int | None:
        """When something of it is over next, or None where nothing is kept."""
        times = [each.next_close_ms(horizons) or 0 for each in self.episodes]
        times += [each.until_ms for each in self.pending]
        if self.counted:
            times.append(self.counted_until_ms)
        if self.known_as is not None:
            times.append(self.known_as_until_ms)
        return min(times, default=None)


EMPTY: Final = CallerRow()


class Store(Protocol):
    """Where the rows are kept. Nothing here blocks."""

    def caller(self, jid: str) -> CallerRow:
        """The row of a canonical JID; an empty one where there is none."""

    def set_caller(self, jid: str, row: CallerRow) -> None:
        """Replace the row; an empty one is forgotten."""

    def outages(self, line: str) -> tuple[int, ...]:
        """When the line's connection was lost for long, oldest first; ms UTC."""

    def set_outages(self, line: str, outages: tuple[int, ...]) -> None:
        """Replace them."""


class MemoryStore:
    """A store for one reading of the past."""

    def __init__(self) -> None:
        self.rows: dict[str, CallerRow] = {}
        self._outages: dict[str, tuple[int, ...]] = {}

    def caller(self, jid: str) -> CallerRow:
        """See ``Store``."""
        return self.rows.get(jid, EMPTY)

    def set_caller(self, jid: str, row: CallerRow) -> None:
        """See ``Store``."""
        if row == EMPTY:
            self.rows.pop(jid, None)
        else:
            self.rows[jid] = row

    def outages(self, line: str) -> tuple[int, ...]:
        """See ``Store``."""
        return self._outages.get(line, ())

    def set_outages(self, line: str, outages: tuple[int, ...]) -> None:
        """See ``Store``."""
        self._outages[line] = outages


class Callers:
    """Applies facts, which must come in their order, and closes horizons as time passes.

    A fact that comes again, or too late, is applied all the same: what was said stays true.
    """

    def __init__(
        self, store: Store, horizons: Iterable[int], *, started_ms: int, rows: Iterable[str] = ()
    ) -> None:
        """``started_ms``: episodes that began before it are censored.

        ``rows`` are the JIDs that the store holds already.
        """
        self._store = store
        self._horizons = tuple(sorted(horizons))
        self._keep_ms = self._horizons[-1] + DAY_MS
        self._started_ms = started_ms
        self._due: list[tuple[int, str]] = []
        self._scheduled: dict[str, int] = {}
        for jid in rows:
            self._schedule(jid, store.caller(jid))

    def apply(self, fact: Fact) -> list[AttritionEvent]:
        """What is to be said after this fact, that which was due before it first."""
        said = self.advance(fact.order[0])
        if isinstance(fact, Linked):
            said += self._link(fact)
        elif isinstance(fact, LineDisconnected):
            self._disconnected(fact)
        else:
            said += self._of_caller(fact)
        return said

    def advance(self, now_ms: int) -> list[AttritionEvent]:
        """Close what is over at ``now_ms``, up to which every fact was applied."""
        said: list[AttritionEvent] = []
        while self._due and self._due[0][0] <= now_ms:
            due_ms, jid = heappop(self._due)
            if self._scheduled.get(jid) == due_ms:
                del self._scheduled[jid]
                said += self._settle(jid, due_ms)
        return said

    def _settle(self, jid: str, now_ms: int) -> list[AttritionEvent]:
        row = self._store.caller(jid)
        said: list[AttritionEvent] = []
        episodes: list[Episode] = []
        for episode in row.episodes:
            after, closed = close(self._seen(episode), self._horizons, now_ms, jid)
            said += closed
            if after.next_close_ms(self._horizons) is not None:
                episodes.append(after)
            else:
                row = replace(row, counted=after.decisions, counted_until_ms=now_ms + PENDING_MS)
        self._put(jid, _still_kept(replace(row, episodes=tuple(episodes)), now_ms))
        return said

    def _of_caller(self, fact: OfCaller) -> list[AttritionEvent]:
        jid = self._root(fact.caller)
        row = self._store.caller(jid)
        if isinstance(fact, DecidedToReject | RejectTook | Told):
            row, said = self._of_reject(jid, row, fact)
        else:
            said = []
        row, more = self._evolved(jid, row, fact)
        self._put(jid, row)
        return [*said, *more]

    def _evolved(
        self, jid: str, row: CallerRow, fact: OfCaller
    ) -> tuple[CallerRow, list[AttritionEvent]]:
        said: list[AttritionEvent] = []
        episodes: list[Episode] = []
        for episode in row.episodes:
            after = episode
            if fact.line in {episode.opened.line, "*"} and not _is_merged(episode):
                after = evolve(self._seen(episode), fact)
            episodes.append(after)
            if episode.returned is None and (event := returned_event(after, jid)) is not None:
                said.append(event)
        return replace(row, episodes=tuple(episodes)), said

    def _of_reject(
        self, jid: str, row: CallerRow, fact: DecidedToReject | RejectTook | Told
    ) -> tuple[CallerRow, list[AttritionEvent]]:
        """Put together what belongs to one reject, and open an episode where it is the first."""
        decision_id = (
            fact.opening.episode_id if isinstance(fact, DecidedToReject) else (fact.decision_id)
        )
        running = next(
            (e for e in row.episodes if e.opened.line == fact.line and not _is_merged(e)), None
        )
        counted = running.decisions if running is not None else row.counted
        if decision_id in counted:
            return row, []
        others = tuple(each for each in row.pending if each.decision_id != decision_id)
        if running is not None and isinstance(fact, RejectTook):
            return replace(row, pending=others), []  # the episode counts it
        before = next((each for each in row.pending if each.decision_id == decision_id), None)
        pending = _gathered(
            before
            or PendingReject(
                decision_id=decision_id, line=fact.line, until_ms=fact.order[0] + PENDING_MS
            ),
            fact,
        )
        if running is not None or pending.opening is None or pending.took_at_ms is None:
            return replace(row, pending=(*others, pending)), []
        episode = self._opened(jid, pending.opening, pending.took_at_ms, pending)
        row = replace(row, episodes=(*row.episodes, episode), pending=others)
        return row, [episode.opened]

    def _opened(
        self, jid: str, opening: AttritionOpened, took_at_ms: int, pending: PendingReject
    ) -> Episode:
        episode = Episode(
            opened=replace(opening, caller=jid, at_ms=took_at_ms),
            after=pending.after,
            decisions=(pending.decision_id,),
            last_reject_ms=took_at_ms,
            told=pending.told,
            not_told=pending.not_told,
            told_at_ms=pending.told_at_ms,
        )
        if pending.after[0] < self._started_ms:
            return censor(episode, "before-start", took_at_ms)
        if opening.by == "hand":
            return censor(episode, "blocked-by-hand", took_at_ms)
        return episode

    def _seen(self, episode: Episode) -> Episode:
        """The episode, censored where its line was disconnected."""
        line = episode.opened.line
        lost = (each for each in self._store.outages(line) if each > episode.opened.at_ms)
        first_ms = min(lost, default=None)
        if first_ms is None:
            return episode
        return censor(episode, "line-disconnected", first_ms)

    def _disconnected(self, fact: LineDisconnected) -> None:
        known = self._store.outages(fact.line)
        if fact.from_ms not in known:
            self._store.set_outages(
                fact.line, tuple(sorted((*known, fact.from_ms)))[-OUTAGES_KEPT:]
            )

    def _link(self, fact: Linked) -> list[AttritionEvent]:
        """Give everything of an alias to the caller; what comes under the alias follows."""
        now_ms = fact.order[0]
        alias = self._store.caller(fact.alias)
        if fact.alias == fact.caller:
            # a caller of its own from now on
            self._put(fact.alias, replace(alias, known_as=None, known_as_until_ms=0))
            return []
        path = self._path(fact.caller)
        root = path[-1]
        if fact.alias in path:
            # the link was turned round
            root = fact.caller
            turned = replace(self._store.caller(root), known_as=None, known_as_until_ms=0)
            self._put(root, turned)
        row, said = self._merged(root, self._store.caller(root), alias, now_ms)
        self._put(root, row)
        until_ms = max(alias.known_as_until_ms, now_ms + self._keep_ms)
        self._put(fact.alias, CallerRow(known_as=fact.caller, known_as_until_ms=until_ms))
        return said

    def _merged(
        self, jid: str, row: CallerRow, alias: CallerRow, now_ms: int
    ) -> tuple[CallerRow, list[AttritionEvent]]:
        said: list[AttritionEvent] = []
        episodes = {each.episode_id: each for each in row.episodes}
        for moved in alias.episodes:
            if moved.episode_id in episodes:
                continue  # moved before a crash
            there = next(
                (
                    each
                    for each in episodes.values()
                    if each.opened.line == moved.opened.line and not _is_merged(each)
                ),
                None,
            )
            episodes[moved.episode_id] = moved
            if there is None or _is_merged(moved):
                continue
            first, second = joined(there, moved, now_ms)
            episodes |= {first.episode_id: first, second.episode_id: second}
            before = there if there.episode_id == first.episode_id else moved
            if before.returned is None and (event := returned_event(first, jid)) is not None:
                said.append(event)
        pending = {each.decision_id: each for each in (*alias.pending, *row.pending)}
        row = replace(
            row,
            episodes=tuple(episodes.values()),
            pending=tuple(pending.values()),
            counted=tuple(dict.fromkeys((*row.counted, *alias.counted))),
            counted_until_ms=max(row.counted_until_ms, alias.counted_until_ms),
        )
        return row, said

    def _root(self, jid: str) -> str:
        """The JID to whose row everything about this one goes."""
        return self._path(jid)[-1]

    def _path(self, jid: str) -> list[str]:
        """From a JID to that to whose row everything about it goes."""
        path = [jid]
        further = self._store.caller(jid).known_as
        while further is not None and further not in path:
            path.append(further)
            further = self._store.caller(further).known_as
        return path

    def _put(self, jid: str, row: CallerRow) -> None:
        if row != self._store.caller(jid):
            self._store.set_caller(jid, row)
            self._schedule(jid, row)

    def _schedule(self, jid: str, row: CallerRow) -> None:
        due_ms = row.due_ms(self._horizons)
        if due_ms is None:
            self._scheduled.pop(jid, None)
        elif self._scheduled.get(jid) != due_ms:
            self._scheduled[jid] = due_ms
            heappush(self._due, (due_ms, jid))


def _still_kept(row: CallerRow, now_ms: int) -> CallerRow:
    """The row without what is over, its episodes aside."""
    if row.known_as_until_ms <= now_ms:
        row = replace(row, known_as=None, known_as_until_ms=0)
    if row.counted_until_ms <= now_ms:
        row = replace(row, counted=(), counted_until_ms=0)
    return replace(row, pending=tuple(each for each in row.pending if each.until_ms > now_ms))


def _is_merged(episode: Episode) -> bool:
    return episode.censored is not None and episode.censored.reason == "merged"


def _gathered(pending: PendingReject, fact: DecidedToReject | RejectTook | Told) -> PendingReject:
    if isinstance(fact, Told):
        if pending.told is not None:
            return pending
        told_at_ms = fact.at_ms if fact.told else 0
        return replace(pending, told=fact.told, not_told=fact.not_told, told_at_ms=told_at_ms)
    after = max(pending.after, fact.order)
    if isinstance(fact, DecidedToReject):
        # of two workers that decided while one was dying, the first decision holds
        return pending if pending.opening else replace(pending, opening=fact.opening, after=after)
    if pending.took_at_ms is not None:
        return pending
    pending = replace(pending, took_at_ms=fact.at_ms, after=after)
    if fact.not_told is not None and pending.told is None:
        pending = replace(pending, told=False, not_told=fact.not_told)
    return pending
