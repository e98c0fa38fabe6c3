"""Policies as data: what is accepted, what is refused, and what stands for what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.codec import decode, encode
from models.policy import (
    MAX_TEXT,
    Policy,
    TimeOfDay,
    in_locale,
    parse_duration,
    read_policy,
    revision_of,
)
from models.policy.rules import BurstRule, TextFirstRule
from streams.policies.book import PolicyBook, PolicyInForce
from tests.support.facts import REPLIES

BURST = {"id": "burst", "type": "burst", "reply": "slow-down"}
TEXT_FIRST = {"id": "text-first", "type": "text_first", "reply": "text-first"}


def document(**changed: Any) -> dict[str, Any]:
    return {"line": "*", "rules": [BURST, TEXT_FIRST], "replies": REPLIES} | changed


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("60s", 60_000),
        ("15m", 900_000),
        ("12h", 43_200_000),
        ("365d", 365 * 86_400_000),
        ("250ms", 250),
        ("1.5s", 1500),
        (" 2 h ", 7_200_000),
    ],
)
def test_durations(written: object, ms: int) -> None:
    assert parse_duration(written) == ms


@pytest.mark.parametrize(
    "written",
    [
        "",
        "60",
        "s",
        "-5s",
        "1e3s",
        "60 seconds",
        "1h30m",
        "60S",
        "9" * 400 + "d",
        "1,5s",
        "0x10s",
        "infs",
    ],
)
def test_what_is_no_duration_is_refused_with_the_forms_allowed(written: str) -> None:
    with pytest.raises(ValueError, match="60s, 15m, 12h or 365d"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "read"),
    [("22:00", "22:00"), ("6:05", "06:05"), ("00:00", "00:00"), ("23:59", "23:59")],
)
def test_times_of_day(written: str, read: str) -> None:
    assert TypeAdapter(TimeOfDay).validate_python(written) == read


@pytest.mark.parametrize(
    "written",
    ["", "22", "24:00", "22:60", "6:5", "006:00", "22:00:00", "10 pm", 1320, 360, 22.0, True, None],
)
def test_what_is_no_time_of_day_is_refused_with_the_form(written: object) -> None:
    with pytest.raises(ValidationError, match="HH:MM in quotes, such as '22:00' or '06:00'"):
        TypeAdapter(TimeOfDay).validate_python(written)


@given(st.text(max_size=30) | st.from_regex(r"\d+(\.\d+)?(ms|s|m|h|d)", fullmatch=True))
def test_a_duration_is_read_or_refused_and_nothing_else(written: str) -> None:
    where: tuple[int | str, ...] = ("texts", "cooldown")
    try:
        read_policy(document(texts={"cooldown": written}))
    except ValidationError as exc:
        where = exc.errors()[0]["loc"]
    assert where == ("texts", "cooldown")


@pytest.mark.parametrize("within", ["0s", "0.1ms", 0, -1, "3661d", 1.5, None])
def test_a_window_is_more_than_nothing_and_less_than_ten_years(within: object) -> None:
    with pytest.raises(ValidationError):
        read_policy(document(rules=[TEXT_FIRST | {"within": within}]))


def test_defaults_are_the_documented_ones() -> None:
    policy = read_policy(document())
    burst, text_first = policy.rules
    assert isinstance(burst, BurstRule)
    assert (burst.calls, burst.within, burst.mode) == (3, 60_000, "enforce")
    assert isinstance(text_first, TextFirstRule)
    assert (text_first.within, text_first.mode) == (365 * 86_400_000, "enforce")
    assert policy.texts.cooldown == 86_400_000
    assert (policy.default, policy.on_error) == ("ring", "ring")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rules": [BURST, BURST]}, "two rules have the id 'burst'"),
        (
            {"rules": [BURST | {"reply": "nothing"}]},
            "reply 'nothing', which is not under replies .there: slow-down",
        ),
        ({"replies": {"slow-down": {}, "text-first": {"en": "x"}}}, "should have at least 1 item"),
        ({"rules": [BURST | {"calls": 1}]}, "greater than or equal to 2"),
        ({"rules": [BURST | {"within": "25h"}]}, "less than or equal to 86400000"),
        ({"rules": [BURST | {"type": "burts"}]}, "burts"),
        ({"rules": [{"id": "x"}]}, "type"),
        ({"rules": [BURST | {"mode": "dry"}]}, "enforce"),
        ({"rules": [BURST | {"colour": "red"}]}, "colour"),
        ({"rules": [BURST | {"id": "Burst!"}]}, "id"),
        ({"colour": "red"}, "colour"),
        ({"line": "London"}, "line"),
        ({"default": "reject"}, "ring"),
        ({"texts": {"cooldown": "1d", "cap": 3}}, "cap"),
        ({"replies": REPLIES | {"long": {"en": "x" * (MAX_TEXT + 1)}}}, "4096"),
        ({"replies": REPLIES | {"blank": {"en": "  "}}}, "at least 1 character"),
        ({"replies": REPLIES | {"odd": {"English": "x"}}}, "English"),
    ],
)
def test_what_contradicts_itself_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        read_policy(document(**changed))


@pytest.mark.parametrize("data", [None, [], "burst", 5, {"rules": []}])
def test_what_is_no_policy_is_refused(data: object) -> None:
    with pytest.raises(ValidationError):
        read_policy(data)


@pytest.mark.parametrize(
    ("locale", "text"),
    [("en-GB", "Hello!"), ("en-US", "Hi"), ("ar-SA", "أهلا"), ("fr", "Hi"), ("en", "Hi")],
)
def test_a_reply_speaks_the_locale_its_language_or_english(locale: str, text: str) -> None:
    assert in_locale({"ar": "أهلا", "en": "Hi", "en-GB": "Hello!"}, locale)[0] == text


def test_a_reply_without_english_falls_to_the_first_written() -> None:
    assert in_locale({"fr": "Salut", "ar": "أهلا"}, None, "de") == ("Salut", "fr")


def test_revisions_follow_the_content() -> None:
    first, same = revision_of(read_policy(document())), revision_of(read_policy(document()))
    assert first == same
    others = [
        revision_of(read_policy(document(**changed)))
        for changed in (
            {"rules": [TEXT_FIRST, BURST]},
            {"texts": {"cooldown": "1h"}},
            {"line": "london"},
        )
    ]
    assert len({first, *others}) == 4


def test_a_new_version_gives_a_document_its_old_revision() -> None:
    """Decisions and texts under way quote it, and the topic's history is looked up by it."""
    assert revision_of(read_policy(document())) == "64002d79b455"
    held = [TEXT_FIRST | {"holdout": 0.1}, TEXT_FIRST | {"holdout": 0.1, "salt": "s"}]
    assert len({revision_of(read_policy(document(rules=[each]))) for each in held}) == 2


def test_a_policy_survives_the_topic() -> None:
    policy = read_policy(document())
    assert decode(Policy, encode(policy)) == policy


def test_a_line_without_a_policy_has_the_common_one_or_rings() -> None:
    common, own = (
        PolicyInForce(read_policy(document(**line)), "r") for line in ({}, {"line": "london"})
    )
    book = PolicyBook({"*": common, "london": own})
    assert book.for_line("london") is own
    assert book.for_line("paris") is common
    nothing = PolicyBook({"london": own}).for_line("paris")
    assert (nothing.policy.rules, nothing.policy.default, nothing.revision) == ((), "ring", "none")
