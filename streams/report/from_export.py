"""Reads an export folder into figures: no cluster is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any, Final, cast

import duckdb
import orjson

from models import topics
from models.answers import CallAnswered
from models.attrition import AttritionClosed, AttritionOpened, AttritionReturned
from models.callbacks import Callback
from models.contacts import IdentityLink
from models.decisions import Assignment, Decision
from models.messages import MessageSeen
from models.outcomes import Outcome
from models.topics import Topic
from streams.common.errors import ConfigurationError
from streams.common.progress import Progress
from streams.common.wording import moment
from streams.export.columns import type_name
from streams.export.folder import State, read_state
from streams.report.collected import Asked, Collected
from streams.report.figures import Figures
from streams.report.rows import OPENING_HOURS, CallRow
from streams.views.callers import Identities

_MEMORY: Final = "512MB"
_BATCH: Final = 10_000

_CONTACTS: Final = {topics.MESSAGES_EVENTS: MessageSeen, topics.CALLS_ANSWERS: CallAnswered}
"""Read only where a rule holds callers out: they are most of the records."""

_READ: Final = (
    topics.CALLS_DECISIONS,
    topics.CALLS_OUTCOMES,
    topics.ATTRITION_EVENTS,
    topics.CALLBACKS,
)

_CALL: Final = f"""
    decision_id, line, verdict, "by", coalesce(rule, '') AS rule,
    coalesce(list_filter(rules, lambda each: each.rule = rule)[1].kind, '') AS kind,
    list_filter(rules, lambda each: each.kind = '{OPENING_HOURS}' AND NOT each.error) AS hours,
    reply, received_at_ms
"""
_ASSIGNED: Final = """
    decision_id, event_id, call_id, gateway, line, caller, verdict, "by", rule, why, policy,
    policy_revision, offered_at_ms, received_at_ms, decided_at_ms, assignments
