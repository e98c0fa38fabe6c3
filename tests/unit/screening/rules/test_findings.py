"""What each rule says, word for word, with facts, reply, block and callback. A rule that fails is
red here."""

from __future__ import annotations

from typing import Any

import pytest

from models.callbacks import Callback
from models.decisions import Block, Scalar
from models.overrides import ListEntry
from models.policy.rules import CountryRule
from models.presence import BridgeHealth, ConnectionChange, LineStatus, Presence
from streams.screening.facts import Facts, LineFacts
from streams.screening.recent_calls import RecentCalls, blocked
from streams.screening.rules import judge
from streams.screening.rules.finding import RuleFinding
from streams.screening.storms import Storms
from tests.support.facts import NOW_MS, calls, contact, facts, knowing, offer, policy

CALLER = "12025550143@c.us"
LID = "900000000000143@lid"
MINUTE_MS = 60_000
ANSWERS = ("away", "busy", "wait", "shut", "no")
REPLIES = {name: {"en": name} for name in ANSWERS}
ENTRY = ListEntry(list="deny", pattern="+1202*", author="mia", added_at_ms=NOW_MS - 5_000)
GIVEN_REASON = ListEntry(
    list="deny", pattern="US", author="mia", added_at_ms=NOW_MS - 7_000, reason="robocalls"
)
SILVER, NO_TIER = contact(tier="silver"), contact()

EMERGENCY = {"id": "ward", "type": "emergency", "list": "deny"}
ALLOW = {"id": "friends", "type": "allow_list", "list": "deny"}
DENY = {"id": "nuisance", "type": "deny_list", "reply": "no"}
VIP = {"id": "vip", "type": "vip_only", "tiers": ["gold", "platinum"], "reply": "no"}
HOURS = {
    "id": "hours",
    "type": "quiet_hours",
    "calendar": "office",
    "reply": "shut",
    "callback_tiers": ["silver"],
}
URGENT = {"id": "urgent", "type": "urgent_repeat", "reply": "wait"}
BURST = {"id": "burst", "type": "burst", "calls": 2, "block": "15m", "reply": "no"}
STORM = {"id": "storm", "type": "storm", "callers": 2}
TEXT_FIRST = {"id": "text-first", "type": "text_first", "within": "30d", "reply": "no"}
RECORD = {"id": "record", "type": "recording_bridge", "reply": "no"}
DESK: dict[str, Any] = {
    "id": "desk",
    "type": "presence",
    "queue_tiers": ["silver"],
    "callback_tiers": ["silver"],
    "reply": "away",
    "busy_reply": "busy",
    "queue_reply": "wait",
    "handle_time": "1m",
}
MEDIA = {"id": "kind", "type": "media", "reject": ["video", "group"], "reply": "no"}
COUNTRY = {"id": "where", "type": "country", "only": ["US"], "reply": "no"}
OWN = {"id": "own", "type": "expression", "condition": "stranger", "reply": "wait"}


def under_block(strikes: int = 3) -> RecentCalls:
    return blocked(
        calls(),
        "london",
        Block(until_ms=NOW_MS + MINUTE_MS, strikes=strikes),
        NOW_MS - 1,
        86_400_000,
    )


def stormy(**more: Any) -> Facts:
    known = knowing()
    storms = Storms(known.workers)
    for caller in ("a", "b"):
        storms.note("london", caller, NOW_MS - 1)
    return facts(known=known, storms=storms, **more)


def agent(name: str = "mia", **more: Any) -> Presence:
    given: dict[str, Any] = {
        "status": "busy",
        "status_at_ms": NOW_MS - 9_000,
        "heartbeat_at_ms": NOW_MS - 2_000,
    }
    return Presence(agent=name, lines=("london",), **given | more)


def bridge(name: str, ago_ms: int, *, up: bool = False) -> BridgeHealth:
    return BridgeHealth(bridge=name, up=up, lines=("london",), at_ms=NOW_MS - ago_ms)


def owed(caller: str) -> Callback:
    return Callback(
        caller=caller,
        line="london",
        state="open",
        reason="desk",
        decision_id=f"london/{caller}",
        opened_at_ms=1,
    )


def line(*, connected: bool) -> LineStatus:
    """Disconnected two hours ago, and connected again five minutes ago if at all."""
    changes = [ConnectionChange(at_ms=NOW_MS - 7_200_000, connected=False)]
    if connected:
        changes.append(ConnectionChange(at_ms=NOW_MS - 300_000, connected=True))
    return LineStatus(
        line="london",
        status="any",
        connected=connected,
        changed_at_ms=changes[-1].at_ms,
        changes=tuple(changes),
    )


def found(rule: dict[str, Any], known: Facts) -> RuleFinding:
    in_force = policy(
        rule,
        replies=REPLIES,
        calendars=[{"calendar": "office", "week": {"mon-fri": ["09:00-17:00"]}}],
    )
    return judge(in_force.policy.rules[0], in_force, known)


