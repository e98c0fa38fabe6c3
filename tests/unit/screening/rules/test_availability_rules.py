"""Rules about who and what can take the call: agents at their desks, recording bridges."""

from __future__ import annotations

from typing import Any

import pytest

from models.callbacks import Callback
from models.presence import HEALTH_TTL_MS, PRESENCE_TTL_MS, BridgeHealth, Presence
from streams.screening.decide import decide
from tests.support.facts import NOW_MS, contact, facts, knowing, policy

REPLIES = {name: {"en": name} for name in ("away", "busy", "queued", "no-recording")}
DESK = {
    "id": "desk",
    "type": "presence",
    "queue_tiers": ["gold"],
    "reply": "away",
    "busy_reply": "busy",
    "queue_reply": "queued",
    "handle_time": "4m",
    "callback_tiers": ["silver"],
}
RECORD = {"id": "must-record", "type": "recording_bridge", "reply": "no-recording"}


def agent(name: str = "mia", **more: Any) -> Presence:
    given: dict[str, Any] = {
        "status": "online",
        "lines": ("london",),
        "status_at_ms": NOW_MS - 9_000,
        "heartbeat_at_ms": NOW_MS - 2_000,
    }
    return Presence(agent=name, **given | more)


def bridge(name: str = "sbc-1", **more: Any) -> BridgeHealth:
    given: dict[str, Any] = {"up": True, "lines": ("london",), "at_ms": NOW_MS - 2_000}
    return BridgeHealth(bridge=name, **given | more)


def desk(*agents: Presence, tier: str | None = None, more: tuple[Callback, ...] = ()) -> Any:
    known = knowing(*agents, *more, *([contact(tier=tier)] if tier else []))
    return decide(policy(DESK, replies=REPLIES), facts(known=known))


@pytest.mark.parametrize(
    "absent",
    [
        (),
        (agent(status="offline"),),
        (agent(status="away"),),
        (agent(lines=("paris",)),),
        (agent(heartbeat_at_ms=NOW_MS - PRESENCE_TTL_MS),),
    ],
)
@pytest.mark.parametrize("tier", [None, "gold"])
def test_nobody_online_rejects_everybody(absent: tuple[Presence, ...], tier: str | None) -> None:
    taken = desk(*absent, tier=tier)
    assert (taken.verdict, taken.reply, taken.why, taken.callback) == (
        "reject",
        "away",
        "nobody is online",
        False,
    )
    assert taken.facts["agents_online"] == 0


def test_one_free_agent_is_enough() -> None:
    taken = desk(agent("ben", status="busy"), agent(lines=("*",)))
    assert (taken.verdict, taken.facts["agents_online"], taken.facts["agents_free"]) == (
        "ring",
        2,
        1,
    )
    assert taken.facts["presence_age_ms"] == 2_000
    assert desk(agent(heartbeat_at_ms=NOW_MS - PRESENCE_TTL_MS + 1)).verdict == "ring"


@pytest.mark.parametrize(
    "busy", [agent(status="busy"), agent(active_calls=1), agent(capacity=3, active_calls=3)]
)
def test_all_busy_queues_the_tiers_named_and_rejects_the_others(busy: Presence) -> None:
    queued = desk(busy, tier="gold")
    assert (queued.verdict, queued.reply, queued.callback) == ("queue", "queued", True)
    assert queued.facts["wait_ms"] == 240_000
    other = desk(busy, tier="bronze")
    assert (other.verdict, other.reply, other.callback) == ("reject", "busy", False)
    assert desk(busy, tier="silver").callback is True
    assert desk(busy).verdict == "reject"


def test_room_for_one_more_call_is_free() -> None:
    assert desk(agent(capacity=3, active_calls=2)).verdict == "ring"


def test_the_wait_grows_with_the_queue_and_shrinks_with_agents() -> None:
    waiting = tuple(
        Callback(
            caller=f"1202555010{n}@c.us",
            line="london",
            state="open",
            reason="desk",
            decision_id=f"london/{n}",
            opened_at_ms=NOW_MS - 60_000,
        )
        for n in range(3)
    )
    taken = desk(
        agent("mia", status="busy"), agent("ben", status="busy"), tier="gold", more=waiting
    )
    assert (taken.facts["waiting"], taken.facts["wait_ms"]) == (3, 480_000)


@pytest.mark.parametrize(
    ("bridges", "said"),
    [
        ((), "no recording bridge was ever heard of"),
        ((bridge(up=False),), "no bridge can record: sbc-1 down"),
        ((bridge(active=30, capacity=30),), "no bridge can record: sbc-1 at capacity"),
        ((bridge(at_ms=NOW_MS - HEALTH_TTL_MS),), "no bridge can record: sbc-1 not heard of"),
        ((bridge(lines=("paris",)),), "no recording bridge was ever heard of"),
        (
            (bridge(up=False), bridge("sbc-2", up=False)),
            "no bridge can record: sbc-1 down, sbc-2 down",
        ),
    ],
)
def test_a_line_that_must_record_rejects_when_it_cannot(
    bridges: tuple[BridgeHealth, ...], said: str
) -> None:
    taken = decide(policy(RECORD, replies=REPLIES), facts(known=knowing(*bridges)))
    assert (taken.verdict, taken.rule, taken.reply, taken.why) == (
        "reject",
        "must-record",
        "no-recording",
        said,
    )


@pytest.mark.parametrize(
    "bridges",
    [
        (bridge(),),
        (bridge(lines=("*",)),),
        (bridge(active=29, capacity=30),),
        (bridge(at_ms=NOW_MS - HEALTH_TTL_MS + 1),),
        (bridge(up=False), bridge("sbc-2")),
    ],
)
def test_one_bridge_that_can_record_is_enough(bridges: tuple[BridgeHealth, ...]) -> None:
    taken = decide(policy(RECORD, replies=REPLIES), facts(known=knowing(*bridges)))
    assert taken.verdict == "ring"
    assert taken.facts["bridge"] in {"sbc-1", "sbc-2"}


def test_only_the_bridges_named_count() -> None:
    rule = RECORD | {"bridges": ["sbc-9"]}
    assert decide(policy(rule, replies=REPLIES), facts(known=knowing(bridge()))).verdict == "reject"
    assert (
        decide(
            policy(rule, replies=REPLIES), facts(known=knowing(bridge("sbc-9", lines=())))
        ).verdict
        == "ring"
    )
