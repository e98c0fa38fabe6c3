"""How a command ended that leaves no claim behind: what was surely not sent, and what may have
been."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from models.commands import UnblockCaller
from models.outcomes import OWNER_CHANGED
from streams.gateways.answer import GatewayAnswer
from streams.gateways.attempts import NONE, Attempts
from streams.sink.context import RESULTS, Endings, SinkContext
from tests.support.facts import NOW_MS, reject

EVENT: Any = SimpleNamespace()
SENT = Attempts(GatewayAnswer(meaning="accepted", status=201), 1, NOW_MS)
HELD = Attempts(held=True)


def context(*, inherited_before_ms: int = 0) -> SinkContext:
    """A sink whose partitions were taken over then."""
    unused: Any = None
    return SinkContext(
        gateways={},
        outbox=unused,
        clock=lambda: NOW_MS,
        metrics=unused,
        may_act=unused,
        confirm=unused,
        is_ours=unused,
        is_inherited=lambda _event, caused_at_ms: caused_at_ms < inherited_before_ms,
        on_failure=unused,
    )


def ended(parts: SinkContext, tried: Attempts, **command: Any) -> tuple[str, str | None]:
    found = parts.ended(EVENT, reject(**command), tried, RESULTS)
    return found.result, found.reason


def test_what_came_too_late_to_its_only_owner_is_late() -> None:
    assert ended(context(), NONE) == ("late", "window-over")


@pytest.mark.parametrize("tried", [NONE, HELD], ids=["late", "held"])
def test_what_an_earlier_owner_may_have_sent_is_unknown(tried: Attempts) -> None:
    parts = context(inherited_before_ms=NOW_MS + 60_000)
    assert ended(parts, tried) == ("unknown", OWNER_CHANGED)


def test_our_own_answer_stands_whoever_had_it_before() -> None:
    parts = context(inherited_before_ms=NOW_MS + 60_000)
    assert ended(parts, SENT) == ("accepted", None)


def test_a_command_that_comes_again_ends_as_it_did() -> None:
    """A call that is decided again asks for its reject once more, when its time is over."""
    parts = context()
    assert ended(parts, SENT) == ("accepted", None)
    assert ended(parts, NONE) == ("accepted", None)
    assert ended(parts, NONE, command_id="london/call-2/reject") == ("late", "window-over")


def test_the_end_of_a_block_counts_from_its_order() -> None:
    unblock = UnblockCaller(
        command_id="london/call-1/unblock",
        decision_id="london/call-1",
        gateway="office",
        line="london",
        session="default",
        call_id="call-1",
        caller="12025550143@c.us",
        caller_raw="12025550143@s.whatsapp.net",
        received_at_ms=NOW_MS - 3_600_000,
        at_ms=NOW_MS,
    )
    parts = context(inherited_before_ms=NOW_MS)
    assert parts.ended(EVENT, unblock, NONE, RESULTS).result == "late"


def test_the_oldest_endings_are_forgotten() -> None:
    endings = Endings(2)
    found = context().ended(EVENT, reject(), NONE, RESULTS)
    for each in ("a", "b", "a", "c"):
        endings.note(each, found)
    assert [endings.of(each) for each in "abc"] == [found, None, found]
