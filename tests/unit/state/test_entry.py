"""Records as lines: readable, and back to the same bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.state.entry import Entry, dump, load

PLAIN = Entry(
    partition=3,
    offset=17,
    time_ms=1_767_261_600_000,
    key=b"447700900123@c.us",
    value=b'{"type":"contact","name":"Ann\xc3\xa9"}',
    headers=(("ce_type", b"ringfence.contact"),),
)


def test_a_line_is_for_people() -> None:
    line = dump(PLAIN)
    assert line.endswith(b"}\n")
    assert json.loads(line) == {
        "key": "447700900123@c.us",
        "value": {"type": "contact", "name": "Anné"},
        "partition": 3,
        "offset": 17,
        "time_ms": 1_767_261_600_000,
        "headers": [["ce_type", "ringfence.contact"]],
    }


@given(
    st.builds(
        Entry,
        partition=st.integers(0, 99),
        offset=st.integers(0, 2**60),
        time_ms=st.integers(0, 2**50),
        key=st.binary(max_size=20),
        value=st.binary(max_size=40)
        | st.sampled_from([b"null", b"1", b'{"a": 1}', b'{"a":1.0}', b'{"a":1,"a":2}', b"1e400"]),
        headers=st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=3).map(
            tuple
        ),
        left_out=st.none() | st.text(max_size=9),
    )
)
def test_every_record_comes_back_as_it_was(entry: Entry) -> None:
    assert load(dump(entry)) == entry


GOOD = json.loads(dump(PLAIN))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "offset"}), "offset is missing"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "key"}), "key is missing"),
        (json.dumps(GOOD | {"value_text": "x"}), "value is missing"),
        (json.dumps(GOOD | {"partition": "3"}), "another form"),
        (json.dumps(GOOD | {"partition": True}), "another form"),
        (json.dumps(GOOD | {"time_ms": -1}), "another form"),
        (json.dumps(GOOD | {"headers": [["a"]]}), "another form"),
        (json.dumps(GOOD | {"headers": [["a", {"base64": "?"}]]}), "another form"),
        (json.dumps(GOOD | {"more": 1}), "fields that no export"),
    ],
)
def test_another_line_is_refused_and_not_quoted(line: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as refused:
        load(line.encode())
    assert "4477" not in str(refused.value)
