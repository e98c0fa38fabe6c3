"""Masked numbers: nothing is left of them, and one person has one name."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.common.errors import EnvironmentFaultError
from streams.export.masking import Masker, load_key

KEY = bytes(range(32))
NAME = re.compile(r"\+447•{7}23#[0-9a-f]{16}")


def masked(value: object, key: bytes = KEY) -> str:
    text = Masker(key).text(orjson.dumps({"x": value}))
    return str(orjson.loads(text)["x"])


@pytest.mark.parametrize(
    "jid",
    [
        "447700900123@c.us",
        "447700900123@s.whatsapp.net",
        "447700900123:12@s.whatsapp.net",
        "447700900123_1:12@s.whatsapp.net",
        "447700900123.1:12@s.whatsapp.net",
        "447700900123:99@hosted",
    ],
)
def test_one_person_has_one_name(jid: str) -> None:
    assert masked(jid) == masked("447700900123@c.us")
    assert NAME.fullmatch(masked(jid))


def test_people_have_names_of_their_own() -> None:
    # the same hint, another person; and a LID of the same digits is somebody else
    one, other = masked("447700900123@c.us"), masked("447711100123@c.us")
    assert one != other
    assert one.partition("#")[0] == other.partition("#")[0]
    assert masked("447700900123@lid").startswith("lid•••23#")
    assert masked("447700900123@lid").partition("#")[2] != one.partition("#")[2]


def test_another_key_gives_other_names() -> None:
    assert masked("447700900123@c.us", b"k" * 32) != masked("447700900123@c.us")
    assert Masker(b"k" * 32).fingerprint != Masker(KEY).fingerprint


def test_a_jid_within_an_id_is_masked_and_the_id_stays() -> None:
    text = masked("true_447700900123@c.us_3EB0A1")
    assert text == f"true_{masked('447700900123@c.us')}_3EB0A1"
    assert masked("447700900123-1620000000@g.us").startswith("447•")


@pytest.mark.parametrize(
    "text",
    [
        "A1B2C3D4@",
        "@lid",
        "ann@example.com",
        "london/3EB0A1B2C3D4E5F60718293A4B5C6D7E",
        "447700900123",
        "2026-11-24T18:00:00Z",
    ],
)
def test_what_is_no_jid_stays(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("raw", "left"),
    [
        (rb'"\u0007@a"', rb'"\u0007@a"'),
        (rb'"\u00e9447700900123@c.us"', rb'"\u00e9MASKED"'),
        (rb'"\u0007447700900123@c.us"', rb'"\u0007MASKED"'),
        (rb'"\\u447700900123@c.us"', rb'"\\uMASKED"'),
    ],
)
def test_an_escaped_sign_stays_whole(raw: bytes, left: bytes) -> None:
    name = Masker(KEY).text(b'"447700900123@c.us"')[1:-1]
    assert Masker(KEY).text(raw) == left.replace(b"MASKED", name)


def test_numbers_in_a_sentence_are_masked() -> None:
    why = "on the list deny as +44 7700 900123, since 2026-11-24 18:00, at 1764340000000"
    raw = Masker(KEY).text(orjson.dumps({"at_ms": 1764340000000, "rules": [{"why": why}]}))
    value = orjson.loads(raw)
    assert value["at_ms"] == 1764340000000
    assert value["rules"][0]["why"] == (
        f"on the list deny as {masked('447700900123@c.us')}, since 2026-11-24 18:00,"
        " at 1764340000000"
    )


@pytest.mark.parametrize("before", ["", "\n", "\t", "from ", "\\n", '"', "tel:"])
def test_a_number_is_found_behind(before: str) -> None:
    found = Masker(KEY).anything(f"{before}447700900123".encode()).decode()
    assert found == before + masked("447700900123@c.us")


def test_of_unknown_bytes_every_number_is_masked() -> None:
    raw = orjson.dumps({"from": "447700900123", "phone": 447700900123, "at": 1764340000000})
    text = Masker(KEY).anything(raw).decode()
    assert "447700900123" not in text
    assert text.count(masked("447700900123@c.us")) == 2
    assert "1764340000000" in text


@given(st.text(), st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.text())
def test_no_jid_is_left_and_json_stays_json(before: str, digits: str, after: str) -> None:
    text = f"{before} {digits}@c.us {after}"
    said = masked(text)
    assert f"{digits}@c.us" not in said
    assert masked(f"{digits}@c.us") in said


def test_a_key_is_made_once_for_its_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "export.key"
    key = load_key(file)
    assert load_key(file) == key
    assert len(key) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32, "ab" * 31])
def test_a_key_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "export.key"
    file.write_text(content, encoding="ascii")
    with pytest.raises(EnvironmentFaultError, match="name another --key-file"):
        load_key(file)
    assert file.read_text(encoding="ascii") == content
