"""What one decision costs: twelve rules, none of which decides before the last, on facts of every
kind."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from typing import Any, Final

from models.calls import CallOffered
from models.codec import encode
from models.contacts import Contact
from models.decisions import Decision
from models.overrides import LineSwitch, ListEntry
from models.policy import read_policy
from models.presence import BridgeHealth, Presence
from models.records import Reference, reference
from streams.policies.book import PolicyInForce
from streams.policies.compile import compile_policy
from streams.screening.decide import decide
from streams.screening.facts import LineFacts
from streams.screening.gather import gather
from streams.screening.recent_calls import KEEP_MS, RecentCalls, evolve
from streams.screening.storms import Storms
from streams.views.views import Views

_NOW_MS: Final = 1_768_386_600_000
"""A Wednesday, 10:30 in London."""
_CALLER: Final = "442079460123@c.us"

POLICY: Final[dict[str, Any]] = {
    "line": "*",
    "calendars": [
        {
            "calendar": "office",
            "week": {"mon-fri": ["09:00-17:00"]},
            "holidays": [{"country": "GB"}],
        }
    ],
    "replies": {"write": {"en": "Write to us."}},
    "rules": [
        {"id": "emergency", "type": "emergency", "callers": ["+999*"]},
        {"id": "allowed", "type": "allow_list"},
        {"id": "denied", "type": "deny_list", "callers": ["+43*", "AT"]},
        {"id": "elsewhere", "type": "country", "reject": ["KP"]},
        {"id": "voice", "type": "media", "reject": ["video"]},
        {"id": "vip", "type": "vip_only", "tiers": ["gold"]},
        {"id": "hours", "type": "quiet_hours", "calendar": "office"},
        {"id": "storm", "type": "storm"},
        {"id": "burst", "type": "burst"},
        {"id": "must-record", "type": "recording_bridge"},
        {"id": "desk", "type": "presence"},
        {"id": "text-first", "type": "text_first", "reply": "write"},
    ],
}


def known_at(now_ms: int, *contacts: Contact) -> Views:
    """What a worker of the benchmark knows at a time, the contacts given among it."""
    known = Views.empty()
    views = {view.topic.name: view for view in known.views()}
    values: list[Reference] = [
        *contacts,
        BridgeHealth(bridge="sbc-1", up=True, lines=("*",), at_ms=now_ms),
        LineSwitch(line="paris", state="closed", author="bench", at_ms=now_ms),
    ]
    values += [
        Presence(
            agent=f"agent-{n}",
            status="online",
            lines=("*",),
            status_at_ms=now_ms,
            heartbeat_at_ms=now_ms,
        )
        for n in range(10)
    ]
    values += [
        ListEntry(list="deny", pattern=f"4479{n:08}@c.us", author="bench", added_at_ms=now_ms)
        for n in range(1000)
    ]
    for value in values:
        record = reference(value, "/bench", now_ms)
        views[record.topic.name].apply(record.key, record.value)
    return known


def _offer() -> CallOffered:
    return CallOffered(
        event_id="evt",
        gateway="office",
        line="london",
        session="default",
        call_id="call",
        caller=_CALLER,
        caller_raw=_CALLER,
        caller_known_as=("900000000000143@lid",),
        offered_at_ms=_NOW_MS - 200,
        time_source="payload",
        received_at_ms=_NOW_MS,
    )


def in_force() -> PolicyInForce:
    """The policy that is measured."""
    return compile_policy(read_policy(POLICY), {})


@dataclass(frozen=True, slots=True)
class Measured:
    """What one decision costs."""

    decide_us: list[float]
    """To gather and decide, the mean of each round, in order."""
    encode_us: float
    """To write its record."""
    decision: Decision

    def line(self) -> str:
        """For people."""
        whole, snapshot = len(encode(self.decision)), len(encode(self.decision.snapshot))
        return (
            f"one decision over 12 rules: {statistics.median(self.decide_us):.1f} µs (best round "
            f"{self.decide_us[0]:.1f} µs), its record {self.encode_us:.1f} µs and {whole} bytes, "
            f"{snapshot} of them what was read"
        )


def measure(rounds: int = 15, repeats: int = 2_000) -> Measured:
    """What one decision costs, in microseconds."""
    contact = Contact(
        contact=_CALLER, tier="gold", time_zone="Europe/London", source="bench", at_ms=_NOW_MS
    )
    policy, known, offer = in_force(), known_at(_NOW_MS, contact), _offer()
    storms, recent = Storms(known.workers), evolve(RecentCalls(), offer, 0, KEEP_MS)
    line = LineFacts("Europe/London")
    found = []
    gc.collect()
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(repeats):
            facts = gather(
                offer,
                now_ms=_NOW_MS,
                recent=recent,
                last_in_ms=0,
                last_out_ms=0,
                history_incomplete=False,
                known=known,
                line=line,
                storms=storms,
            )
            facts.read_for(policy.readings)
            taken = decide(policy, facts)
        found.append((time.perf_counter() - began) / repeats * 1e6)
    if len(taken.rules) != len(policy.policy.rules) or taken.rule != "text-first":
        msg = f"not what was to be measured: {taken}"
        raise RuntimeError(msg)
    began = time.perf_counter()
    for _ in range(repeats):
        encode(taken)
    return Measured(sorted(found), (time.perf_counter() - began) / repeats * 1e6, taken)


def report() -> str:
    """One line for people."""
    return measure().line()
