"""How long offers wait for messages that are still to be read."""

from __future__ import annotations

from streams.screening.wait_budget import IN_VAIN_S, WAIT_S, WaitBudget


def test_an_offer_may_wait() -> None:
    assert WaitBudget().until(0, 100.0) == 100.0 + WAIT_S


def test_behind_one_that_waited_in_vain_nobody_waits() -> None:
    patience = WaitBudget()
    patience.gave_up(0, 100.0)
    assert patience.until(0, 100.0 + IN_VAIN_S / 2) == 100.0 + IN_VAIN_S / 2
    assert patience.until(1, 100.0) == 100.0 + WAIT_S, "another partition has its own messages"
    assert patience.until(0, 100.0 + IN_VAIN_S) == 100.0 + IN_VAIN_S + WAIT_S


def test_those_who_did_not_wait_make_nobody_wait_less() -> None:
    patience = WaitBudget()
    patience.gave_up(0, 100.0)
    patience.gave_up(0, 100.0 + IN_VAIN_S / 2)
    assert patience.until(0, 100.0 + IN_VAIN_S) == 100.0 + IN_VAIN_S + WAIT_S