LISTED: dict[str, Scalar] = {"list_entry": f"deny/{ENTRY.entry_id}", "list_entry_age_ms": 5_000}


@pytest.mark.parametrize(
    ("rule", "known", "expected"),
    [
        (EMERGENCY, facts(), RuleFinding(None, "not on the list deny")),
        (
            EMERGENCY,
            facts(known=knowing(ENTRY)),
            RuleFinding("ring", "an emergency caller: on the list deny", LISTED),
        ),
        (ALLOW, facts(), RuleFinding(None, "not on the list deny")),
        (ALLOW, facts(known=knowing(ENTRY)), RuleFinding("ring", "on the list deny", LISTED)),
        (DENY, facts(), RuleFinding(None, "not on the list deny")),
        (
            DENY,
            facts(known=knowing(ENTRY)),
            RuleFinding("reject", "on the list deny", LISTED, reply="no"),
        ),
        (
            DENY,
            facts(known=knowing(GIVEN_REASON)),
            RuleFinding(
                "reject",
                "on the list deny: robocalls",
                {"list_entry": f"deny/{GIVEN_REASON.entry_id}", "list_entry_age_ms": 7_000},
                reply="no",
            ),
        ),
        (
            DENY | {"callers": [CALLER]},
            facts(),
            RuleFinding(
                "reject", "the policy names the caller", {"list_entry": "policy/jid"}, reply="no"
            ),
        ),
        (
            DENY | {"callers": ["+1202*"]},
            facts(),
            RuleFinding(
                "reject", "the policy names +1202*", {"list_entry": "policy/prefix"}, reply="no"
            ),
        ),
        (
            DENY | {"callers": ["US"]},
            facts(),
            RuleFinding(
                "reject", "the policy names US", {"list_entry": "policy/country"}, reply="no"
            ),
        ),
    ],
)
def test_lists(rule: dict[str, Any], known: Facts, expected: RuleFinding) -> None:
    assert found(rule, known) == expected


@pytest.mark.parametrize(
    ("rule", "known", "expected"),
    [
        (VIP, facts(known=knowing(contact(tier="gold"))), RuleFinding(None, "tier gold")),
        (
            VIP,
            facts(known=knowing(SILVER)),
            RuleFinding("reject", "tier silver, and the line is for gold, platinum", reply="no"),
        ),
        (
            VIP,
            facts(known=knowing(NO_TIER)),
            RuleFinding("reject", "no tier, and the line is for gold, platinum", reply="no"),
        ),
        (
            VIP,
            facts(),
            RuleFinding(
                "reject", "no contact record, and the line is for gold, platinum", reply="no"
            ),
        ),
        (COUNTRY, facts(), RuleFinding(None, "a number of US", {"country": "US"})),
        (
            COUNTRY | {"only": None, "reject": ["US"]},
            facts(),
            RuleFinding("reject", "a number of US", {"country": "US"}, reply="no"),
        ),
        (
            COUNTRY,
            facts(offer(caller=LID)),
            RuleFinding(None, "the number's country is not known", {"country": None}),
        ),
        (
            COUNTRY | {"unknown": "reject"},
            facts(offer(caller=LID)),
            RuleFinding(
                "reject", "the number's country is not known", {"country": None}, reply="no"
            ),
        ),
        (MEDIA, facts(offer(group=True)), RuleFinding("reject", "a group call")),
        (
            MEDIA | {"reject": ["video"]},
            facts(offer(group=True)),
            RuleFinding(None, "a group call"),
        ),
        (MEDIA, facts(offer(media="video")), RuleFinding("reject", "a video call", reply="no")),
        (MEDIA, facts(), RuleFinding(None, "a voice call of one person")),
        (
            MEDIA | {"reject": ["group"]},
            facts(offer(media="video")),
            RuleFinding(None, "a video call of one person"),
        ),
    ],
)
def test_who_calls_and_how(rule: dict[str, Any], known: Facts, expected: RuleFinding) -> None:
    assert found(rule, known) == expected


def test_a_contact_record_that_cannot_be_read_is_named() -> None:
    known = knowing()
    known.contacts.apply(CALLER.encode(), b"no json")
    with pytest.raises(ValueError, match=r"^the caller's contact record cannot be read$"):
        found(VIP, facts(known=known))


CLOSED = {"calendar_zone": "UTC", "calendar": "office"}
MONDAY_MS = 1_767_603_600_000
"""2026-01-05T09:00:00Z: ``NOW_MS`` is a Thursday at ten."""
FRIDAY_MS = MONDAY_MS - 3 * 86_400_000
AT_SIX = NOW_MS + 8 * 3_600_000


