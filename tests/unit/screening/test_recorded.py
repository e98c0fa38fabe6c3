"""Every decision can be made again from its record alone, and what is not there is not guessed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codec import decode, encode
from models.decisions import Decision
from models.overrides import CallerBlock, LineSwitch, ListEntry
from models.policy import DAY_MS
from models.presence import BridgeHealth, ConnectionChange, LineStatus, Presence
from models.records import Reference
from models.snapshot import MOST_BYTES
from streams.policies.book import PolicyInForce
from streams.screening.decide import decide
from streams.screening.facts import LineFacts, UnknowableError
from streams.screening.recent_calls import RecentCalls
from streams.screening.recorded import differences, facts_of
from streams.screening.step import Step, StepContext, step
from streams.screening.storms import Storms
from tests.support.facts import NOW_MS, contact, facts, knowing, offer, policy

CALLER = "12025550143@c.us"
LID = "900000000000143@lid"
OTHER = "447700900123@c.us"
HOUR_MS = 3_600_000
NEW_YORK = "America/New_York"

RULES: dict[str, dict[str, Any]] = {
    "emergency": {"callers": ["+12025550143"]},
    "allow_list": {},
    "deny_list": {"callers": ["GB"], "reply": "text-first"},
    "vip_only": {"tiers": ["gold"]},
    "quiet_hours": {"calendar": "office", "zone": "caller", "callback_tiers": ["gold"]},
    "burst": {"calls": 2, "within": "60s", "block": "2m", "reply": "slow-down"},
    "urgent_repeat": {"within": "1h", "then": "queue"},
    "storm": {"callers": 2, "within": "60s"},
    "text_first": {"within": "2d", "reply": "text-first"},
    "recording_bridge": {"bridges": ["sbc-1", "sbc-2"]},
    "presence": {"queue_tiers": ["gold"], "callback_tiers": ["silver"]},
    "media": {"reject": ["video", "group"]},
    "country": {"only": ["US"], "unknown": "reject"},
    "expression": {"condition": "calls_in_10m > 2 || agents_online > 0 || country == 'GB'"},
}
WAYS: list[dict[str, Any]] = [{}, {"mode": "shadow"}, {"holdout": 0.5}]
CALENDARS = [
    {
        "calendar": "office",
        "week": {"mon-fri": ["09:00-12:00", "13:00-17:00"]},
        "holidays": [{"country": "GB"}],
    }
]


@st.composite
def policies(draw: st.DrawFn) -> PolicyInForce:
    names = draw(st.lists(st.sampled_from(sorted(RULES)), unique=True, max_size=8))
    rules = [RULES[name] | {"id": name.replace("_", "-"), "type": name} for name in names]
    rules = [rule | draw(st.sampled_from(WAYS)) for rule in rules]
    return policy(*rules, calendars=CALENDARS)


@st.composite
def references(draw: st.DrawFn) -> list[Reference]:
    """What a worker may know about the caller, the line and its helpers."""
    past, known = st.integers(NOW_MS - 900_000, NOW_MS), list[Reference]()
    until = st.none() | st.integers(NOW_MS - 5, NOW_MS + HOUR_MS)
    if draw(st.booleans()):
        tier = draw(st.sampled_from((None, "gold", "silver")))
        zone = draw(st.sampled_from((None, "Asia/Kolkata")))
        known.append(
            contact(tier=tier, time_zone=zone, aliases=draw(st.sampled_from(((), (LID,)))))
        )
    for name in draw(st.sets(st.sampled_from(("allow", "deny", "emergency")))):
        pattern = draw(st.sampled_from((CALLER, LID, OTHER, "+1*", "US")))
        known.append(ListEntry(list=name, pattern=pattern, author="mia", added_at_ms=draw(past)))
    for who in draw(st.sets(st.sampled_from((CALLER, OTHER)))):
        ends = draw(st.sampled_from((0, NOW_MS - 1, NOW_MS + 1)))
        block = CallerBlock(caller=who, line="*", until_ms=ends, author="mia", at_ms=draw(past))
        known.append(block)
    for line in draw(st.sets(st.sampled_from(("london", "*")))):
        state: Any = draw(st.sampled_from(("open", "closed", "calendar")))
        known.append(
            LineSwitch(line=line, state=state, until_ms=draw(until), author="mia", at_ms=draw(past))
        )
    for n in range(draw(st.integers(0, 2))):
        status: Any = draw(st.sampled_from(("online", "busy", "offline")))
        at_ms = draw(past)
        known.append(
            Presence(
                agent=f"a{n}",
                status=status,
                lines=("*",),
                status_at_ms=at_ms,
                heartbeat_at_ms=at_ms,
            )
        )
    for n in draw(st.sets(st.integers(1, 3))):
        lines = draw(st.sampled_from((("london",), ("paris",))))
        known.append(
            BridgeHealth(bridge=f"sbc-{n}", up=draw(st.booleans()), lines=lines, at_ms=draw(past))
        )
    changes = sorted(draw(st.sets(past, max_size=12)))
    if changes:
        known.append(
            LineStatus(
                line="london",
                connected=True,
                status="WORKING",
                changed_at_ms=changes[-1],
                changes=tuple(
                    ConnectionChange(at_ms=at_ms, connected=bool(n % 2))
                    for n, at_ms in enumerate(changes)
                ),
                lost_at_ms=draw(st.sampled_from((0, NOW_MS - 700_000, NOW_MS - 5))),
            )
        )
    return known


@st.composite
def decisions(draw: st.DrawFn) -> tuple[PolicyInForce, Decision]:
    """A decision as the worker makes it, after some other calls of the caller and of strangers."""
    in_force, known = draw(policies()), knowing(*draw(references()))
    storms, state = Storms(known.workers), RecentCalls()
    times = sorted(draw(st.sets(st.integers(NOW_MS - 700_000, NOW_MS - 2_000), max_size=25)))
    for n in range(draw(st.integers(0, 3))):
        storms.note("london", f"{n}", NOW_MS - 1_000)
    said = st.sampled_from((0, NOW_MS - 4 * DAY_MS, NOW_MS - HOUR_MS))
    last_in_ms, last_out_ms = draw(said), draw(said)
    done: Step | None = None
    for n, at_ms in enumerate((*times, NOW_MS)):
        call = offer(
            call_id=f"call-{n}",
            offered_at_ms=at_ms - draw(st.sampled_from((1_000, 50_000))),
            received_at_ms=at_ms,
            media=draw(st.sampled_from(("voice", "video"))),
            group=draw(st.integers(0, 9)) == 0,
            caller_claims=draw(st.sampled_from(((), (OTHER,)))),
        )
        context = StepContext(
            in_force=in_force,
            offset=n,
            now_ms=at_ms,
            last_in_ms=last_in_ms,
            last_out_ms=last_out_ms,
            history_incomplete=draw(st.booleans()),
            known=known,
            line=LineFacts("Europe/London", "en-GB"),
            storms=storms,
        )
        done = step(state, call, context)
        state = done.state
    assert done is not None
    return in_force, done.decision


@given(made=decisions())
def test_the_record_alone_gives_the_decision_again(made: tuple[PolicyInForce, Decision]) -> None:
    in_force, taken = made
    assert taken.snapshot is not None
    assert len(encode(taken.snapshot)) <= MOST_BYTES
    read = decode(Decision, encode(taken))
    assert read == taken
    unknown, again = None, taken
    try:
        again = decide(in_force, facts_of(read))
    except UnknowableError as exc:
        unknown = exc.part
    assert unknown is None or unknown in taken.snapshot.get("truncated", ())
    assert not differences(taken, again)
    assert again.snapshot == taken.snapshot
    assert read == taken, "deciding again leaves the record as it was"


# what is not on record


def taken(in_force: PolicyInForce | None = None, **changed: Any) -> Decision:
    """A decision whose snapshot has these parts instead; None takes one out."""
    known = facts(offer(caller=CALLER))
    made = decide(in_force or policy(), known)
    parts: Any = {**(made.snapshot or {}), **changed}
    kept: Any = {name: part for name, part in parts.items() if part is not None}
    return replace(made, snapshot=kept)


def rule(**parameters: Any) -> PolicyInForce:
    return policy({"id": "it"} | parameters)


@pytest.mark.parametrize(
    ("asked", "changed", "part"),
    [
        ({"type": "deny_list"}, {}, "lists"),
        ({"type": "presence"}, {}, "agents"),
        (
            {"type": "presence", "queue_tiers": ["gold"]},
            {"agents": {"online": 1, "free": 0}, "contact": {"at_ms": 0, "tier": "gold"}},
            "waiting",
        ),
        ({"type": "recording_bridge"}, {}, "bridges"),
        (
            {"type": "recording_bridge", "bridges": ["sbc-9"]},
            {"bridges": {"sbc-1": None}},
            "bridges",
        ),
        ({"type": "storm"}, {}, "storms"),
        ({"type": "text_first", "grace": "1h"}, {}, "holes"),
        ({"type": "text_first", "outage": "1m"}, {}, "holes"),
        ({"type": "text_first"}, {"truncated": ["holes"]}, "holes"),
        (
            {"type": "text_first"},
            {
                "holes": {
                    "outage_ms": 1,
                    "grace_ms": DAY_MS,
                    "outages": [{"from_ms": 1, "to_ms": NOW_MS - HOUR_MS}],
                },
                "truncated": ["holes"],
            },
            "holes",
        ),
        ({"type": "burst"}, {"calls_ago_ms": [0, 1], "calls": 21}, "calls_ago_ms"),
        ({"type": "burst", "within": "1h"}, {}, "calls_reach_ms"),
        ({"type": "vip_only", "tiers": ["gold"]}, {"truncated": ["contact", "claims"]}, "claims"),
        ({"type": "vip_only", "tiers": ["gold"]}, {"v": 2}, "v"),
    ],
)
def test_what_a_rule_asks_for_and_is_not_there_is_unknowable(
    asked: dict[str, Any], changed: dict[str, Any], part: str
) -> None:
    with pytest.raises(UnknowableError, match=f"{part} is not on record") as refused:
        decide(rule(**asked), facts_of(taken(**changed)))
    assert refused.value.part == part


def test_without_a_snapshot_nothing_is_known() -> None:
    with pytest.raises(UnknowableError) as refused:
        facts_of(replace(taken(), snapshot=None))
    assert refused.value.part == "snapshot"


def test_calls_are_counted_as_far_as_was_looked() -> None:
    assert facts_of(taken(calls_ago_ms=[0, 1])).calls_within(600_000) == 2


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "reject"),
        ({"holes": {"outage_ms": 1, "grace_ms": DAY_MS}}, "reject"),
        ({"holes": {"outage_ms": 1, "grace_ms": DAY_MS, "lost_at_ms": NOW_MS - 599_999}}, "ring"),
        ({"holes": {"outage_ms": 1, "grace_ms": DAY_MS, "lost_at_ms": NOW_MS - 600_000}}, "reject"),
    ],
)
def test_holes_are_known_as_far_as_was_looked(changed: dict[str, Any], verdict: str) -> None:
    assert decide(rule(type="text_first"), facts_of(taken(**changed))).verdict == verdict


STORM = {"strangers": 20, "callers": 30, "within_ms": 60_000, "calm": 0.5, "rages": True}


@pytest.mark.parametrize(
    ("limits", "verdict"),
    [
        ({}, "reject"),
        ({"id": "renamed"}, "reject"),
        ({"callers": 20}, "reject"),
        ({"callers": 41}, "ring"),
        ({"callers": 40}, None),
        ({"within": "2m"}, None),
    ],
)
def test_another_storm_rule_is_known_where_the_count_says_it(
    limits: dict[str, Any], verdict: str | None
) -> None:
    asked = rule(type="storm", **limits)
    known = facts_of(taken(storms={"it": STORM}))
    if verdict is None:
        with pytest.raises(UnknowableError):
            decide(asked, known)
    else:
        assert decide(asked, known).verdict == verdict


def test_what_a_rule_asks_for_is_looked_up_and_recorded() -> None:
    """Of a rule whose type nobody here knows: what it may ask for was not looked up before."""
    desk = Presence(
        agent="a", status="online", lines=("*",), status_at_ms=NOW_MS, heartbeat_at_ms=NOW_MS
    )
    known = facts(known=knowing(desk))
    assert "agents" not in known.snapshot
    assert known.agents["free"] == 1
    assert known.snapshot["agents"] is known.agents
    assert (known.waiting, known.bridges(None), known.bridges(("sbc-1",))) == (0, {}, {})
    assert known.bridges(("sbc-1",)) == {}
    assert known.waiting == known.snapshot["waiting"]
    assert [known.country, known.country, known.snapshot["country"]] == ["US"] * 3
    assert [known.caller_zone, known.caller_zone, known.snapshot["caller_zone"]] == [NEW_YORK] * 3
    assert known.on_record()["bridges"] == {"sbc-1": None}


def test_what_is_not_as_usual_about_a_call_is_on_record() -> None:
    call = offer(offline=True, ended=True, group=True, media="video", time_source="envelope")
    told = knowing(contact(CALLER, locale="fr"))
    read = facts(call, line=LineFacts("Europe/London", "de"), history_incomplete=True, known=told)
    known = facts_of(decide(policy(), read))
    assert known.scalars() == read.scalars()
    assert (known.line_zone, known.snapshot["line_locale"]) == ("Europe/London", "de")
    assert known.snapshot["contact"]["locale"] == "fr"


def test_what_differs_is_named() -> None:
    was = taken(rule(type="vip_only", tiers=["gold"]))
    assert differences(was, replace(was, why="in other words")) == ()
    other = replace(was, verdict="ring", facts={}, rules=())
    assert differences(was, other) == ("verdict", "facts", "rules")
