"""What stands on each topic, byte for byte: a change of any name or form shows as a diff of
``tests/data/golden``.

After a change that is meant: ``RINGFENCE_UPDATE_GOLDEN=1 python -m pytest
tests/unit/models/test_records.py``.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models import records
from models.answers import CallAnswered, CallEnded
from models.attrition import AttritionClosed, AttritionOpened, AttritionReturned
from models.callbacks import Callback
from models.calls import (
    CallAccepted,
    CallerBlocked,
    CallOffered,
    CallRejected,
    RejectAccepted,
    SessionsDue,
)
from models.codec import Headers, decode, encode
from models.commands import BlockCaller, QueueText, UnblockCaller, block_id, unblock_id
from models.contacts import Contact, IdentityLink
from models.decisions import Assignment, RuleTrace
from models.identity_links import CallerLinked, CallsJoined, HistoryJoined, JoinedBlock, JoinedCall
from models.messages import MessageSeen
from models.overrides import CallerBlock, LineSwitch, ListEntry
from models.policy import PolicyDocument, read_policy, revision_of
from models.presence import (
    BridgeHealth,
    ConnectionChange,
    LineStatus,
    Presence,
    WorkerStatus,
)
from models.records import Record, dead_letter
from models.snapshot import Snapshot
from models.topics import TOPICS
from streams.settings import ROOT
from tests.support.records import T0, decision, offer, outcome, reject, text

GOLDEN = ROOT / "tests" / "data" / "golden"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BRIDGE, WORKER, CONSOLE = "/ringfence/bridge", "/ringfence/worker", "/ringfence/console"
ATTRITION = "/ringfence/attrition"

OFFER = offer()
DECIDED = decision(OFFER)
REJECT = reject(OFFER, DECIDED)
TEXT = text(OFFER, DECIDED, rejected_at_ms=T0 + 9)

SNAPSHOT: Snapshot = {
    "v": 1,
    "data": {"zones": "2026b", "holidays": "0.109", "numbers": "9.0.43"},
    "media": "video",
    "time_source": "envelope",
    "known_as": ["180001112223334@lid"],
    "claims": ["447700900456@c.us"],
    "last_out_ms": T0 - 86_400_000,
    "history_incomplete": True,
    "contact": {"at_ms": T0 - 1, "tier": "gold", "time_zone": "Europe/London", "locale": "en-GB"},
    "country": "GB",
    "caller_zone": None,
    "line_zone": "Europe/London",
    "line_locale": "en-GB",
    "calls_ago_ms": [0, 45_000],
    "calls": 31,
    "calls_reach_ms": 21_600_000,
    "block": {
        "begun_ms": T0 - 60_000,
        "until_ms": T0 - 1,
        "strikes": 1,
        "keep_until_ms": T0 + 600_000,
    },
    "hand_block": {"at_ms": T0 - 60_000, "until_ms": T0 - 1},
    "switches": [{"state": "open", "at_ms": T0 - 60_000, "until_ms": T0 + 1}],
    "lists": {"allow": None, "deny": {"entry": "0123456789ab", "at_ms": T0 - 60_000}},
    "claimed_lists": {"deny": None},
    "calendars": {"office": "0123456789ab"},
    "agents": {"online": 2, "free": 1, "heartbeat_at_ms": T0 - 500},
    "waiting": 3,
    "bridges": {"sbc-1": {"at_ms": T0 - 500, "fault": "down", "of_line": True}, "sbc-2": None},
    "holes": {
        "outage_ms": 120_000,
        "grace_ms": 600_000,
        "outages": [{"from_ms": T0 - 600_000, "to_ms": T0 - 300_000}, {"from_ms": T0 - 130_000}],
        "lost_at_ms": T0 - 100_000,
    },
    "storms": {
        "storm": {
            "strangers": 31,
            "callers": 30,
            "within_ms": 60_000,
            "calm": 0.5,
            "rages": True,
        }
    },
    "truncated": ["calls_ago_ms"],
}

LINKED = records.caller_linked(
    CallerLinked(
        event_id="900000000000143@lid/447700900123@c.us",
        alias="900000000000143@lid",
        caller="447700900123@c.us",
        at_ms=T0,
    ),
    BRIDGE,
)

HELD_OUT = replace(
    decision(OFFER, "ring"),
    rules=(
        RuleTrace(
            rule="text-first",
            kind="text_first",
            matched=True,
            why="has never written to this line",
            holdout=True,
        ),
    ),
    assignments=(
        Assignment(
            of="rule",
            experiment="text-first",
            salt="2026-11",
            shares={"holdout": 0.1, "enforced": 0.9},
            variant="holdout",
        ),
    ),
)

WRITTEN: dict[str, Record] = {
    "messages/caller.linked": LINKED[0],
    "calls/caller.linked": LINKED[1],
    "history.joined": records.history_joined(
        HistoryJoined(
            event_id="900000000000143@lid/447700900123@c.us/history",
            alias="900000000000143@lid",
            caller="447700900123@c.us",
            lines={"london": (T0 - 86_400_000, 0)},
            at_ms=T0,
        ),
        WORKER,
        TRACE,
    ),
    "calls.joined": records.calls_joined(
        CallsJoined(
            event_id="900000000000143@lid/447700900123@c.us/calls",
            alias="900000000000143@lid",
            caller="447700900123@c.us",
            calls=(
                JoinedCall(
                    line="london",
                    call_id="A1",
                    offered_at_ms=T0 - 60_000,
                    decided_at_ms=T0 - 59_900,
                    verdict="reject",
                ),
            ),
            blocks=(
                JoinedBlock(
                    line="london",
                    begun_ms=T0 - 59_900,
                    until_ms=T0 + 840_100,
                    strikes=1,
                    keep_until_ms=T0 + 600_000_000,
                ),
            ),
            at_ms=T0,
        ),
        WORKER,
        TRACE,
    ),
    "call.offered": records.call_event(OFFER, BRIDGE, TRACE),
    "lifecycle/call.offered": records.lifecycle(OFFER, BRIDGE, TRACE),
    "lifecycle/call.accepted": records.lifecycle(
        CallAccepted(
            event_id="evt_01k9a0x9zzzzzzzzzzzzzzzzzz",
            gateway="cloud",
            line="riyadh",
            call_id=OFFER.call_id,
            at_ms=T0 + 6_000,
            received_at_ms=T0 + 6_120,
        ),
        BRIDGE,
        TRACE,
    ),
    "lifecycle/call.rejected": records.lifecycle(
        CallRejected(
            event_id="evt_01k9a0x8yyyyyyyyyyyyyyyyyy",
            gateway="office",
            line="london",
            call_id=OFFER.call_id,
            caller=OFFER.caller,
            echo=True,
            at_ms=T0 + 700,
            received_at_ms=T0 + 720,
        ),
        BRIDGE,
        TRACE,
    ),
    "lifecycle/call.reject-accepted": records.lifecycle(
        RejectAccepted(
            command_id=REJECT.command_id,
            decision_id=REJECT.decision_id,
            gateway="office",
            line="london",
            call_id=OFFER.call_id,
            caller=OFFER.caller,
            offered_at_ms=OFFER.offered_at_ms,
            at_ms=T0 + 9,
        ),
        WORKER,
        TRACE,
    ),
    "lifecycle/call.caller-blocked": records.lifecycle(
        CallerBlocked(
            decision_id=DECIDED.decision_id,
            gateway="office",
            line="london",
            session="default",
            call_id=OFFER.call_id,
            caller=OFFER.caller,
            caller_raw=OFFER.caller_raw,
            until_ms=T0 + 900_000,
            at_ms=T0 + 12,
        ),
        WORKER,
        TRACE,
    ),
    "lifecycle/sessions.due": records.sessions_due(SessionsDue(now_ms=T0 + 15_000), 3, WORKER),
    "decision.reject": records.decision(DECIDED, WORKER, TRACE),
    "decision.read": records.decision(
        replace(DECIDED, repeated=False, snapshot=SNAPSHOT), WORKER, TRACE
    ),
    "decision.ring": records.decision(decision(OFFER, "ring"), WORKER, TRACE),
    "decision.experiment": records.decision(HELD_OUT, WORKER, TRACE),
    "reject-call": records.call_command(REJECT, WORKER, TRACE),
    "queue-text": records.call_command(
        QueueText.for_decision(OFFER, decision(OFFER, "queue"), "queued"), WORKER, TRACE
    ),
    "block-caller": records.call_command(
        BlockCaller(
            command_id=block_id(DECIDED.decision_id),
            decision_id=DECIDED.decision_id,
            gateway="office",
            line="london",
            session="default",
            call_id=OFFER.call_id,
            caller=OFFER.caller,
            caller_raw=OFFER.caller_raw,
            offered_at_ms=OFFER.offered_at_ms,
            received_at_ms=T0,
            until_ms=T0 + 900_000,
        ),
        WORKER,
        TRACE,
    ),
    "unblock-caller": records.call_command(
        UnblockCaller(
            command_id=unblock_id(DECIDED.decision_id),
            decision_id=DECIDED.decision_id,
            gateway="office",
            line="london",
            session="default",
            call_id=OFFER.call_id,
            caller=OFFER.caller,
            caller_raw=OFFER.caller_raw,
            received_at_ms=T0 + 900_000,
            at_ms=T0 + 900_400,
        ),
        WORKER,
        TRACE,
    ),
    "send-text": records.text_command(TEXT, WORKER, TRACE),
    "outcome.reject-accepted": records.outcome(outcome(REJECT, at_ms=T0 + 9), WORKER, TRACE),
    "outcome.reject-confirmed": records.outcome(
        outcome(REJECT, "confirmed", at_ms=T0 + 720), WORKER, TRACE
    ),
    "outcome.text-accepted": records.outcome(outcome(TEXT, at_ms=T0 + 50), WORKER, TRACE),
    "outcome.text-suppressed": records.outcome(
        outcome(TEXT, "suppressed", at_ms=T0 + 11, reason="cool-down"), WORKER, TRACE
    ),
    "message.seen": records.message_event(
        MessageSeen(
            event_id="evt_01k9a0y1aaaaaaaaaaaaaaaaaa",
            message_id="false_447700900123@c.us_3EB0C1D2E3F405162738",
            gateway="office",
            line="london",
            caller=OFFER.caller,
            direction="in",
            at_ms=T0 - 86_400_000,
            received_at_ms=T0 - 86_399_880,
        ),
        BRIDGE,
        TRACE,
    ),
    "call.answered": records.call_answer(
        CallAnswered(
            event_id=f"{DECIDED.decision_id}/answered",
            decision_id=DECIDED.decision_id,
            gateway="office",
            line="london",
            call_id=OFFER.call_id,
            caller=OFFER.caller,
            after_ms=6_120,
            offered_at_ms=OFFER.offered_at_ms,
            at_ms=T0 + 6_000,
        ),
        WORKER,
        TRACE,
    ),
    "call.ended": records.call_answer(
        CallEnded(
            event_id=f"{DECIDED.decision_id}/ended",
            decision_id=DECIDED.decision_id,
            gateway="office",
            line="london",
            call_id=OFFER.call_id,
            caller=OFFER.caller,
            how="rejected",
            after_ms=840,
            known_from="gateway",
            offered_at_ms=OFFER.offered_at_ms,
            at_ms=T0 + 720,
        ),
        WORKER,
        TRACE,
    ),
    "attrition.opened": records.attrition(
        AttritionOpened(
            event_id=f"{DECIDED.decision_id}/opened",
            episode_id=DECIDED.decision_id,
            caller=OFFER.caller,
            line="london",
            gateway="office",
            by="rule",
            rule="text-first",
            policy="*",
            policy_revision="0123456789ab",
            reply="text-first",
            stranger=True,
            country="GB",
            hour=10,
            weekday=3,
            at_ms=T0 + 9,
        ),
        ATTRITION,
    ),
    "attrition.returned": records.attrition(
        AttritionReturned(
            event_id=f"{DECIDED.decision_id}/returned",
            episode_id=DECIDED.decision_id,
            caller=OFFER.caller,
            line="london",
            rule="text-first",
            reply="text-first",
            what="wrote",
            after_ms=60_000,
            rejects=1,
            told=True,
            opened_at_ms=T0 + 9,
            at_ms=T0 + 60_009,
        ),
        ATTRITION,
    ),
    "attrition.closed": records.attrition(
        AttritionClosed(
            event_id=f"{DECIDED.decision_id}/closed/86400000",
            episode_id=DECIDED.decision_id,
            caller=OFFER.caller,
            line="london",
            rule="text-first",
            reply="text-first",
            horizon_ms=86_400_000,
            state="returned",
            what="wrote",
            after_ms=60_000,
            rejects=1,
            told=True,
            opened_at_ms=T0 + 9,
            at_ms=T0 + 86_400_009,
        ),
        ATTRITION,
    ),
    "contact": records.reference(
        Contact(
            contact=OFFER.caller,
            name="Ada Example",
            tier="gold",
            time_zone="Europe/London",
            locale="en-GB",
            aliases=("180001112223334@lid",),
            source="crm",
            at_ms=T0,
        ),
        BRIDGE,
        T0,
    ),
    "identity.link": records.reference(
        IdentityLink(alias="180001112223334@lid", caller=OFFER.caller, source="payload", at_ms=T0),
        BRIDGE,
        T0,
    ),
    "presence": records.reference(
        Presence(
            agent="mia",
            status="online",
            lines=("london",),
            status_at_ms=T0,
            heartbeat_at_ms=T0 + 60_000,
        ),
        BRIDGE,
        T0 + 60_000,
    ),
    "bridge.health": records.reference(
        BridgeHealth(bridge="sbc-1", up=True, lines=("london",), active=3, capacity=30, at_ms=T0),
        BRIDGE,
        T0,
    ),
    "line.status": records.reference(
        LineStatus(
            line="london",
            connected=False,
            status="STOPPED",
            changed_at_ms=T0,
            changes=(ConnectionChange(at_ms=T0, connected=False),),
        ),
        BRIDGE,
        T0,
    ),
    "worker.status": records.reference(
        WorkerStatus(
            worker="worker-1",
            policies={"*": "0123456789ab"},
            strangers={"london": {str(T0): 4}},
            gateways=("cloud", "office"),
            at_ms=T0,
        ),
        WORKER,
        T0,
    ),
    "list.entry": records.reference(
        ListEntry(
            list="deny", pattern="+8835*", reason="one-ring fraud", author="ops", added_at_ms=T0
        ),
        CONSOLE,
        T0,
    ),
    "caller.block": records.reference(
        CallerBlock(caller=OFFER.caller, line="*", until_ms=T0 + 3_600_000, author="ops", at_ms=T0),
        CONSOLE,
        T0,
    ),
    "line.switch": records.reference(
        LineSwitch(
            line="london",
            state="closed",
            until_ms=None,
            reason="fire drill",
            author="ops",
            at_ms=T0,
        ),
        CONSOLE,
        T0,
    ),
    "policy.document": records.policy_document(
        PolicyDocument(
            kind="policy",
            name="*",
            revision=revision_of(read_policy({"line": "*"})),
            author="ops",
            applied_at_ms=T0,
            document={"line": "*"},
        ),
        CONSOLE,
    )[1],
    "callback": records.reference(
        Callback(
            caller=OFFER.caller,
            line="london",
            state="open",
            tier="gold",
            reason="desk",
            decision_id=DECIDED.decision_id,
            opened_at_ms=T0,
        ),
        WORKER,
        T0,
    ),
    "dead-letter": dead_letter(
        key=b"447700900123@c.us",
        value=b'{"type":"call.offered","line":7}',
        headers=[
            ("ce_id", b"evt_01k9a0x7aaaaaaaaaaaaaaaaaa"),
            ("ce_type", b"ringfence.call.offered"),
        ],
        reason="undecodable",
        message="line: Input should be a valid string",
        source=WORKER,
        topic="calls.events",
        partition=2,
        offset=4711,
        timestamp_ms=T0,
    ),
}


def golden(name: str) -> Path:
    return GOLDEN / f"{WRITTEN[name].topic.name}.{name.rpartition('/')[2]}.json"


def pretty(made: Record) -> str:
    # a span of its own is drawn for each record: everything but its sixteen digits is fixed
    headers = {key: _steady(key, value) for key, value in made.headers}
    content = {
        "topic": made.topic.name,
        "partition": "by key" if made.partition is None else made.partition,
        "key": made.key.decode(),
        "headers": headers,
        "value": json.loads(made.value or b"null"),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _steady(key: str, value: bytes) -> str:
    said = value.decode()
    if key == "traceparent":
        version, trace, span, flags = said.split("-")
        assert len(trace) == 32
        assert len(span) == 16
        traced = trace if said.startswith(TRACE[:35]) else "<new trace>"
        return f"{version}-{traced}-<own span>-{flags}"
    return said


def stored(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(golden(name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_what_is_written_is_the_golden_record(name: str) -> None:
    made = pretty(WRITTEN[name])
    if os.environ.get("RINGFENCE_UPDATE_GOLDEN") == "1":
        golden(name).parent.mkdir(parents=True, exist_ok=True)
        golden(name).write_text(made, encoding="utf-8")
    assert golden(name).read_text(encoding="utf-8") == made


@pytest.mark.parametrize("name", sorted(name for name in WRITTEN if name != "dead-letter"))
def test_the_golden_record_reads_back_as_what_was_written(name: str) -> None:
    made = WRITTEN[name]
    value = decode(made.topic.values, json.dumps(stored(name)["value"]).encode())
    assert encode(value) == made.value


FREE = {
    *(
        "facts",
        "document",
        "lines",
        "values",
        "policies",
        "refused",
        "refused_revisions",
        "shares",
        "strangers",
    ),
    *("bridges", "calendars", "claimed_lists", "lists", "storms"),
}
"""Mappings whose keys are data."""


def with_more(value: Any) -> Any:
    """The value with a field of tomorrow in each of its objects."""
    if isinstance(value, list):
        return [with_more(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: inner if key in FREE else with_more(inner) for key, inner in value.items()}
    return kept | {"field_of_tomorrow": {"a": [1]}}


@pytest.mark.parametrize("name", sorted(name for name in WRITTEN if name != "dead-letter"))
def test_a_newer_writers_fields_are_passed_over(name: str) -> None:
    newer = with_more(stored(name)["value"])
    value = decode(WRITTEN[name].topic.values, json.dumps(newer).encode())
    assert encode(value) == WRITTEN[name].value


def test_every_topic_and_no_more_has_golden_records() -> None:
    assert {made.topic.name for made in WRITTEN.values()} == {topic.name for topic in TOPICS}
    assert {path.name for path in GOLDEN.glob("*.json")} == {golden(name).name for name in WRITTEN}


def test_the_headers_are_those_of_the_cloudevents_kafka_binding() -> None:
    headers: Headers = WRITTEN["call.offered"].headers
    names = [name for name, _ in headers]
    assert names == [
        "ce_specversion",
        "ce_id",
        "ce_type",
        "ce_source",
        "ce_time",
        "ce_dataschema",
        "content-type",
        "traceparent",
    ]
    assert dict(headers)["ce_time"] == b"2026-01-01T10:00:00.000Z"


def test_a_call_is_keyed_by_its_caller_its_life_by_its_id() -> None:
    assert isinstance(OFFER, CallOffered)
    assert stored("call.offered")["key"] == OFFER.caller
    assert stored("lifecycle/call.offered")["key"] == OFFER.call_id
    assert stored("send-text")["key"] == OFFER.line