@pytest.mark.parametrize(
    ("now_ms", "known", "expected"),
    [
        (NOW_MS, knowing(), (None, False)),
        (AT_SIX, knowing(), ("reject", False)),
        (AT_SIX, knowing(SILVER), ("reject", True)),
    ],
)
def test_hours(now_ms: int, known: Any, expected: tuple[str | None, bool]) -> None:
    said = found(HOURS, facts(now_ms=now_ms, known=known))
    assert (said.verdict, said.callback) == expected
    if said.verdict == "reject":
        assert said.why.endswith("; opens Friday 2 January 09:00 (UTC)")
        assert (said.facts, said.reply) == (CLOSED | {"opens_at_ms": FRIDAY_MS}, "shut")
    else:
        assert (said.facts, said.reply) == (CLOSED, None)


@pytest.mark.parametrize(
    ("rule", "known", "expected"),
    [
        (BURST, facts(), RuleFinding(None, "1 of 2 calls within 60 s", {"calls_in_60s": 1})),
        (
            BURST,
            facts(recent=calls(1)),
            RuleFinding(
                "reject",
                "2 calls within 60 s, and no conversation",
                {
                    "calls_in_60s": 2,
                    "blocked_until_ms": NOW_MS + 15 * MINUTE_MS,
                    "block_strikes": 1,
                },
                reply="no",
                block=Block(until_ms=NOW_MS + 15 * MINUTE_MS, strikes=1),
            ),
        ),
        (
            BURST | {"block": None},
            facts(recent=calls(1)),
            RuleFinding(
                "reject",
                "2 calls within 60 s, and no conversation",
                {"calls_in_60s": 2},
                reply="no",
            ),
        ),
        (
            BURST,
            facts(recent=calls(1), last_in_ms=1, last_out_ms=1),
            RuleFinding(
                None,
                "2 calls within 60 s, but the caller and the line have written to each other",
                {"calls_in_60s": 2},
            ),
        ),
        (
            BURST,
            facts(recent=under_block(), last_in_ms=1, last_out_ms=1),
            RuleFinding(
                None,
                "blocked for a while, but the caller and the line have written to each other",
                {"calls_in_60s": 1},
            ),
        ),
        (
            BURST,
            facts(recent=calls(1), history_incomplete=True),
            RuleFinding(
                None,
                "2 calls within 60 s, but the message history is still being read",
                {"calls_in_60s": 2},
            ),
        ),
        (
            BURST,
            facts(recent=under_block()),
            RuleFinding(
                "reject",
                "blocked for 60 s more after 2 calls at once",
                {"calls_in_60s": 1, "blocked_until_ms": NOW_MS + MINUTE_MS, "block_strikes": 3},
                reply="no",
            ),
        ),
        (URGENT, facts(), RuleFinding(None, "a stranger")),
        (URGENT, facts(last_in_ms=1), RuleFinding(None, "the first call within 3 min")),
        (
            URGENT,
            facts(last_in_ms=1, recent=calls(1)),
            RuleFinding("ring", "a known caller's call number 2 within 3 min"),
        ),
        (
            URGENT | {"then": "queue"},
            facts(last_in_ms=1, recent=calls(1)),
            RuleFinding(
                "queue", "a known caller's call number 2 within 3 min", reply="wait", callback=True
            ),
        ),
        (STORM, stormy(last_in_ms=1), RuleFinding(None, "no stranger")),
        (
            STORM,
            facts(),
            RuleFinding(None, "0 of 2 strangers called within 60 s", {"strangers_on_line": 0}),
        ),
        (
            STORM,
            stormy(),
            RuleFinding(
                "reject", "a storm: 2 strangers called within 60 s", {"strangers_on_line": 2}
            ),
        ),
        (
            STORM,
            stormy(history_incomplete=True),
            RuleFinding(
                None,
                "2 strangers within 60 s, but the message history is still being read",
                {"strangers_on_line": 2},
            ),
        ),
    ],
)
def test_how_often_and_how_many_call(
    rule: dict[str, Any], known: Facts, expected: RuleFinding
) -> None:
    assert found(rule, known) == expected


NEVER, HOLE = "has never written to this line", {"history_incomplete": True}