"""


def from_export(folder: Path, topic_prefix: str, asked: Asked) -> Figures:
    """What stands in an export folder.

    Blocks, and shows its progress on stderr when that takes long. Callbacks are as old as they were
    when the export ended. Raises ``ConfigurationError`` for a folder that holds no export, or one
    of topics with another prefix, whose lines this configuration does not know.
    """
    state = _state(folder, topic_prefix)
    database = duckdb.connect(config={"memory_limit": _MEMORY})
    try:
        every = (*_READ, topics.IDENTITIES, *_CONTACTS)
        tables = {topic: _Table(database, folder, topic) for topic in every}
        end_ms = max((each.end_ms for each in tables.values()), default=0)
        collected = Collected(replace(asked, now_ms=end_ms or asked.now_ms))
        _Reading(tables, asked, collected).everything()
    finally:
        database.close()
    links = (topics.IDENTITIES,) if collected.asks_for_links else ()
    contacts = tuple(_CONTACTS) if collected.asks_for_contacts else ()
    needed = (*_READ, *links, *contacts)
    source = f"the export in {folder}, of the cluster {state.source.cluster}"
    return collected.figures(source, tuple(_notes(state, folder, end_ms, needed)))


def _state(folder: Path, topic_prefix: str) -> State:
    state = read_state(folder)
    if state is None:
        msg = f"{folder} holds no export: write one with `ringfence export {folder}`"
        raise ConfigurationError(msg)
    there = state.source.topic_prefix
    if there != topic_prefix:
        msg = (
            f"{folder} is an export of another cluster or run: its topics have the prefix"
            f" {there!r}, and the configuration here has {topic_prefix!r}; name the configuration"
            " that it was exported with by --config, or see whether --demo is what you mean"
        )
        raise ConfigurationError(msg)
    return state


def _notes(state: State, folder: Path, end_ms: int, needed: tuple[Topic, ...]) -> Iterator[str]:
    if end_ms:
        yield f"the newest record in it is of {moment(end_ms)}"
    missing = [topic.name for topic in needed if topic.name not in state.parts]
    if missing:
        names = ",".join(missing)
        yield (
            f"it has no record of {', '.join(missing)}: there was none, or the topic was left out;"
            f" `ringfence export {folder} --topics {names}` adds what there is now"
        )


class _Table:
    """The files of one topic."""

    def __init__(self, database: duckdb.DuckDBPyConnection, folder: Path, topic: Topic) -> None:
        self._database = database
        place = folder / topic.name / "*" / "*.parquet"
        self._files = str(place).replace("'", "''")
        self._there = any((folder / topic.name).glob("*/*.parquet"))
        self.columns = self._described() if self._there else ()
        self.records, self.end_ms = self._size() if self._there else (0, 0)

    def rows(self, selected: str, where: str = "", **values: int) -> Iterator[dict[str, Any]]:
        """The rows as dictionaries, some at a time."""
        if not self._there:
            return
        found = self._database.execute(
            f"SELECT {selected} FROM {self._from} {where}",  # noqa: S608 - of ours
            values or None,
        )
        names = [each[0] for each in found.description or ()]
        while batch := found.fetchmany(_BATCH):
            for row in batch:
                yield dict(zip(names, row, strict=True))

    @property
    def _from(self) -> str:
        return f"read_parquet('{self._files}', union_by_name = true)"

    def _described(self) -> tuple[str, ...]:
        found = self._database.execute(f"DESCRIBE SELECT * FROM {self._from}")  # noqa: S608
        return tuple(str(row[0]) for row in found.fetchall())

    def _size(self) -> tuple[int, int]:
        found = self._database.execute(
            f"SELECT count(*), coalesce(max(epoch_ms(_time)), 0) FROM {self._from}"  # noqa: S608
        ).fetchone()
        return found or (0, 0)


class _Reading:
    """Gives the rows of a range to the tallies, topic by topic."""

    def __init__(self, tables: dict[Topic, _Table], asked: Asked, collected: Collected) -> None:
        self._tables = tables
        self._asked = asked
        self._collected = collected
        self._progress = Progress(sum(tables[each].records for each in _READ))

    def everything(self) -> None:
        """Decisions first, for what callers did next is understood by them."""
        self._decisions()
        for row in self._rows(topics.CALLS_OUTCOMES, "coalesce(received_at_ms, at_ms)"):
            self._collected.outcome(_made(Outcome, row))
        if self._collected.asks_for_links:
            self._links()
        for row in self._rows(topics.ATTRITION_EVENTS, "coalesce(opened_at_ms, at_ms)"):
            self._collected.attrition(_made(_MODELS[row["type"]], row))
        if self._collected.asks_for_contacts:
            for topic, kind in _CONTACTS.items():
                self._contacts(topic, kind)
        self._callbacks()
        self._progress.done()

    def _decisions(self) -> None:
        for row in self._rows(topics.CALLS_DECISIONS, "received_at_ms", _CALL):
            self._collected.call(_call(row))
        if "assignments" in self._tables[topics.CALLS_DECISIONS].columns:
            more = "AND len(assignments) > 0"
            for row in self._rows(topics.CALLS_DECISIONS, "received_at_ms", _ASSIGNED, more):
                self._collected.assigned(_decision(row))

    def _contacts(self, topic: Topic, kind: type[Any]) -> None:
        for row in self._rows(topic, "at_ms", more=f"AND type = '{type_name(kind)}'"):
            self._collected.contact(_made(kind, row))

    def _links(self) -> None:
        identities = Identities()
        for row in self._latest(topics.IDENTITIES):
            link: IdentityLink = _made(IdentityLink, row)
            identities.set(link.key, link)
        self._collected.links(identities)

    def _callbacks(self) -> None:
        for row in self._latest(topics.CALLBACKS):
            self._collected.callback(_made(Callback, row))

    def _latest(self, topic: Topic) -> Iterator[dict[str, Any]]:
        """What stands on a compacted topic."""
        newest = "QUALIFY row_number() OVER (PARTITION BY _key ORDER BY _offset DESC) = 1"
        for row in self._tables[topic].rows("*", newest):
            if not row["_deleted"]:
                yield row

    def _rows(
        self, topic: Topic, time: str, selected: str = "*", more: str = ""
    ) -> Iterator[dict[str, Any]]:
        where = f"WHERE {time} >= $since AND {time} < $until {more}"
        began = {"since": self._asked.since_ms, "until": self._asked.until_ms}
        for row in self._tables[topic].rows(selected, where, **began):
            yield row
            self._progress.advance(1)


_MODELS: Final = {
    type_name(each): each for each in (AttritionOpened, AttritionReturned, AttritionClosed)
}


def _decision(row: dict[str, Any]) -> Decision:
    """The decision of a row, as far as experiments ask: parts of assignments are JSON."""
    assigned = tuple(
        Assignment(**each | {"shares": orjson.loads(each["shares"])})
        for each in row.pop("assignments")
    )
    return cast("Decision", _made(Decision, row | {"assignments": assigned}))


def _call(row: dict[str, Any]) -> CallRow:
    hours = row.pop("hours")
    was_open = None
    if hours:
        was_open = not any(each["matched"] for each in hours)
    return CallRow(told_nothing=row.pop("reply") is None, open=was_open, **row)


def _made(model: type[Any], row: dict[str, Any]) -> Any:
    """The model of a row; a column that is empty or not there is the field's default."""
    given = {}
    for each in fields(model):
        value = row.get(each.name)
        if value is not None or (each.default is MISSING and each.default_factory is MISSING):
            given[each.name] = value
    return model(**given)
