"""What a caller did next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.answers import CallAnswered, CallEnded
from models.attrition import AttritionClosed, AttritionReturned
from models.messages import MessageSeen
from streams.stories.afterwards import MOST, EarlierCall, afterwards, as_lines
from tests.support.records import T0, decision, offer

CALL = EarlierCall(
    decision_id="london/A",
    line="london",
    names=frozenset({"447700900123@c.us", "900000000000143@lid"}),
    received_at_ms=T0,
    texts=("ours",),
)
MINUTE = 60_000


def message(after_ms: int, direction: Any = "in", **changed: Any) -> MessageSeen:
    given = {
        "event_id": f"m{after_ms}{direction}", "message_id": "x", "gateway": "office",
        "line": "london", "caller": "447700900123@c.us", "direction": direction,
        "at_ms": T0 + after_ms, "received_at_ms": T0 + after_ms,
    }  # fmt: skip
    return MessageSeen(**given | changed)


def said(*values: Any) -> list[tuple[int, str]]:
    return [(step.at_ms - T0, step.what) for step in afterwards(CALL, values)]


def test_messages_are_told_by_who_wrote_them() -> None:
    assert said(
        message(3 * MINUTE, "out", by_hand=True),
        message(MINUTE),
        message(MINUTE),
        message(2 * MINUTE, "out", message_id="ours"),
        message(4 * MINUTE, "out"),
        message(5 * MINUTE, caller="900000000000143@lid", line="paris"),
        message(6 * MINUTE, caller="447700900456@c.us"),
        message(-MINUTE),
    ) == [
        (MINUTE, "wrote to the line"),
        (3 * MINUTE, "a person of the line wrote to the caller"),
        (4 * MINUTE, "the line wrote to the caller"),
        (5 * MINUTE, "wrote to the line paris"),
    ]


def test_later_calls_and_their_ends_are_told() -> None:
    again = decision(offer("B", at_ms=T0 + MINUTE), "ring")
    elsewhere = decision(offer("C", line="paris", at_ms=T0 + 2 * MINUTE))
    own = decision(offer("A"))
    ends = {
        "gateway": "office", "line": "london", "caller": "447700900123@c.us",
        "after_ms": 1, "offered_at_ms": T0,
    }  # fmt: skip
    rang: Any = {**ends, "call_id": "B", "decision_id": "london/B", "event_id": "b"}
    over: Any = {**ends, "call_id": "A", "decision_id": "london/A", "event_id": "a"}
    assert said(
        CallAnswered(**rang, at_ms=T0 + MINUTE + 5_000),
        CallEnded(**over, how="rejected", known_from="gateway", at_ms=T0 + 700),
        CallEnded(
            **{**rang, "event_id": "e"}, how="answered", known_from="gateway", at_ms=T0 + 3 * MINUTE
        ),
        replace(again, repeated=True),
        again,
        own,
        elsewhere,
    ) == [
        (700, "the call ended rejected"),
        (MINUTE, "called again: rang"),
        (MINUTE + 5_000, "the later call was picked up"),
        (2 * MINUTE, "called again on the line paris: rejected"),
    ]


def test_attrition_is_told_of_the_calls_own_episode() -> None:
    of: Any = {"caller": "447700900123@c.us", "line": "london", "rejects": 1, "opened_at_ms": T0}
    returned = AttritionReturned(
        **of, event_id="r", episode_id="london/A", what="wrote", after_ms=MINUTE, at_ms=T0 + MINUTE
    )
    closed = AttritionClosed(
        **of, event_id="c", episode_id="london/A", horizon_ms=86_400_000, state="censored",
        reason="merged", at_ms=T0 + 86_400_000,
    )  # fmt: skip
    other = replace(closed, event_id="o", episode_id="london/Z")
    assert said(closed, returned, other) == [
        (MINUTE, "counts as returned: wrote to the line, after 60 s"),
        (86_400_000, "after 24 h counts as censored (merged)"),
    ]


def test_steps_are_shown_with_their_distance() -> None:
    steps = afterwards(CALL, [message(n * MINUTE) for n in range(1, MOST + 3)])
    lines = list(as_lines(CALL, steps))
    assert lines[0] == "next:"
    assert lines[1].split() == ["60", "s", "wrote", "to", "the", "line"]
    assert lines[-1].endswith("and 2 more; --json has them all")
    assert len(lines) == MOST + 2
    assert list(as_lines(CALL, [])) == ["next: nothing that is on the topics"]
