"""Lines of JSON become Parquet files, by DuckDB: typed, compressed with zstd, sorted by offset."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from models.topics import TOPICS, Topic
from streams.export.columns import (
    columns_of,
    models_of,
    newer_parts,
    selected,
    sql_literal,
    structure,
)
from streams.export.folder import UNREADABLE

_MEMORY: Final = "512MB"
"""DuckDB's limit; a file of a quarter of a million decisions takes about a third of it."""

_LONGEST_LINE: Final = 64 << 20
"""Bytes; a record has no more than a few MB, and what is escaped in it grows."""

_ERRNO: Final = re.compile(r'"errno":"(\d+)"')
_OFFSET: Final = re.compile(rb'\{"offset":([0-9]+),')


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that DuckDB cannot hold, though its record could be read."""

    offset: int
    line: bytes
    why: str


class Tables:
    """How the lines of each table are made into a file. Used by one thread at a time."""

    def __init__(self, work: Path, topics: Sequence[Topic] = TOPICS, *, masked: bool) -> None:
        """``work`` is a folder for what does not fit into memory."""
        self._duckdb = duckdb.connect(
            config={
                "memory_limit": _MEMORY,
                "threads": 1,
                "temp_directory": str(work),
                "autoinstall_known_extensions": False,
            }
        )
        self._selects = {topic.name: _select(topic, masked=masked) for topic in topics}
        self._selects[UNREADABLE] = _select_unreadable()

    def close(self) -> None:
        """Give DuckDB's memory back."""
        self._duckdb.close()

    def write(self, table: str, topic: str, partition: int, lines: Path, to: Path) -> None:
        """Write a file; blocks until it is there, whole, and not yet durable.

        Raises ``OSError`` where the disk takes no more, and ``ValueError`` where a line cannot be
        held: ``refused`` says which.
        """
        about = {"lines": str(lines), "topic": topic, "partition": partition}
        try:
            for name, value in about.items():
                self._duckdb.execute(f"SET VARIABLE {name} = {sql_literal(value)}")
            self._duckdb.execute(
                f"COPY ({self._selects[table]}) TO {sql_literal(str(to))}"
                " (FORMAT parquet, COMPRESSION zstd)"
            )
        except (duckdb.IOException, duckdb.OutOfMemoryException) as exc:
            to.unlink(missing_ok=True)
            raise _system_error(exc) from exc
        except duckdb.Error as exc:
            to.unlink(missing_ok=True)
            raise ValueError(_first_line(exc)) from exc

    def refused(self, table: str, topic: str, partition: int, lines: Path) -> list[Refused]:
        """Those lines of a file that cannot be held, found by halving; the others can."""
        trial = lines.with_suffix(".trial")
        try:
            return list(
                self._halved(
                    table, topic, partition, lines.read_bytes().splitlines(keepends=True), trial
                )
            )
        finally:
            trial.unlink(missing_ok=True)
            trial.with_suffix(".out").unlink(missing_ok=True)

    def _halved(
        self, table: str, topic: str, partition: int, lines: list[bytes], trial: Path
    ) -> Iterator[Refused]:
        trial.write_bytes(b"".join(lines))
        try:
            self.write(table, topic, partition, trial, trial.with_suffix(".out"))
        except ValueError as exc:
            if len(lines) > 1:
                middle = len(lines) // 2
                yield from self._halved(table, topic, partition, lines[:middle], trial)
                yield from self._halved(table, topic, partition, lines[middle:], trial)
                return
            offset = _OFFSET.match(lines[0])
            yield Refused(int(offset[1]) if offset else -1, lines[0], str(exc))


def _system_error(exc: Exception) -> OSError:
    """The system's own error, where DuckDB names it."""
    number = _ERRNO.search(str(exc))
    if number is None:
        return OSError(_first_line(exc))
    return OSError(int(number[1]), os.strerror(int(number[1])))


