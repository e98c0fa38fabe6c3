"""How long offers wait for what is still to be read."""

from __future__ import annotations

import pytest

from streams.screening.wait_budget import SHORT_S, SPAN_S, WAIT_S, WaitBudget


def test_an_offer_may_wait() -> None:
    assert WaitBudget().until(0, 100.0) == 100.0 + WAIT_S


def test_behind_one_that_waited_in_vain_nobody_waits() -> None:
    patience = WaitBudget()
    patience.waited(0, 100.0 - WAIT_S, 100.0, in_vain=True)
    assert patience.until(0, 100.0 + SPAN_S / 2) == 100.0 + SPAN_S / 2
    assert patience.until(1, 100.0) == 100.0 + WAIT_S, "another partition has its own messages"
    assert patience.until(0, 100.0 + SPAN_S) == 100.0 + SPAN_S + WAIT_S


def test_those_who_did_not_wait_make_nobody_wait_less() -> None:
    patience = WaitBudget()
    patience.waited(0, 100.0 - WAIT_S, 100.0, in_vain=True)
    patience.waited(0, 100.5, 100.5, in_vain=True)
    assert patience.until(0, 100.0 + SPAN_S) == 100.0 + SPAN_S + WAIT_S


def test_waits_of_every_kind_are_one_budget() -> None:
    patience = WaitBudget()
    patience.waited(0, 99.9, 100.0, in_vain=True)
    patience.waited(0, 100.0, 100.1 + SHORT_S, in_vain=False)
    assert patience.until(0, 100.2) == pytest.approx(100.2 + WAIT_S - 0.2)


def test_a_short_wait_that_was_not_in_vain_is_free() -> None:
    patience = WaitBudget()
    for _ in range(100):
        patience.waited(0, 100.0, 100.0 + SHORT_S, in_vain=False)
    assert patience.until(0, 100.1) == 100.1 + WAIT_S
