"""The bridge's small parts: signatures, times, people, the memory of ended calls."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.bridge.ended_calls import EndedCalls
from streams.gateways.dialect.parties import Party, Person, identify, parsed
from streams.gateways.dialect.times import event_time, to_ms
from streams.gateways.signature import Signature

ANY_JSON_SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80)


@given(body=st.binary(max_size=100), given_value=st.text(max_size=80))
def test_only_the_right_signature_matches(body: bytes, given_value: str) -> None:
    signature = Signature("X", "sha256", (b"key", b"former"))
    assert signature.key_of(body, given_value) is None
    assert signature.key_of(body, None) is None


@given(body=st.binary(max_size=100), upper=st.booleans())
def test_both_keys_of_a_change_are_believed_and_told_apart(*, body: bytes, upper: bool) -> None:
    def signed(key: bytes) -> str:
        digest = hmac.new(key, body, "sha512").hexdigest()
        return digest.upper() if upper else digest

    both = Signature("X", "sha512", (b"key", b"former"))
    assert both.key_of(body, signed(b"key")) == "newest"
    assert both.key_of(body, signed(b"former")) == "older"
    assert both.key_of(body, signed(b"before that")) is None
    assert both.key_of(body + b" ", signed(b"key")) is None
    assert Signature("X", "sha512", (b"key",)).key_of(body, signed(b"former")) is None


def test_a_signature_never_shows_its_keys() -> None:
    assert "hidden" not in repr(Signature("X", "sha512", (b"hidden", b"hidden too")))


@given(value=ANY_JSON_SCALAR, envelope=ANY_JSON_SCALAR, received=st.integers(10**12, 4 * 10**12))
def test_a_time_is_never_after_its_receipt_and_never_fails(
    value: object, envelope: object, received: int
) -> None:
    ms, source = event_time(value, envelope, received)
    assert ms <= received
    assert (source == "received") == (to_ms(value) is None and to_ms(envelope) is None)


@given(st.integers(946_684_800_000, 4 * 10**12).filter(lambda ms: ms >= 10**12))
def test_milliseconds_survive_every_form(ms: int) -> None:
    assert to_ms(ms) == to_ms(str(ms)) == to_ms(float(ms)) == ms
    assert to_ms(ms // 1000) == ms // 1000 * 1000
    assert abs((to_ms(ms / 1000) or 0) - ms) <= 1


@pytest.mark.parametrize(
    "value", [0, -5, 1e30, float("inf"), float("nan"), "", "soon", "1" * 65, True, [], {}, 1.7e15]
)
def test_what_is_no_time_is_none(value: object) -> None:
    assert to_ms(value) is None


def who(raw: str) -> Party:
    found = parsed(raw)
    assert found is not None
    return found


LID = who("900000000000143@lid")
PHONE = who("12025550143@s.whatsapp.net")
NOBODY = frozenset[str]()


def test_links_are_followed_from_either_end() -> None:
    links = [("900000000000143:3@lid", "12025550143:1@c.us")]
    assert identify(LID, links, NOBODY) == Person("12025550143@c.us", ("900000000000143@lid",))
    assert identify(PHONE, links, NOBODY) == Person("12025550143@c.us", ("900000000000143@lid",))


def test_links_of_others_and_own_numbers_are_not_followed() -> None:
    assert identify(LID, [("1@lid", "12025550143@c.us")], NOBODY) == Person("900000000000143@lid")
    own = frozenset({"12025550100@c.us"})
    assert identify(LID, [("900000000000143@lid", "12025550100@c.us")], own) == Person(
        "900000000000143@lid"
    )


@given(st.integers(1, 10**14))
def test_the_digits_of_a_lid_are_never_a_phone_number(digits: int) -> None:
    lid, taken_for = f"{digits}@lid", f"{digits}@c.us"
    assert identify(who(lid), [(lid, taken_for)], NOBODY).jid == lid
    assert identify(who(taken_for), [(lid, taken_for)], NOBODY) == Person(lid)


def test_ended_calls_are_forgotten_after_their_time() -> None:
    ended = EndedCalls(kept_ms=1000)
    ended.note(("g", "l", "1"), 7, 0)
    assert ended.ended_at_ms(("g", "l", "1"), 1000) == 7
    assert ended.ended_at_ms(("g", "l", "1"), 1001) is None
    assert ended.ended_at_ms(("g", "other", "1"), 0) is None
    ended.note(("g", "l", "2"), 1400, 1500)
    assert len(ended) == 1


def test_ended_calls_have_a_bound() -> None:
    ended = EndedCalls(capacity=3)
    for number in range(10):
        ended.note(("g", "l", str(number)), number, number)
    assert len(ended) == 3
    assert ended.ended_at_ms(("g", "l", "9"), 10) == 9
    assert ended.ended_at_ms(("g", "l", "6"), 10) is None


def test_of_several_ends_of_one_call_the_last_counts() -> None:
    ended = EndedCalls()
    for at_ms in (20, 50, 30):
        ended.note(("g", "l", "1"), at_ms, 60)
    assert ended.ended_at_ms(("g", "l", "1"), 60) == 50
