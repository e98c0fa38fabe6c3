"""Connecting again and again: growing pauses with jitter, and only for what was expected."""

from __future__ import annotations

from itertools import islice

import pytest

from streams.kafka import reconnect
from streams.kafka.reconnect import FIRST_PAUSE_S, LONGEST_PAUSE_S, connected, pauses_s


class Cluster:
    """Raises what it is given, one after the other, then connects."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.told: list[str] = []

    async def attempt(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "connected"

    async def note(self, error: Exception, pause_s: float) -> None:
        assert 0 <= pause_s <= LONGEST_PAUSE_S
        self.told.append(str(error))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "FIRST_PAUSE_S", 0)


def test_pauses_grow_to_the_longest_and_stay_there() -> None:
    expected = FIRST_PAUSE_S
    for pause in islice(pauses_s(), 20):
        assert expected / 2 <= pause <= expected
        expected = min(expected * 2, LONGEST_PAUSE_S)


def test_two_of_a_fleet_do_not_wait_equally_long() -> None:
    assert list(islice(pauses_s(), 5)) != list(islice(pauses_s(), 5))


async def test_each_failure_is_noted_until_one_attempt_succeeds(at_once: None) -> None:
    cluster = Cluster(OSError("away"), TimeoutError("silent"))
    got = await connected(cluster.attempt, (OSError, TimeoutError), cluster.note)
    assert got == "connected"
    assert cluster.told == ["away", "silent"]


async def test_what_was_not_expected_is_raised(at_once: None) -> None:
    cluster = Cluster(OSError("away"), ZeroDivisionError("a mistake of ours"))
    with pytest.raises(ZeroDivisionError):
        await connected(cluster.attempt, (OSError,), cluster.note)
    assert cluster.told == ["away"]
