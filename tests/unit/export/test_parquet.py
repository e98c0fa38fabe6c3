"""What stands in the files: every value of every topic, typed, as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.codec import UndecodableError, decode, encode
from models.decisions import Assignment, RuleTrace
from models.policy import PolicyDocument
from models.topics import (
    CALLS_DECISIONS,
    CALLS_DLQ,
    CALLS_EVENTS,
    CONTACTS,
    LINES_STATUS,
    POLICIES,
    TOPICS,
    Topic,
)
from streams.export.columns import Shape, columns_of
from streams.export.folder import UNREADABLE
from streams.export.lines import Lines, day_of, refused_line
from streams.export.masking import Masker
from streams.export.parquet import Tables
from streams.kafka.reader import Seen
from streams.settings import ROOT
from tests.support.records import T0, decision, offer

GOLDEN = ROOT / "tests" / "data" / "golden"
TYPED = [topic for topic in TOPICS if topic.values is not None]
HEADERS = (("ce_source", b"/ringfence/test"), ("traceparent", b"00-ab-cd-01"))


def seen(topic: Topic, raw: bytes | None, offset: int = 7, **more: Any) -> Seen:
    value, fault = None, None
    if topic.values is not None:
        try:
            value = decode(topic.values, raw)
        except UndecodableError as exc:
            fault = str(exc)
    return Seen(topic, 3, offset, T0 + 5, more.pop("key", b"k"), value, raw or b"",
                more.pop("headers", HEADERS), fault)  # fmt: skip


class Bench:
    """Writes records to a file and reads them back."""

    def __init__(self, folder: Path, *, masked: bool = False) -> None:
        self.folder = folder
        self.tables = Tables(folder, masked=masked)
        self.lines = Lines(Masker(b"k" * 32) if masked else None)

    def rows(self, table: str, records: list[Seen]) -> list[dict[str, Any]]:
        file, made = self.folder / "lines.ndjson", self.folder / "made.parquet"
        file.write_bytes(b"".join(self.lines.of(each).text for each in records))
        self.tables.write(table, records[0].topic.name, records[0].partition, file, made)
        relation = duckdb.read_parquet(str(made))
        names = relation.columns
        return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.tables.close()


@pytest.fixture(scope="module")
def free_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("bench"))
    yield made
    made.tables.close()


def as_json(value: Any, shape: Shape) -> Any:
    """A value that DuckDB gave, as it stood in the record."""
    if value is None:
        return None
    if shape == "JSON":
        return orjson.loads(value)
    if isinstance(shape, list):
        return [as_json(each, shape[0]) for each in value]
    if isinstance(shape, dict):
        return {name: as_json(value[name], inner) for name, inner in shape.items()}
    return value


def assert_holds(row: dict[str, Any], topic: Topic, value: object) -> None:
    """A row says what the value says, and nothing else."""
    said = orjson.loads(encode(value))
    for column in columns_of(topic):
        found = as_json(row[column.name], column.shape)
        assert found == said.get(column.name), column.name
    assert row["_newer"] is None


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_a_golden_record_is_read_back(file: Path, free_bench: Bench) -> None:
    topic = next(each for each in TOPICS if file.stem.startswith(f"{each.name}."))
    if topic is CALLS_DLQ:
        return
    raw = encode(orjson.loads(file.read_bytes())["value"])
    (row,) = free_bench.rows(topic.name, [seen(topic, raw)])
    assert_holds(row, topic, decode(topic.values, raw))
    assert (row["_partition"], row["_offset"], row["_key"]) == (3, 7, "k")
    assert row["_time"].replace(tzinfo=UTC).timestamp() * 1000 == T0 + 5
    assert (row["_source"], row["_traceparent"]) == ("/ringfence/test", "00-ab-cd-01")


POLICY = st.builds(
    PolicyDocument,
    document=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)),
)


def written(value: object) -> bytes | None:
    """The JSON of a value; None of one that JSON cannot say."""
    try:
        return encode(value)
    except TypeError:
        return None


@pytest.mark.parametrize("topic", TYPED, ids=lambda topic: topic.name)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_values_are_read_back(topic: Topic, data: st.DataObject, free_bench: Bench) -> None:
    strategy = POLICY if topic is POLICIES else st.from_type(topic.values)
    drawn = data.draw(st.lists(strategy.map(written), min_size=1, max_size=12))
    raws = [raw for raw in drawn if raw is not None]
    records = [seen(topic, raw, offset) for offset, raw in enumerate(raws)]
    if not records:
        return
    for row, raw in zip(free_bench.rows(topic.name, records), raws, strict=True):
        assert_holds(row, topic, decode(topic.values, raw))


def test_a_record_of_an_older_writer_has_the_defaults(bench: Bench) -> None:
    value = orjson.loads(encode(offer()))
    for name in ("caller_known_as", "media", "group", "type"):
        value.pop(name)
    raw = orjson.dumps({"type": "call.offered", **value}, option=orjson.OPT_INDENT_2)
    assert b"\n" in raw, "and one that was written by hand has line breaks"
    (row,) = bench.rows("calls.events", [seen(CALLS_EVENTS, raw)])
    assert (row["caller_known_as"], row["media"], row["group"]) == ([], "voice", False)
    assert row["alias"] is None, "another type's field"
    only = orjson.loads(encode(decision(offer())))
    del only["type"], only["generation"]
    (row,) = bench.rows("calls.decisions", [seen(CALLS_DECISIONS, orjson.dumps(only))])
    assert (row["type"], row["generation"]) == ("decision", 0)


def test_a_newer_writers_fields_are_kept(bench: Bench) -> None:
    value = orjson.loads(encode(decision(offer())))
    more = {"mood": {"of": ["447700900123@c.us"]}, 'a/"~': 1, "": None}
    (row,) = bench.rows("calls.decisions", [seen(CALLS_DECISIONS, orjson.dumps(value | more))])
    assert orjson.loads(row["_newer"]) == more
    assert row["verdict"] == "reject"


def test_a_newer_writers_fields_within_parts_are_kept(bench: Bench) -> None:
    trace = RuleTrace(rule="a", kind="burst", matched=True, why="w")
    assigned = Assignment(of="rule", experiment="a", salt="", shares={"x": 1.0}, variant="x")
    made = replace(decision(offer()), rules=(trace, trace), assignments=(assigned,))
    value = orjson.loads(encode(made))
    value["rules"][1] |= {"mood": {"of": ["447700900123@c.us"]}}
    more = [*value["assignments"], {**value["assignments"][0], "weight": 1}]
    records = [seen(CALLS_DECISIONS, orjson.dumps(value))]
    records.append(seen(CALLS_DECISIONS, orjson.dumps(value | {"assignments": more, "z": 1}), 8))
    records.append(seen(CALLS_DECISIONS, encode(made), 9))
    first, second, third = bench.rows("calls.decisions", records)
    # a part stands there as it came, and its column has what is known of it
    assert orjson.loads(first["_newer"]) == {"rules": value["rules"]}
    assert orjson.loads(second["_newer"]) == {
        "rules": value["rules"], "assignments": more, "z": 1,
    }  # fmt: skip
    assert third["_newer"] is None
    assert [each["rule"] for each in first["rules"]] == ["a", "a"]


def test_a_newer_writers_fields_within_one_part_are_kept(bench: Bench) -> None:
    change = {"at_ms": 1, "connected": True}
    value = {"type": "line.status", "line": "london", "connected": True, "status": "WORKING",
             "changed_at_ms": 1, "changes": [change, change | {"by": "phone"}]}  # fmt: skip
    (row,) = bench.rows("lines.status", [seen(LINES_STATUS, orjson.dumps(value))])
    assert orjson.loads(row["_newer"]) == {"changes": value["changes"]}


def test_a_deleted_key_is_a_row_that_says_so(bench: Bench) -> None:
    there = b'{"type":"contact","contact":"447700900123@c.us","source":"crm","at_ms":1}'
    gone, kept = bench.rows("contacts", [seen(CONTACTS, None), seen(CONTACTS, there, 8)])
    assert (gone["_deleted"], gone["_key"], gone["type"], gone["aliases"]) == (
        *(True, "k", None, None),
    )
    assert (kept["_deleted"], kept["aliases"], kept["tier"]) == (False, [], None)


def test_masked_files_hold_no_number_and_no_name(tmp_path: Path) -> None:
    bench = Bench(tmp_path, masked=True)
    raw = encode(
        {
            "type": "contact",
            "contact": "447700900123@c.us",
            "name": "Ann Example",
            "aliases": ["900000000000143@lid"],
            "source": "crm",
            "at_ms": 1,
        }
    )
    (contact,) = bench.rows("contacts", [seen(CONTACTS, raw, key=b"447700900123@c.us")])
    of = replace(offer(), caller_raw="447700900123:12@s.whatsapp.net")
    (call,) = bench.rows("calls.events", [seen(CALLS_EVENTS, encode(of))])
    bench.tables.close()
    assert contact["name"] is None
    assert contact["_key"] == contact["contact"] == call["caller"] == call["caller_raw"]
    assert contact["contact"].startswith("+447•••••••23#")
    assert contact["aliases"][0].startswith("lid•••43#")
    assert "0900123" not in repr((contact, call))


def test_a_dead_letter_is_told_by_its_headers(bench: Bench) -> None:
    golden = orjson.loads((GOLDEN / "calls.dlq.dead-letter.json").read_bytes())
    headers = tuple((name, text.encode()) for name, text in golden["headers"].items())
    raw = b"\xff{no json"
    (row,) = bench.rows("calls.dlq", [seen(CALLS_DLQ, raw, headers=headers)])
    assert row["reason"] == "undecodable"
    assert row["message"] == "line: Input should be a valid string"
    assert row["written_by"] == "/ringfence/worker"
    assert (row["original_topic"], row["original_partition"]) == ("calls.events", 2)
    assert row["original_offset"] == 4711
    assert row["original_time"].replace(tzinfo=UTC).timestamp() * 1000 == T0
    assert row["value"] == "\\xff{no json"
    assert ["ce_type", "ringfence.call.offered"] in row["headers"]


@pytest.mark.parametrize(
    ("raw", "headers", "fault"),
    [
        (b"no json", (), "value: Invalid JSON"),
        (b'{"type":"call.offered"}', (), "Field required"),
        (None, (), "the value is null"),
        (encode(offer()), (("ce_dataschema", b"urn:ringfence:call.offered:2"),), "schema version"),
    ],
    ids=["no json", "half", "null", "another version"],
)
def test_what_cannot_be_read_says_why(
    bench: Bench, raw: bytes | None, headers: tuple[tuple[str, bytes], ...], fault: str
) -> None:
    record = seen(CALLS_EVENTS, raw, headers=headers)
    assert fault in (Lines.fault(record) or "")
    (row,) = bench.rows(UNREADABLE, [record])
    assert (row["_topic"], row["_partition"], row["_offset"]) == ("calls.events", 3, 7)
    assert fault in row["fault"]
    assert row["value"] == (raw or b"").decode()


def test_what_duckdb_cannot_hold_is_found_among_many(bench: Bench) -> None:
    good, broken = encode(offer()), encode(offer()).replace(b'"london"', b'"\\ud800"')
    records = [seen(CALLS_EVENTS, good, at) for at in range(11)]
    texts = [bench.lines.of(each).text for each in records]
    for at in (3, 8):
        texts[at] = texts[at].replace(good, broken)
    lines = bench.folder / "lines.ndjson"
    lines.write_bytes(b"".join(texts))
    with pytest.raises(ValueError, match="surrogate"):
        bench.tables.write("calls.events", "calls.events", 3, lines, bench.folder / "made")
    assert not (bench.folder / "made").exists()
    refused = bench.tables.refused("calls.events", "calls.events", 3, lines)
    assert [each.offset for each in refused] == [3, 8]
    line = orjson.loads(refused_line(refused[0].line, refused[0].why))
    assert (line["offset"], line["key"]) == (3, "k")
    assert line["v"] == broken.decode()
    assert "surrogate" in line["fault"]


def test_days_are_utc() -> None:
    assert [day_of(at_ms) for at_ms in (0, T0, 86_399_999, 86_400_000)] == [
        *("1970-01-01", "2026-01-01", "1970-01-01", "1970-01-02"),
    ]