def _first_line(exc: Exception) -> str:
    return str(exc).partition("\n")[0]


def _read(columns: str) -> str:
    """Reads the lines that the variable names."""
    return (
        "read_json(getvariable('lines'), format = 'newline_delimited', "
        f"maximum_object_size = {_LONGEST_LINE}, columns = {{{columns}}})"
    )


_OF_THE_RECORD: Final = (
    "getvariable('partition')::INTEGER AS \"_partition\"",
    '"offset" AS "_offset"',
    'epoch_ms("time") AS "_time"',
    '"key" AS "_key"',
)
_LINE: Final = "\"offset\": 'BIGINT', \"time\": 'BIGINT', \"key\": 'VARCHAR'"


_NEWER: Final = (
    "CASE WHEN len(newer) > 0 THEN to_json(map_from_entries(list_transform(newer, "
    "lambda k: (k, json_extract(v, '/' || replace(replace(k, '~', '~0'), '/', '~1')))))) END"
    ' AS "_newer"'
)
"""What a newer writer added: by a JSON pointer, whatever the field's name is. Of a part with fields
that are not known the whole stands there, for its column has only those that are."""


def _select(topic: Topic, *, masked: bool) -> str:
    if topic.values is None:
        return _select_raw()
    columns = columns_of(topic)
    known = ", ".join(sql_literal(each.name) for each in columns)
    kinds = (
        *_OF_THE_RECORD,
        '"source" AS "_source"',
        '"trace" AS "_traceparent"',
        *(('"v" IS NULL AS "_deleted"',) if topic.cleanup == "compact" else ()),
        *selected(columns, len(models_of(topic.values)), masked=masked),
        _NEWER,
    )
    lines = _read(f"{_LINE}, \"source\": 'VARCHAR', \"trace\": 'VARCHAR', \"v\": 'JSON'")
    text = sql_literal(structure(columns))
    newer = [f"list_filter(json_keys(v), lambda k: k NOT IN ({known}))"]
    newer += [
        f"CASE WHEN {more} THEN [{sql_literal(name)}] ELSE [] END"
        for name, more in newer_parts(columns)
    ]
    inner = f"SELECT *, json_transform(v, {text}) AS t, {' || '.join(newer)} AS newer FROM {lines}"
    return f"SELECT {', '.join(kinds)} FROM ({inner})"


def _select_raw() -> str:
    """Of the dead letters: what a letter says of itself, and the original bytes as text."""

    def header(name: str) -> str:
        return f"list_filter(headers, lambda h: h[1] = '{name}')[1][2]"

    kinds = (
        *_OF_THE_RECORD,
        f'{header("kafka_dlt-exception-fqcn")} AS "reason"',
        f'{header("kafka_dlt-exception-message")} AS "message"',
        f'{header("ringfence-source")} AS "written_by"',
        f'{header("kafka_dlt-original-topic")} AS "original_topic"',
        f'{header("kafka_dlt-original-partition")}::INTEGER AS "original_partition"',
        f'{header("kafka_dlt-original-offset")}::BIGINT AS "original_offset"',
        f'epoch_ms({header("kafka_dlt-original-timestamp")}::BIGINT) AS "original_time"',
        '"v" AS "value"',
        '"headers"',
    )
    lines = _read(f"{_LINE}, \"v\": 'VARCHAR', \"headers\": 'VARCHAR[][]'")
    return f"SELECT {', '.join(kinds)} FROM {lines}"


def _select_unreadable() -> str:
    kinds = (
        "getvariable('topic') AS \"_topic\"",
        *_OF_THE_RECORD,
        '"fault"',
        '"v" AS "value"',
        '"headers"',
    )
    lines = _read(f"{_LINE}, \"fault\": 'VARCHAR', \"v\": 'VARCHAR', \"headers\": 'VARCHAR[][]'")
    return f"SELECT {', '.join(kinds)} FROM {lines}"
