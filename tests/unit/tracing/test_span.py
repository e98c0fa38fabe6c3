"""Where spans stand in their trace, as headers say."""

from __future__ import annotations

import pytest

from models.codec import child_trace, new_trace
from streams.tracing.span import Place, place_of

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_place_is_read_as_it_is_written() -> None:
    place = Place.parse(GIVEN)
    assert place == Place(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, sampled=True)
    assert place is not None
    assert place.traceparent == GIVEN
    beneath = place.beneath()
    assert (beneath.trace_id, beneath.span_id == place.span_id) == (place.trace_id, False)


@pytest.mark.parametrize("flags", ["00", "02", "fe"])
def test_what_is_not_sampled_stays_so(flags: str) -> None:
    place = Place.parse(GIVEN[:-2] + flags)
    assert place is not None
    assert not place.sampled
    assert place.beneath().traceparent.endswith("-00")


@pytest.mark.parametrize(
    "text",
    [None, "", "00", GIVEN[:-1], f"{GIVEN}x", GIVEN.upper(), f"ff{GIVEN[2:]}", f"\n{GIVEN}",
     GIVEN.replace("b7ad6b7169203331", "0" * 16),
     GIVEN.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32)],
)  # fmt: skip
def test_what_is_none_is_taken_for_none(text: str | None) -> None:
    assert Place.parse(text) is None


def test_a_records_place_is_that_of_its_sending() -> None:
    sent = child_trace(GIVEN)
    assert place_of([("ce_id", b"x"), ("traceparent", sent.encode())]) == Place.parse(sent)
    assert place_of([("traceparent", b"\xff")]) is None
    assert place_of([]) is None


def test_what_the_codec_writes_is_understood() -> None:
    assert Place.parse(new_trace()) is not None
