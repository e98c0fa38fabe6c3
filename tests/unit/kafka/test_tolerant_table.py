"""Rows that another version wrote: more fields are passed over, another form is left out."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from models.codec import UndecodableError
from streams import conversations
from streams.attrition.callers import CallerRow, PendingReject
from streams.attrition.episode import Censored, Episode, FirstReturn
from streams.attrition.rows import FORM, START_KEY, AnyRow, FirstStart, LineRow
from streams.call_sessions import session as call_sessions
from streams.call_sessions.session import Blocked, CallSession, Mark, Party, Rejected
from streams.conversations import Conversation
from streams.kafka.stream import PartitionedTable
from streams.kafka.tolerant_table import REMEMBERED, TolerantTable, UnreadableRows
from streams.screening import recent_calls
from streams.screening.recent_calls import LineBlock, RecentCall, RecentCalls
from streams.settings import ROOT
from streams.sink import claims, text_limits, text_rows
from streams.sink.claims import Claim
from streams.sink.context import Ended
from streams.sink.text_limits import LineState
from streams.sink.text_rows import TextRow
from tests.support.attrition import opening

GOLDEN = ROOT / "tests" / "data" / "golden" / "tables"
T0 = 1_767_261_600_000
MORE = {"field_of_tomorrow": {"a": [1]}}

CALLS = RecentCalls(
    (
        RecentCall("london", "A", T0, 7, T0 + 5, "reject"),
        RecentCall("london", "B", T0, 8, T0 + 5, "ring", group=True),
        RecentCall("paris", "C", T0, 9),
        RecentCall("paris", "C", T0 + 9, 10, T0 + 12, "reject", generation=T0 + 9),
    ),
    (LineBlock("london", T0, T0 + 60_000, 2, T0 + 120_000),),
)
REJECTED = Rejected(
    command_id="london/A/reject",
    decision_id="london/A",
    generation=0,
    offered_at_ms=T0,
    at_ms=T0 + 20,
    concluded="confirmed",
)
BLOCKED = Blocked(
    decision_id="london/A",
    generation=0,
    session="default",
    caller_raw="12025550143@c.us",
    at_ms=T0 + 30,
    until_ms=T0 + 60_000,
    ends_ms=T0 + 60_000,
)
SESSION = CallSession(
    line="london",
    gateway="office",
    call_id="A",
    touched_at_ms=T0,
    parties=(
        Party(
            caller="12025550143@c.us",
            known_as=("90111222333444@lid",),
            offered=(T0, T0 + 9),
            rejects=(REJECTED,),
            blocked=BLOCKED,
        ),
    ),
    accepted=(Mark(T0 + 90, "12025550143@c.us"),),
    ended=(Mark(T0 + 900),),
)
ENDED = Ended(result="accepted", status=201, attempts=1, sent_at_ms=T0, message_id="m", at_ms=T0)
ROWS: dict[str, tuple[Any, Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "recent-calls": (CALLS, recent_calls.dump, recent_calls.load),
    "conversations": (
        {"london": Conversation(T0, 0, T0), "paris": Conversation(0, T0)},
        conversations.dump,
        conversations.load,
    ),
    "call-sessions": (SESSION, call_sessions.dump, call_sessions.load),
    "texts.claim": (
        Claim(command_id="london/A/text", claimed_at_ms=T0, ended=ENDED),
        claims.dump,
        claims.load,
    ),
    "texts.claim-open": (Claim(command_id="x", claimed_at_ms=T0), claims.dump, claims.load),
    "texts.line": (
        LineState(strangers={2_945_436: 3}, restricted_at_ms=T0, paused_until_ms=T0 + 1),
        text_limits.dump,
        text_limits.load,
    ),
}
EPISODES: dict[str, tuple[bytes, AnyRow]] = {
    "caller": (
        b"447700900123@c.us",
        CallerRow(
            episodes=(
                Episode(
                    opened=opening("london/A"),
                    after=(T0, 4, "london/A/reject/accepted"),
                    decisions=("london/A", "london/B"),
                    rejects=2,
                    last_reject_ms=T0 + 9,
                    told=True,
                    told_at_ms=T0 + 50,
                    returned=FirstReturn(
                        what="rang", at_ms=T0 + 99, decision_id="london/C", answered=True
                    ),
                    censored=Censored(reason="line-disconnected", at_ms=T0 + 999),
                    closed=(86_400_000,),
                ),
            ),
            pending=(
                PendingReject(
                    decision_id="paris/D",
                    line="paris",
                    until_ms=T0 + 900_000,
                    opening=opening("paris/D", line="paris"),
                    took_at_ms=T0,
                    told=False,
                    not_told="cool-down",
                    after=(T0, 3, "paris/D"),
                ),
            ),
            counted=("london/0",),
            counted_until_ms=T0 + 900_000,
        ),
    ),
    "alias": (
        b"900000000000143@lid",
        CallerRow(known_as="447700900123@c.us", known_as_until_ms=T0),
    ),
    "line": (b"line/london", LineRow(outages=(T0, T0 + 9))),
    "start": (START_KEY, FirstStart(at_ms=T0)),
}
ROWS |= {
    f"episodes.{name}": (row, FORM.dump, partial(FORM.load, key))
    for name, (key, row) in EPISODES.items()
}
every = pytest.mark.parametrize("name", sorted(ROWS))


def golden(name: str) -> Path:
    return GOLDEN / f"{name}.json"


def of_tomorrow(value: Any, name: str) -> Any:
    """A row as a later version may write it: a field more in each object, a column in each list."""
    match value:
        case dict() if name == "conversations":
            return {
                line: [*row, *([0] if len(row) == 2 else []), "more"] for line, row in value.items()
            }
        case dict():
            grown = {key: of_tomorrow(inner, name) for key, inner in value.items()}
            return grown if "2945436" in value else grown | MORE
        case [[*_], *_]:
            # a call's last two columns are left out where they say nothing
            rest = {6: [False, 0], 7: [0]}
            return [[*row, *rest.get(len(row), []), "more"] for row in value]
        case [dict(), *_]:
            return [of_tomorrow(each, name) for each in value]
        case _:
            return value


@every
def test_a_row_is_the_golden_one_with_a_field_more(name: str) -> None:
    value, dump, _ = ROWS[name]
    grown = of_tomorrow(json.loads(dump(value)), name)
    made = json.dumps(grown, indent=2) + "\n"
    if os.environ.get("RINGFENCE_UPDATE_GOLDEN") == "1":
        golden(name).write_text(made, encoding="utf-8")
    assert golden(name).read_text(encoding="utf-8") == made
    assert "tomorrow" in made or "more" in made


@every
def test_a_later_versions_row_is_read_as_ours(name: str) -> None:
    value, dump, load = ROWS[name]
    assert load(golden(name).read_bytes()) == value
    assert load(dump(value)) == value


def test_every_table_has_golden_rows() -> None:
    names = json.loads((ROOT / "tests" / "data" / "wire_names.json").read_text())
    tables = {*names["changelogs"], *names["attrition"]["changelogs"]}
    assert {path.name.partition(".")[0] for path in GOLDEN.glob("*.json")} == tables


BAD = [b"", b"{", b"null", b"7", b"[]", b'"x"', b"\xff", b'{"london": 1}', b'{"calls": {"a": 1}}']
BAD += [b'{"calls": [[1]]}', b'{"calls": [["l", "A", "0", 7, 0, null]]}', b'{"blocks": [[]]}']


@every
@pytest.mark.parametrize("raw", BAD)
def test_another_form_is_undecodable_and_nothing_worse(name: str, raw: bytes) -> None:
    try:
        ROWS[name][2](raw)
    except UndecodableError:
        return
    # an object with fields of tomorrow alone is an empty row where all fields may be missing
    assert name in {"texts.line", "episodes.caller", "episodes.alias"}


class Rows(PartitionedTable):
    """A table in memory."""

    def __init__(self, rows: dict[bytes, bytes]) -> None:
        self.rows = rows

    @override
    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    @override
    async def put(self, partition: int, key: bytes, value: bytes | None) -> Awaitable[Any]:
        if value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = value
        return asyncio.get_running_loop().create_future()

    @override
    def items(self) -> Iterator[tuple[int, bytes, bytes]]:
        yield from ((0, key, row) for key, row in self.rows.items())

    @override
    def sweep(self, partition: int, most: int) -> list[bytes]:
        return list(self.rows)[:most]

    @override
    def __len__(self) -> int:
        return len(self.rows)


CLAIM = Claim(command_id="x", claimed_at_ms=T0)
GOOD = claims.dump(CLAIM)
KEY = b"london|12025550143@c.us"


def tolerant(
    rows: dict[bytes, bytes], counted: list[str]
) -> tuple[TolerantTable[TextRow], UnreadableRows]:
    unreadable = UnreadableRows(counted.append, lambda: T0)
    table = TolerantTable(
        Rows(rows), "texts", "p.changelog", text_rows.FORM, unreadable, instead=text_rows.instead
    )
    return table, unreadable


def test_an_unreadable_row_is_noted_once_with_its_bytes() -> None:
    counted: list[str] = []
    table, unreadable = tolerant({b"a|1": GOOD, b"b|2": b"{}", b"london": b"[]"}, counted)
    assert [key for _, key, _ in table.items()] == [b"a|1"]
    assert [key for _, key, _ in table.items()] == [b"a|1"]
    assert table.get(b"a|1") == CLAIM
    assert table.get(b"nobody|1") is None
    assert counted == ["texts", "texts"]
    letters = unreadable.take_letters()
    assert [(each.key, each.value) for each in letters] == [(b"b|2", b"{}"), (b"london", b"[]")]
    assert dict(letters[0].headers)["ringfence-source"] == b"table texts"
    assert dict(letters[0].headers)["kafka_dlt-original-topic"] == b"p.changelog"
    assert unreadable.take_letters() == []
    assert (table.is_left_out(b"b|2"), table.is_left_out(b"a|1")) == (True, False)


def test_an_unreadable_claim_keeps_its_caller_from_a_second_text() -> None:
    table, _ = tolerant({KEY: b'{"claimed": "by another version"}'}, [])
    claim = table.get(KEY)
    assert isinstance(claim, Claim)
    assert claims.standing(claim, "london/B/text", T0 + 1, cooldown_ms=60_000) == "cooling"
    assert claims.standing(claim, "london/B/text", T0 + 60_000, cooldown_ms=60_000) == "free"


def test_an_unreadable_line_has_met_nothing() -> None:
    table, _ = tolerant({b"london": b"[]"}, [])
    assert table.get(b"london") is None


def test_a_row_is_parsed_once_and_again_when_it_changes() -> None:
    rows = {KEY: GOOD}
    table, _ = tolerant(rows, [])
    first = table.get(KEY)
    assert (first, table.get(KEY)) == (CLAIM, CLAIM)
    assert table.get(KEY) is first
    rows[KEY] = claims.dump(replace(CLAIM, command_id="y"))
    assert table.get(KEY) == replace(CLAIM, command_id="y")
    assert table.glance(KEY) == replace(CLAIM, command_id="y")
    del rows[KEY]
    assert table.get(KEY) is None


async def test_what_was_put_is_given_as_it_stands_in_the_table() -> None:
    rows: dict[bytes, bytes] = {}
    table, _ = tolerant(rows, [])
    _ = await table.put(0, KEY, CLAIM)
    assert (rows[KEY], table.get(KEY)) == (GOOD, CLAIM)
    _ = await table.put(0, KEY, None)
    assert (rows, table.get(KEY)) == ({}, None)


def test_few_rows_are_kept_parsed() -> None:
    table, _ = tolerant({b"a|%d" % each: GOOD for each in range(REMEMBERED + 1)}, [])
    first = table.get(b"a|0")
    for each in range(1, REMEMBERED + 1):
        table.get(b"a|%d" % each)
    assert table.get(b"a|0") is not first


def test_a_row_that_is_replaced_is_noted_anew() -> None:
    counted: list[str] = []
    rows = {KEY: b"{}"}
    table, _ = tolerant(rows, counted)
    table.get(KEY)
    rows[KEY] = b"[]"
    table.get(KEY)
    rows[KEY] = GOOD
    assert table.get(KEY) == CLAIM
    assert len(counted) == 2
