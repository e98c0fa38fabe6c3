"""What a decision puts on the topics: each command in full, the urgent one first, nothing that was
not called for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.codec import decode
from models.commands import BlockCaller, QueueText, RejectCall, SendText, unblock_id
from models.decisions import Block, Decision, Scalar, Verdict
from models.records import Record
from models.topics import CALLS_COMMANDS, CALLS_DECISIONS, Topic
from streams.screening.effects import records
from tests.support.facts import NOW_MS, offer

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OFFER = offer(caller_raw="12025550143:7@s.whatsapp.net", received_at_ms=NOW_MS - 300)
SHARED: dict[str, Any] = {
    "decision_id": "london/call-1",
    "gateway": "office",
    "line": "london",
    "call_id": "call-1",
    "caller": "12025550143@c.us",
    "received_at_ms": NOW_MS - 300,
}
ADDRESSED = SHARED | {"session": "default", "caller_raw": "12025550143:7@s.whatsapp.net"}
TAKEN = Decision(
    **SHARED,
    event_id="evt_1",
    verdict="reject",
    by="rule",
    rule="desk",
    why="all are busy",
    facts={"stranger": False, "opens_at_ms": 7, "wait_ms": None, "agents_online": 3},
    policy="*",
    policy_revision="0123456789ab",
    reply="busy",
    variant="short",
    offered_at_ms=NOW_MS - 1000,
    decided_at_ms=NOW_MS,
)
REJECT = RejectCall(
    **ADDRESSED,
    command_id="london/call-1/reject",
    reply="busy",
    variant="short",
    values={"opens_at_ms": 7},
    stranger=False,
    policy="*",
    policy_revision="0123456789ab",
    offered_at_ms=NOW_MS - 1000,
    decided_at_ms=NOW_MS,
    expires_at_ms=NOW_MS + 44_000,
)
TEXT = QueueText(
    **ADDRESSED,
    command_id="london/call-1/text",
    reply="busy",
    variant="short",
    values={"opens_at_ms": 7},
    stranger=False,
    policy="*",
    policy_revision="0123456789ab",
    offered_at_ms=NOW_MS - 1000,
    decided_at_ms=NOW_MS,
    expires_at_ms=NOW_MS + 44_000,
)
BLOCK = BlockCaller(
    **ADDRESSED,
    offered_at_ms=NOW_MS - 1000,
    command_id="london/call-1/block",
    until_ms=NOW_MS + 900_000,
)
BEGUN = replace(TAKEN, block=Block(until_ms=NOW_MS + 900_000, strikes=1))


KINDS: dict[str, Any] = {
    CALLS_COMMANDS.name: CALLS_COMMANDS.values,
    CALLS_DECISIONS.name: Decision,
}


def said(made: Record) -> tuple[Topic, bytes, Any]:
    """Where the record goes, its key, and what it says; its source and trace are on it too."""
    assert made.value is not None
    headers = {name: value.decode() for name, value in made.headers}
    assert headers["ce_source"] == "/ringfence/screening"
    assert headers["traceparent"].startswith(TRACE[:35])
    return made.topic, made.key, decode(KINDS[made.topic.name], made.value)


def all_said(taken: Decision, *, on_gateway: bool = False) -> list[Any]:
    found = [said(each) for each in records(OFFER, taken, TRACE, on_gateway=on_gateway)]
    for topic, key, _ in found:
        assert key == (b"call-1" if topic is CALLS_COMMANDS else b"12025550143@c.us")
    return [value for _, _, value in found]


def test_no_reject_stands_before_its_decision() -> None:
    assert all_said(TAKEN) == [TAKEN, REJECT]


def test_no_text_stands_before_its_decision() -> None:
    queued = replace(TAKEN, verdict="queue")
    assert all_said(queued) == [queued, TEXT]
    quiet = replace(queued, reply=None)
    assert all_said(quiet) == [quiet]


def test_a_call_that_rings_or_comes_late_has_a_decision_alone() -> None:
    verdicts: tuple[Verdict, ...] = ("ring", "late")
    for verdict in verdicts:
        taken = replace(TAKEN, verdict=verdict)
        assert all_said(taken, on_gateway=True) == [taken]


def test_a_block_goes_to_the_gateway_behind_its_reject() -> None:
    assert all_said(BEGUN) == [BEGUN, REJECT]
    assert len(records(OFFER, BEGUN, TRACE)) == 2
    assert all_said(BEGUN, on_gateway=True) == [BEGUN, REJECT, BLOCK]
    assert all_said(TAKEN, on_gateway=True) == [TAKEN, REJECT]


def test_one_not_known_to_the_line_is_texted_as_a_stranger() -> None:
    known: tuple[tuple[dict[str, Scalar], bool], ...] = (
        ({}, True),
        ({"stranger": True}, True),
        ({"stranger": False}, False),
    )
    for facts, stranger in known:
        rejected = replace(TAKEN, facts=facts)
        assert all_said(rejected)[1].stranger is stranger
        assert all_said(replace(rejected, verdict="queue"))[1].stranger is stranger


def test_a_text_may_speak_of_every_fact_it_is_meant_to() -> None:
    taken = replace(TAKEN, facts={"wait_ms": 5, "opens_at_ms": 6})
    assert all_said(taken)[1].values == {"wait_ms": 5, "opens_at_ms": 6}


def test_the_text_after_a_reject_names_when_it_was_answered() -> None:
    told = SendText.after_reject(REJECT, "away", NOW_MS + 40)
    queued = SendText.of_queue(TEXT, ())
    assert (queued.rejected_at_ms, queued.expires_at_ms) == (None, NOW_MS + 44_000)
    assert told == replace(
        queued, reply="away", rejected_at_ms=NOW_MS + 40, expires_at_ms=NOW_MS + 179_000
    )


def test_the_end_of_a_block_has_an_id_of_its_own() -> None:
    assert unblock_id(TAKEN.decision_id) == "london/call-1/unblock"
