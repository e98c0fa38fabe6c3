"""JSON as other languages write it."""

from __future__ import annotations

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.common.lenient_json import DEEPEST, NoJsonError, loads

HALF = chr(0xD83D)
NO_JSON = [b"", b"{", b"nothing", b"[1,]", b"'a'", b"\xff\xfe", b"[" * 99_999]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\\ud83d"', r"\ud83d"),
        (rb'{"\ud83d": 1}', {"\ufffd": 1}),
        (b'"\xed\xa0\xbd"', "\ufffd\ufffd\ufffd"),
        (b"\xef\xbb\xbf[1]", [1]),
        (b"[1e400, -1e999, NaN, Infinity, -Infinity]", [None] * 5),
        (b"[NaN, 1e400, 1.5, 7]", [None, None, 1.5, 7]),
        (b"[NaN, 123456789012345678901234]", [None, 1.2345678901234568e23]),
        (b"9" * 5000, None),
        (b'"a\nb\x00"', "a\nb\x00"),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (f'"{HALF}"', "?"),
    ],
)
def test_what_other_languages_write_is_read(text: bytes | str, value: object) -> None:
    assert loads(text) == value


@pytest.mark.parametrize("text", NO_JSON, ids=range(len(NO_JSON)))
def test_what_is_no_json_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(NoJsonError):
        loads(text)


@pytest.mark.parametrize("levels", [300, 1_000, 5_000, 200_000])
def test_what_is_nested_deeply_is_read_beside_its_neighbours(levels: int) -> None:
    deep = b'{"[": [' * (levels // 2) + b"]}" * (levels // 2)
    found = loads(b"[" + deep + b', "here"]')
    assert found[1] == "here"
    depth, at = 0, found[0]
    while at:
        depth, at = depth + 1, at["["] if isinstance(at, dict) else at[0]
    assert depth >= DEEPEST - 2


@given(st.binary(max_size=100) | st.text(st.characters(), max_size=100))
def test_what_is_read_can_be_written(text: bytes | str) -> None:
    try:
        value = loads(text)
    except NoJsonError:
        return
    assert not isinstance(value, float) or math.isfinite(value)
    orjson.dumps(value)
