"""Texts on real Kafka: a queued caller is told of the wait, strangers are told up to the cap, on
each line its own."""

from __future__ import annotations

from typing import Any

import pytest

from models.commands import RejectCall, SendText
from models.contacts import Contact
from models.decisions import Decision
from models.policy import PolicyDocument, read_policy, revision_of
from models.presence import Presence
from models.records import policy_document, reference
from streams.common.clock import now_ms
from streams.kafka.producer import DurableProducer
from streams.stories.explain import explain
from tests.support.ringfence import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOURCE = "/test"
TEXT_FIRST = {"id": "text-first", "type": "text_first", "reply": "write"}
DESK = {
    "id": "desk",
    "type": "presence",
    "queue_tiers": ["gold"],
    "queue_reply": "queued",
    "reply": "write",
}
WRITE = {"en": "Hello {name}, please write first."}


async def put(house: House, *values: Contact | Presence | PolicyDocument) -> None:
    producer = DurableProducer(house.settings.kafka, "texts")
    await producer.start()
    try:
        for value in values:
            if isinstance(value, PolicyDocument):
                await producer.send(*policy_document(value, SOURCE))
            else:
                await producer.send(reference(value, SOURCE, now_ms()))
    finally:
        await producer.stop()


async def apply(house: House, line: str, *rules: dict[str, Any], **more: Any) -> str:
    """Put a line's policy in force, and return its revision."""
    document = {"line": line, "rules": list(rules), **more}
    revision = revision_of(read_policy(document))
    applied = PolicyDocument(
        kind="policy",
        name=line,
        revision=revision,
        author="test",
        applied_at_ms=now_ms(),
        document=document,
    )
    await put(house, applied)
    return revision


async def decided_by(house: House, line: str, revision: str, caller: str) -> Decision:
    """A call's decision by this revision; until it is in force, callers of no interest find that
    out."""
    while True:
        call = await house.gateway.place_call(line=line, caller=caller)
        decision = await house.decision(call.id)
        if decision.policy_revision == revision:
            return decision
        caller = house.caller()


async def test_a_queued_caller_is_told_of_the_wait_and_rings_on(house: House) -> None:
    caller = house.caller()
    at_ms = now_ms()
    busy = Presence(
        agent="mia", status="busy", lines=("riyadh",), status_at_ms=at_ms, heartbeat_at_ms=at_ms
    )
    gold = Contact(contact=caller, name="Asha", tier="gold", locale="ar", source="crm", at_ms=at_ms)
    await put(house, busy, gold)
    queued = {"en": "Hello {name}, the wait is {wait}.", "ar": "مرحبا {name}، الانتظار {wait}."}
    revision = await apply(house, "riyadh", DESK, replies={"write": WRITE, "queued": queued})
    await decided_by(house, "riyadh", revision, house.caller())

    call = await house.gateway.place_call(line="riyadh", caller=caller)
    decision = await house.decision(call.id)
    assert (decision.verdict, decision.rule, decision.reply) == ("queue", "desk", "queued")
    told = await house.outcome(call.id, "text")
    assert (told.result, told.reason) == ("accepted", None)
    (command,) = house.all(SendText, call_id=call.id)
    assert command.rejected_at_ms is None
    assert command.values["wait_ms"] == 300_000
    assert not house.all(RejectCall, call_id=call.id)
    assert (call.state, call.reject_requests, call.texts) == ("ringing", 0, 1)
    story = "\n".join(await explain(house.settings, call.id))
    assert "text asked for (the caller is queued, and the call rings on): the reply queued" in story
    assert "Asha" not in story


async def test_strangers_are_told_up_to_the_cap_known_callers_beyond(house: House) -> None:
    known = house.caller()
    await put(house, Contact(contact=known, source="crm", at_ms=now_ms()))
    # nothing is rejected here but by these calls: the line's count begins with them
    replies = {"write": WRITE}
    revision = await apply(
        house, "paris", TEXT_FIRST, replies=replies, texts={"strangers_per_day": 2}
    )
    results = [(await decided_by(house, "paris", revision, house.caller())).call_id]
    for _ in range(3):
        call = await house.gateway.place_call(line="paris", caller=house.caller())
        results.append(call.id)
    ends = [await house.outcome(call_id, "text") for call_id in results]
    accepted = [each for each in ends if each.result == "accepted"]
    held = [each for each in ends if each.result == "suppressed"]
    assert len(accepted) <= 2
    assert {each.reason for each in held} == {"stranger-cap"}
    assert len(accepted) + len(held) == 4
    call = await house.gateway.place_call(line="paris", caller=known)
    assert (await house.outcome(call.id, "text")).result == "accepted"


async def test_a_holdout_is_decided_and_not_told(house: House) -> None:
    experiment = {"variants": {"short": {"texts": WRITE}}, "holdout": 0.5}
    revision = await apply(
        house,
        "london",
        TEXT_FIRST,
        replies={"write": experiment},
        texts={"strangers_per_day": 100_000},
    )
    seen: dict[str | None, tuple[str, str | None]] = {}
    while len(seen) < 2:
        decision = await decided_by(house, "london", revision, house.caller())
        outcome = await house.outcome(decision.call_id, "text")
        assert outcome.variant == decision.variant
        seen[decision.variant] = (outcome.result, outcome.reason)
    assert seen == {"short": ("accepted", None), "holdout": ("suppressed", "holdout")}