@pytest.mark.parametrize(
    ("rule", "known", "expected"),
    [
        (TEXT_FIRST, facts(last_in_ms=NOW_MS - 3_000), RuleFinding(None, "wrote 3 s ago")),
        (
            TEXT_FIRST,
            facts(last_in_ms=NOW_MS - 31 * 86_400_000),
            RuleFinding("reject", "last wrote 31 days ago, longer than 30 days", reply="no"),
        ),
        (TEXT_FIRST, facts(), RuleFinding("reject", NEVER, reply="no")),
        (
            TEXT_FIRST,
            facts(history_incomplete=True),
            RuleFinding(None, "the message history is still being read"),
        ),
        (
            TEXT_FIRST | {"incomplete": "ring"},
            facts(known=knowing(line(connected=True))),
            RuleFinding(
                None,
                f"{NEVER}, but the gateway was disconnected for 115 min until 5 min ago: "
                "messages may be missing",
                HOLE,
            ),
        ),
        (
            TEXT_FIRST | {"incomplete": "reject"},
            facts(known=knowing(line(connected=False))),
            RuleFinding(
                "reject",
                f"{NEVER}, although the gateway has been disconnected for 2 h: "
                "messages may be missing",
                HOLE,
                reply="no",
            ),
        ),
        (
            RECORD,
            facts(),
            RuleFinding("reject", "no recording bridge was ever heard of", reply="no"),
        ),
        (
            RECORD,
            facts(known=knowing(bridge("b", 3_000), bridge("a", 9_000))),
            RuleFinding(
                "reject",
                "no bridge can record: a down, b down",
                {"bridge_age_ms": 3_000},
                reply="no",
            ),
        ),
        (
            RECORD,
            facts(known=knowing(bridge("b", 3_000), bridge("a", 9_000, up=True))),
            RuleFinding(None, "the bridge a records", {"bridge_age_ms": 9_000, "bridge": "a"}),
        ),
        (
            DESK,
            facts(known=knowing(SILVER)),
            RuleFinding(
                "reject",
                "nobody is online",
                {"agents_online": 0, "agents_free": 0},
                reply="away",
                callback=True,
            ),
        ),
        (
            DESK,
            facts(
                known=knowing(
                    agent(), agent("ben", status="online", heartbeat_at_ms=NOW_MS - 1_000)
                )
            ),
            RuleFinding(
                None,
                "1 of 2 agents online can take the call",
                {"agents_online": 2, "agents_free": 1, "presence_age_ms": 1_000},
            ),
        ),
        (
            DESK,
            facts(known=knowing(agent())),
            RuleFinding(
                "reject",
                "all 1 agents online are busy",
                {"agents_online": 1, "agents_free": 0, "presence_age_ms": 2_000},
                reply="busy",
            ),
        ),
        (
            DESK,
            facts(known=knowing(agent(), agent("ben"), SILVER, owed("x@c.us"), owed("y@c.us"))),
            RuleFinding(
                "queue",
                "all 2 agents online are busy, and tier silver waits",
                {
                    "agents_online": 2,
                    "agents_free": 0,
                    "presence_age_ms": 2_000,
                    "waiting": 2,
                    "wait_ms": 90_000,
                },
                reply="wait",
                callback=True,
            ),
        ),
    ],
)
def test_what_can_take_the_call(rule: dict[str, Any], known: Facts, expected: RuleFinding) -> None:
    said = found(rule, known)
    assert said == expected
    assert all(type(value) is not float for value in said.facts.values()), (
        "times are whole milliseconds"
    )


def test_conditions() -> None:
    asked = {"stranger": True}
    assert found(OWN, facts()) == RuleFinding("reject", "stranger", asked, reply="wait")
    assert found(OWN, facts(last_in_ms=1)) == RuleFinding(
        None, "not: stranger", {"stranger": False}
    )
    queued = found(OWN | {"then": "queue", "why": "on a trial"}, facts())
    assert queued == RuleFinding("queue", "on a trial", asked, reply="wait", callback=True)


EVERY = {
    "line": "london",
    "age_ms": 1000,
    "media": "video",
    "group": False,
    "caller_kind": "phone",
    "country": "US",
    "stranger": False,
    "tier": "silver",
    "two_way": True,
    "wrote_ago_ms": 5_000,
    "answered_ago_ms": 4_000,
    "calls_in_1m": 2,
    "calls_in_10m": 3,
    "history_incomplete": True,
    "agents_online": 3,
    "agents_free": 1,
    "hour": 15,
    "minute": 30,
    "weekday": 4,
}


@pytest.mark.parametrize(("name", "value"), EVERY.items())
def test_each_fact_of_a_condition_is_what_its_name_says(name: str, value: object) -> None:
    free = agent("eve", status="online")
    known = facts(
        offer(media="video"),
        recent=calls(59_999, 60_000, 600_000),
        last_in_ms=NOW_MS - 5_000,
        last_out_ms=NOW_MS - 4_000,
        history_incomplete=True,
        known=knowing(SILVER, agent(), agent("ben"), agent("ann", status="away"), free),
        line=LineFacts(time_zone="Asia/Kolkata"),
    )
    said = found(OWN | {"condition": f"{name} == {name}"}, known)
    assert (said.verdict, said.facts) == ("reject", {name: value})


def test_an_unknown_country_is_no_country_that_is_rejected() -> None:
    rule = CountryRule(id="where", reject=("US",), unknown="ring")
    assert judge(rule, policy(), facts(offer(caller=LID))).verdict is None
