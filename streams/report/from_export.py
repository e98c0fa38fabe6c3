"""Reads an export folder into figures: no cluster is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any, Final

import duckdb

from models import topics
from models.attrition import AttritionClosed, AttritionOpened, AttritionReturned
from models.callbacks import Callback
from models.outcomes import Outcome
from models.topics import Topic
from streams.common.errors import ConfigurationError
from streams.common.progress import Progress
from streams.common.wording import moment
from streams.export.folder import State, read_state
from streams.report.collected import Asked, Collected
from streams.report.figures import Figures
from streams.report.rows import OPENING_HOURS, CallRow

_MEMORY: Final = "512MB"
_BATCH: Final = 10_000

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


def from_export(folder: Path, topic_prefix: str, asked: Asked) -> Figures:
    """What stands in an export folder.

    Blocks, and shows its progress on stderr when that takes long. Callbacks are as old as they were
    when the export ended. Raises ``ConfigurationError`` for a folder that holds no export, or one
    of topics with another prefix, whose lines this configuration does not know.
    """
    state = _state(folder, topic_prefix)
    database = duckdb.connect(config={"memory_limit": _MEMORY})
    try:
        tables = {topic: _Table(database, folder, topic) for topic in _READ}
        end_ms = max((each.end_ms for each in tables.values()), default=0)
        collected = Collected(replace(asked, now_ms=end_ms or asked.now_ms))
        _collect(tables, asked, collected)
    finally:
        database.close()
    source = f"the export in {folder}, of the cluster {state.source.cluster}"
    return collected.figures(source, tuple(_notes(state, folder, end_ms)))


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


def _notes(state: State, folder: Path, end_ms: int) -> Iterator[str]:
    if end_ms:
        yield f"the newest record in it is of {moment(end_ms)}"
    missing = [topic.name for topic in _READ if topic.name not in state.parts]
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

    def _size(self) -> tuple[int, int]:
        found = self._database.execute(
            f"SELECT count(*), coalesce(max(epoch_ms(_time)), 0) FROM {self._from}"  # noqa: S608
        ).fetchone()
        return found or (0, 0)


def _collect(tables: dict[Topic, _Table], asked: Asked, collected: Collected) -> None:
    """Give every row to the tallies."""
    progress = Progress(sum(each.records for each in tables.values()))
    began = {"since": asked.since_ms, "until": asked.until_ms}
    plans: tuple[tuple[Topic, str, Callable[[dict[str, Any]], None]], ...] = (
        (topics.CALLS_DECISIONS, "received_at_ms", lambda row: collected.call(_call(row))),
        (
            topics.CALLS_OUTCOMES,
            "coalesce(received_at_ms, at_ms)",
            lambda row: collected.outcome(_made(Outcome, row)),
        ),
        (
            topics.ATTRITION_EVENTS,
            "coalesce(opened_at_ms, at_ms)",
            lambda row: collected.attrition(_made(_EVENTS[row["type"]], row)),
        ),
    )
    for topic, time, take in plans:
        table = tables[topic]
        selected = _CALL if topic is topics.CALLS_DECISIONS else "*"
        for row in table.rows(selected, f"WHERE {time} >= $since AND {time} < $until", **began):
            take(row)
            progress.advance(1)
    latest = "QUALIFY row_number() OVER (PARTITION BY _key ORDER BY _offset DESC) = 1"
    for row in tables[topics.CALLBACKS].rows("*", latest):
        if not row["_deleted"]:
            collected.callback(_made(Callback, row))
    progress.done()


_EVENTS: Final[dict[str, type[Any]]] = {
    "attrition.opened": AttritionOpened,
    "attrition.returned": AttritionReturned,
    "attrition.closed": AttritionClosed,
}


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
