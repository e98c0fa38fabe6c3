"""When to try again, and what ``Retry-After`` says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.common.backoff import pause_ms
from streams.gateways.answer_body import by_status, retry_after_ms

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@given(st.integers(1, 40))
def test_a_pause_doubles_up_to_its_cap_with_jitter(attempt: int) -> None:
    full = min(2000, 200 * 2 ** (attempt - 1))
    assert full // 2 <= pause_ms(attempt, None) <= full


def test_pauses_differ_so_that_workers_do_not_come_back_together() -> None:
    assert len({pause_ms(4, None) for _ in range(200)}) > 20


@given(st.integers(1, 40), st.integers(0, 10**7))
def test_a_pause_is_never_shorter_than_the_gateway_asked(attempt: int, asked_ms: int) -> None:
    assert pause_ms(attempt, asked_ms) >= asked_ms


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        ("0", 0),
        ("7", 7000),
        (" 120 ", 120_000),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30_000),
        ("Thu, 01 Jan 2026 12:00:30 -0000", 30_000),
        ("Thursday, 01-Jan-26 12:00:30 GMT", 30_000),
        ("Thu Jan  1 12:00:30 2026", 30_000),
        ("Thu, 01 Jan 2026 11:59:00 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, ms: int) -> None:
    assert retry_after_ms({"retry-after": value}, NOON) == ms


@pytest.mark.parametrize(
    "value", ["", "soon", "-5", "1.5", "²", "9" * 5000, "Thu, 99 Jan 2026 12:00:30 GMT"]
)
def test_what_is_neither_says_nothing(value: str) -> None:
    assert retry_after_ms({"retry-after": value}, NOON) is None


def test_no_header_says_nothing() -> None:
    assert retry_after_ms({}, NOON) is None


DATES = st.from_regex(
    r"(Mon, )?\d{1,6}[ -](Jan|Feb|x)[ -]\d{1,20} \d{1,9}:\d{1,9}(:\d{1,9})? ?([+-]\d{1,9}|GMT)?"
)


@given(st.text(max_size=40) | DATES)
def test_no_header_can_break_the_reader(value: str) -> None:
    found = retry_after_ms({"retry-after": value}, NOON)
    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("status", "meaning", "reason"),
    [
        (302, "fault", "http-302"),
        (400, "refused", "http-400"),
        (401, "refused", "not-permitted"),
        (403, "refused", "not-permitted"),
        (429, "busy", "rate-limited"),
        (500, "fault", "http-500"),
        (502, "fault", "http-502"),
        (503, "fault", "http-503"),
        (504, "fault", "http-504"),
    ],
)
def test_what_a_status_alone_means(status: int, meaning: str, reason: str) -> None:
    answer = by_status(status, {"retry-after": "3"})
    assert (answer.meaning, answer.reason, answer.status) == (meaning, reason, status)
    assert answer.retry_after_ms == (3000 if status in {429, 503} else None)
