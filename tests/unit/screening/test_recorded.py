"""Every decision can be made again from its record alone, and what is not there is not guessed."""

from __future__ import annotations

from typing import Any

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
from tests.support.facts import NOW_MS, contact, knowing, offer, policy

CALLER = "12025550143@c.us"
LID = "900000000000143@lid"
OTHER = "447700900123@c.us"
HOUR_MS = 3_600_000

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
    rules = [rule | {"mode": draw(st.sampled_from(("enforce", "shadow")))} for rule in rules]
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
