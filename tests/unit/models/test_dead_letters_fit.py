"""A dead letter is taken by every broker with default settings, whatever it is made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.codec import Headers
from models.records import LETTER_BYTES, Record, dead_letter

BROKER_TAKES = 1_048_576
"""``message.max.bytes`` and aiokafka's ``max_request_size``."""

sizes = st.sampled_from([0, 1, 90_000, 200_000, 900_000, 1_000_001, 5_000_000])


def letter(key: bytes, value: bytes, headers: Headers) -> Record:
    return dead_letter(
        key=key,
        value=value,
        headers=headers,
        reason="undecodable",
        message="why",
        source="test",
        topic="t",
        partition=0,
    )


def size(record: Record) -> int:
    return (
        len(record.key)
        + len(record.value or b"")
        + sum(len(name) + len(text) + 10 for name, text in record.headers)
    )


@given(
    key=sizes,
    value=sizes,
    headers=st.lists(st.sampled_from([0, 100, 5_000, 300_000]), max_size=200),
)
def test_no_letter_is_too_large(key: int, value: int, headers: list[int]) -> None:
    given_headers = [(f"h{number}", b"x" * length) for number, length in enumerate(headers)]
    made = letter(b"k" * key, b"v" * value, given_headers)
    assert size(made) < BROKER_TAKES
    said = dict(made.headers)
    assert (b"v" * value).startswith(made.value or b"")
    assert (
        said.get("ringfence-cut-from-bytes", str(len(made.value or b"")).encode())
        == str(value).encode()
    )
    assert (
        said.get("ringfence-key-cut-from-bytes", str(len(made.key)).encode()) == str(key).encode()
    )
    kept = [header for header in made.headers if header in given_headers]
    assert len(kept) + int(said.get("ringfence-left-out-headers", b"0")) == len(given_headers)


def test_what_fits_is_kept_as_it_came() -> None:
    headers = [("traceparent", b"\xff"), ("large", b"l" * 50_000)]
    made = letter(b"k" * 150_000, b"v" * (LETTER_BYTES - 250_000), headers)
    assert (len(made.key), len(made.value or b"")) == (150_000, LETTER_BYTES - 250_000)
    assert made.headers[:2] == headers
    assert not [name for name, _ in made.headers if "cut" in name or "left-out" in name]
