"""Packed rows are a dictionary: whatever is put in comes back, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codec import encode
from models.contacts import Contact
from streams.views import packed_rows
from streams.views.contact_rows import ContactCutter
from streams.views.packed_rows import PackedRows

JID = "447700900123@c.us"


@pytest.fixture(autouse=True, scope="module")
def _crowded() -> Iterator[None]:
    """One bucket, so that rows stand beside others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_rows, "_BUCKETS", 1)
        yield


jids = st.integers(0, 40).map(lambda number: f"44770090{number}@c.us")
written = st.builds(
    lambda name, tier, aliases, at_ms: (
        lambda jid: encode(
            Contact(contact=jid, name=name, tier=tier, aliases=aliases, source="crm", at_ms=at_ms)
        )
    ),
    st.none() | st.text(max_size=20) | st.sampled_from([',"tier":', '","name":', "Ana,\u00e9"]),
    st.sampled_from([None, "gold", "silver"]),
    st.lists(jids, max_size=2).map(tuple),
    st.integers(0, 2**41),
)
values = written | st.binary(max_size=40).map(lambda raw: lambda _jid: raw)
keys = jids.map(str.encode) | st.binary(max_size=6)
steps = st.lists(st.tuples(keys, st.none() | values), max_size=60)


@given(steps)
def test_rows_are_those_of_a_dictionary(steps: list[tuple[bytes, object]]) -> None:
    rows, wanted = PackedRows(ContactCutter()), dict[bytes, bytes]()
    for key, make in steps:
        if make is None:
            rows.pop(key)
            wanted.pop(key, None)
        else:
            assert callable(make)
            value = make(key.decode("utf-8", "replace"))
            rows.set(key, value)
            wanted[key] = value
    assert {key: rows.get(key) for key, _ in steps} == {key: wanted.get(key) for key, _ in steps}
    assert sorted(rows) == sorted(wanted)
    assert len(rows) == len(wanted)


def test_reserved_bytes_stand_for_no_row() -> None:
    rows = PackedRows(ContactCutter())
    rows.set(b"a", b"1")
    rows.set(b"b", b"2")
    odd = b"a\xfe\xfd1\xffb"
    assert rows.get(odd) is None
    rows.pop(odd)
    rows.set(odd, b"3")
    assert [rows.get(key) for key in (b"a", b"b", odd)] == [b"1", b"2", b"3"]
    assert len(rows) == 3


def test_a_row_may_turn_odd_and_back() -> None:
    rows = PackedRows(ContactCutter())
    for value in (b"{}", b"\xff", b"{}"):
        rows.set(b"key", value)
        assert rows.get(b"key") == value
        assert len(rows) == 1


def test_what_rows_share_stands_once() -> None:
    rows = PackedRows(ContactCutter())
    contact = Contact(contact=JID, tier="gold", locale="en-GB", source="crm", at_ms=1)
    rows.set(JID.encode(), encode(contact))
    bucket = next(filter(None, rows._buckets))
    assert b"gold" not in bucket
    assert bucket.count(JID.encode()) == 1


def test_too_many_shapes_are_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_rows, "_MOST_SHAPES", 2)
    rows = PackedRows(ContactCutter())
    whole = {}
    for tier in ("a", "b", "c", "d"):
        jid = f"{tier}@lid"
        whole[jid.encode()] = encode(Contact(contact=jid, tier=tier, source="crm", at_ms=1))
        rows.set(jid.encode(), whole[jid.encode()])
    assert {key: rows.get(key) for key in whole} == whole


def test_shapes_beyond_the_surrogates_have_characters_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_rows, "_SURROGATES", 1)
    rows = PackedRows(ContactCutter())
    for tier in ("a", "b"):
        raw = encode(Contact(contact=JID, tier=tier, source="crm", at_ms=1))
        rows.set(JID.encode(), raw)
        assert rows.get(JID.encode()) == raw
