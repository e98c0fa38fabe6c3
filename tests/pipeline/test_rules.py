"""Every rule's own story: policies and facts on their real topics, a call, and what the caller and
the desk get of it.

Policies change on the running worker. One line for each story, so that stories do not meet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from models.callbacks import Callback
from models.commands import SendText
from models.contacts import Contact
from models.decisions import Decision
from models.messages import MessageSeen
from models.overrides import CallerBlock, LineSwitch, ListEntry
from models.policy import PolicyDocument, read_policy, revision_of
from models.presence import BridgeHealth, ConnectionChange, LineStatus, Presence
from models.records import (
    Record,
    Reference,
    message_event,
    policy_document,
    reference,
    tombstone,
)
from models.topics import CALLBACKS
from streams.callbacks.listing import owed
from streams.common.clock import now_ms
from streams.kafka.producer import DurableProducer
from streams.kafka.reader import TopicReader
from streams.simulator.session_state import Call
from tests.support.ringfence import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPLIES = {
    "no": {"en": "Not now."},
    "upgrade": {"en": "For members only: {upgrade_link}"},
    "closed": {"en": "We open again {next_opening}."},
    "wait": {"en": "All of us are busy, please hold on {wait}."},
    "trial": {"variants": {"a": {"texts": {"en": "A"}}}, "holdout": 0.9},
}
TEXTS = {"cooldown": "1h", "strangers_per_day": 100_000}
HOUR_MS = 3_600_000


class Office:
    """What people and programs beside the calls do: write policies, keep lists, report to the
    desk."""

    def __init__(self, house: House, producer: DurableProducer) -> None:
        self.house = house
        self._producer = producer

    async def policy(self, line: str, *rules: dict[str, Any], **more: Any) -> None:
        """Put a policy in force on a line."""
        links = {"upgrade": "https://example.org/join"}
        document = {
            "line": line,
            "rules": list(rules),
            "replies": REPLIES,
            "texts": TEXTS,
            "links": links,
            **more,
        }
        applied = PolicyDocument(
            kind="policy",
            name=line,
            revision=revision_of(read_policy(document)),
            author="test",
            applied_at_ms=now_ms(),
            document=document,
        )
        await self._put(*policy_document(applied, "/test"))

    async def know(self, *values: Reference) -> None:
        """Let everybody know of a fact."""
        await self._put(*(reference(each, "/test", now_ms()) for each in values))

    async def forget(self, value: Reference) -> None:
        """Take a fact back."""
        await self._put(tombstone(value, "/test", now_ms()))

    async def call(
        self, line: str, caller: str | None = None, **order: Any
    ) -> tuple[Call, Decision]:
        """A call, and what was decided about it."""
        call = await self.house.gateway.place_call(
            line=line, caller=caller or self.house.caller(), **order
        )
        return call, await self.house.decision(call.id)

    async def text(self, call: Call) -> str:
        """What the caller of a call was told."""
        await self.house.outcome(call.id, "text", "accepted")
        return next(seen.text or "" for seen in self.house.gateway.record.of("text", call.id))

    async def is_settled_by_a_person_only(self, caller: str, decision: Decision) -> None:
        """The app's automatic answer leaves the callback owed; a person's message settles it."""
        greeting = await self.house.gateway.write(
            line=decision.line, caller=caller, direction="out", text="We reply soon."
        )
        seen = await self.house.first(
            lambda each: (
                isinstance(each.value, MessageSeen) and each.value.message_id.endswith(greeting.key)
            )
        )
        # dated before the decision: as if a person had seen the call ring
        at_ms = decision.decided_at_ms - 5_000
        written = replace(seen.value, event_id="evt-hand", message_id="by-hand", at_ms=at_ms)
        await self._producer.send(message_event(written, "/test", None))
        assert await self._closings(caller) == [("written to", at_ms)]

    async def _closings(self, caller: str) -> list[tuple[str | None, int | None]]:
        reader = TopicReader(self.house.settings.kafka, (CALLBACKS,))
        await reader.start()
        found: list[Callback] = []
        try:
            async with asyncio.timeout(10):
                while not found:
                    values = [seen.value for seen in await reader.poll(100)]
                    found = [
                        each
                        for each in values
                        if isinstance(each, Callback)
                        and (each.caller, each.state) == (caller, "closed")
                    ]
        finally:
            await reader.stop()
        return [(each.closed_by, each.closed_at_ms) for each in found]

    async def _put(self, *records: Record) -> None:
        """Write, and wait until the worker has read it: it is in force then."""
        before = await self._read()
        await self._producer.send(*records)
        wanted = {
            each.topic.name: sum(other.topic is each.topic for other in records) for each in records
        }
        deadline = time.monotonic() + 10
        while any(
            now.get(name, 0) < before.get(name, 0) + count
            for now in [await self._read()]
            for name, count in wanted.items()
        ):
            assert time.monotonic() < deadline, f"the worker did not read {wanted}"
            await asyncio.sleep(0.02)

    async def _has_read(self, wanted: dict[str, float]) -> bool:
        now = await self._read()
        return all(now.get(name, 0) >= count for name, count in wanted.items())

    async def _read(self) -> dict[str, float]:
        url = f"http://{self.house.settings.worker.listen}/metrics"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            text = await answer.text()
        return {
            sample.labels["topic"]: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "ringfence_reference_records_total"
        }


@pytest_asyncio.fixture(loop_scope="module")
async def office(house: House) -> AsyncIterator[Office]:
    producer = DurableProducer(house.settings.kafka, "test-office")
    await producer.start()
    try:
        yield Office(house, producer)
    finally:
        await producer.stop()


def entry(name: str, pattern: str, **more: Any) -> ListEntry:
    return ListEntry(list=name, pattern=pattern, author="test", added_at_ms=now_ms(), **more)


def contact(caller: str, **more: Any) -> Contact:
    return Contact(contact=caller, source="test", at_ms=now_ms(), **more)


def agent(name: str, status: Any, line: str) -> Presence:
    now = now_ms()
    return Presence(agent=name, status=status, lines=(line,), status_at_ms=now, heartbeat_at_ms=now)


DENY = {"id": "deny", "type": "deny_list", "list": "nuisance", "reply": "no"}


async def test_a_denied_caller_is_rejected_but_an_emergency_rings(
    office: Office,
) -> None:
    await office.policy("london", DENY, {"id": "ward", "type": "emergency"})
    caller, ward = office.house.caller(), office.house.caller()
    listed = entry("nuisance", caller, reason="threats")
    await office.know(listed, entry("nuisance", ward), entry("emergency", ward))
    call, decision = await office.call("london", caller)
    assert (decision.verdict, decision.rule, decision.why) == (
        "reject",
        "deny",
        "on the list nuisance: threats",
    )
    assert await office.text(call) == "Not now."
    assert (await office.call("london", ward))[1].verdict == "ring"
    await office.forget(listed)
    assert (await office.call("london", caller))[1].verdict == "ring"


async def test_an_allowed_caller_rings_though_all_others_are_rejected(office: Office) -> None:
    await office.policy(
        "london", {"id": "friends", "type": "allow_list"}, DENY | {"callers": ["GB"]}
    )
    friend = office.house.caller()
    await office.know(entry("allow", friend))
    assert (await office.call("london", friend))[1].rule == "friends"
    assert (await office.call("london"))[1].verdict == "reject"


async def test_only_members_ring_and_others_are_told_how_to_join(office: Office) -> None:
    await office.policy(
        "london", {"id": "vip", "type": "vip_only", "tiers": ["gold"], "reply": "upgrade"}
    )
    member = office.house.caller()
    await office.know(contact(member, tier="gold"))
    assert (await office.call("london", member))[1].verdict == "ring"
    call, decision = await office.call("london")
    assert (decision.verdict, decision.rule) == ("reject", "vip")
    assert await office.text(call) == "For members only: https://example.org/join"


async def test_a_closed_line_says_when_it_opens_and_owes_a_callback(
    office: Office,
) -> None:
    hours = {
        "id": "hours",
        "type": "quiet_hours",
        "calendar": "always",
        "reply": "closed",
        "callback_tiers": ["gold"],
    }
    always = {"calendar": "always", "week": {"mon-sun": ["00:00-24:00"]}}
    await office.policy("london", hours, calendars=[always])
    assert (await office.call("london"))[1].verdict == "ring"
    until = now_ms() + HOUR_MS
    switch = LineSwitch(
        line="london",
        state="closed",
        until_ms=until,
        reason="fire drill",
        author="ops",
        at_ms=now_ms(),
    )
    member = office.house.caller()
    await office.know(switch, contact(member, tier="gold"))
    call, decision = await office.call("london", member, age_s=20.0)
    assert decision.verdict == "reject"
    assert decision.why.startswith("switched closed by ops")
    assert "fire drill" in decision.why
    assert decision.facts["opens_at_ms"] == until
    assert (await office.text(call)).startswith("We open again ")
    assert [each.caller for each in await owed(office.house.settings.kafka, "london")] == [member]
    await office.is_settled_by_a_person_only(member, decision)
    await office.forget(switch)
    assert (await office.call("london"))[1].verdict == "ring"


async def test_a_burst_is_blocked_on_the_gateway_for_its_time(
    office: Office,
) -> None:
    burst = {
        "id": "burst",
        "type": "burst",
        "calls": 3,
        "within": "60s",
        "block": "4s",
        "on_gateway": True,
        "reply": "no",
    }
    await office.policy("london", burst)
    caller = office.house.caller()
    verdicts = [(await office.call("london", caller))[1] for _ in range(3)]
    assert [each.verdict for each in verdicts] == ["ring", "ring", "reject"]
    block = verdicts[-1].block
    assert block is not None
    assert (block.strikes, block.until_ms - verdicts[-1].decided_at_ms) == (1, 4000)
    blocked = await office.house.outcome(verdicts[-1].call_id, "block", "accepted")
    assert blocked.command_id == f"{verdicts[-1].decision_id}/block"
    stopped = await office.house.gateway.place_call(line="london", caller=caller)
    assert stopped.state == "ended"
    await office.house.outcome(verdicts[-1].call_id, "unblock", "accepted")
    done = [
        seen.kind for seen in office.house.gateway.record.requests if seen.kind.endswith("block")
    ]
    assert done == ["block", "unblock"]


async def test_a_gateway_block_taken_back_by_hand_ends_at_once(
    office: Office,
) -> None:
    burst = {
        "id": "burst",
        "type": "burst",
        "calls": 2,
        "within": "60s",
        "block": "1h",
        "on_gateway": True,
    }
    await office.policy("london", burst)
    caller = office.house.caller()
    await office.call("london", caller)
    _, decision = await office.call("london", caller)
    await office.house.outcome(decision.call_id, "block", "accepted")
    await office.know(
        CallerBlock(caller=caller, line="*", until_ms=0, author="mia", at_ms=now_ms())
    )
    await office.house.outcome(decision.call_id, "unblock", "accepted")
    await office.policy("london", burst | {"calls": 4})
    assert (await office.call("london", caller))[1].verdict == "ring"


async def test_a_block_by_hand_ends_by_hand_and_nobody_is_told(office: Office) -> None:
    await office.policy("london")
    caller = office.house.caller()
    now = now_ms()
    await office.know(
        CallerBlock(caller=caller, line="*", until_ms=now + HOUR_MS, author="mia", at_ms=now)
    )
    call, decision = await office.call("london", caller)
    assert (decision.verdict, decision.rule, decision.why) == ("reject", None, "blocked by mia")
    await office.house.outcome(call.id, "reject", "accepted")
    assert not office.house.all(SendText, call_id=call.id)
    await office.know(
        CallerBlock(caller=caller, line="*", until_ms=0, author="mia", at_ms=now_ms())
    )
    assert (await office.call("london", caller))[1].verdict == "ring"


async def test_a_known_callers_second_call_is_urgent(office: Office) -> None:
    await office.policy(
        "london", {"id": "urgent", "type": "urgent_repeat"}, DENY | {"callers": ["GB"]}
    )
    caller = office.house.caller()
    await office.know(contact(caller))
    assert (await office.call("london", caller))[1].verdict == "reject"
    assert (await office.call("london", caller))[1].rule == "urgent"


async def test_a_storm_is_rejected_in_silence_and_known_callers_ring(
    office: Office,
) -> None:
    await office.policy("paris", {"id": "storm", "type": "storm", "callers": 5, "within": "60s"})
    verdicts = [(await office.call("paris"))[1].verdict for _ in range(6)]
    assert verdicts == ["ring"] * 4 + ["reject"] * 2
    member = office.house.caller()
    await office.know(contact(member))
    assert (await office.call("paris", member))[1].verdict == "ring"
    call, _ = await office.call("paris")
    await office.house.outcome(call.id, "reject", "accepted")
    assert not office.house.all(SendText, call_id=call.id)


async def test_strangers_ring_while_messages_may_have_been_missed(
    office: Office,
) -> None:
    await office.policy("paris", {"id": "text-first", "type": "text_first", "reply": "no"})
    now = now_ms()
    gap = LineStatus(
        line="paris",
        connected=True,
        status="WORKING",
        changed_at_ms=now,
        changes=(
            ConnectionChange(at_ms=now - 300_000, connected=False),
            ConnectionChange(at_ms=now, connected=True),
        ),
    )
    await office.know(gap)
    decision = (await office.call("paris"))[1]
    assert (decision.verdict, decision.facts["history_incomplete"]) == ("ring", True)
    await office.forget(gap)
    assert (await office.call("paris"))[1].verdict == "reject"


async def test_a_line_that_must_record_needs_its_bridge(office: Office) -> None:
    await office.policy("riyadh", {"id": "record", "type": "recording_bridge", "reply": "no"})
    assert (await office.call("riyadh"))[1].why == "no recording bridge was ever heard of"
    up = BridgeHealth(
        bridge="sbc-1", up=True, lines=("riyadh",), active=0, capacity=1, at_ms=now_ms()
    )
    await office.know(up)
    assert (await office.call("riyadh"))[1].verdict == "ring"
    await office.know(
        BridgeHealth(
            bridge="sbc-1", up=True, lines=("riyadh",), active=1, capacity=1, at_ms=now_ms()
        )
    )
    assert (await office.call("riyadh"))[1].why == "no bridge can record: sbc-1 at capacity"
    await office.know(
        BridgeHealth(bridge="sbc-1", up=True, lines=("riyadh",), at_ms=now_ms() - 40_000)
    )
    assert (await office.call("riyadh"))[1].why == "no bridge can record: sbc-1 not heard of"


async def test_a_busy_desk_queues_its_best_and_owes_them_a_call(
    office: Office,
) -> None:
    desk = {
        "id": "desk", "type": "presence", "queue_tiers": ["gold"],
        "reply": "no", "busy_reply": "no", "queue_reply": "wait",
    }  # fmt: skip
    await office.policy("riyadh", desk)
    member = office.house.caller()
    await office.know(contact(member, tier="gold", locale="en"), agent("mia", "offline", "riyadh"))
    assert (await office.call("riyadh", member))[1].why == "nobody is online"
    await office.know(agent("mia", "online", "riyadh"))
    assert (await office.call("riyadh"))[1].verdict == "ring"
    await office.know(agent("mia", "busy", "riyadh"))
    assert (await office.call("riyadh"))[1].verdict == "reject"
    vip = office.house.caller()
    await office.know(contact(vip, tier="gold", locale="en"))
    call, decision = await office.call("riyadh", vip)
    assert (decision.verdict, decision.callback) == ("queue", True)
    assert (await office.text(call)).startswith("All of us are busy, please hold on")
    assert call.state == "ringing"
    assert vip in [each.caller for each in await owed(office.house.settings.kafka, "riyadh")]
    await office.house.gateway.answer(call)
    await office.house.first(
        lambda seen: (
            seen.topic.name == "calls.lifecycle"
            and getattr(seen.value, "type", "") == "call.accepted"
            and getattr(seen.value, "call_id", "") == call.id
        )
    )
    deadline = time.monotonic() + 10
    while vip in [each.caller for each in await owed(office.house.settings.kafka, "riyadh")]:
        assert time.monotonic() < deadline, f"{CALLBACKS.name} still has the callback"


async def test_video_and_group_calls_can_be_kept_out(office: Office) -> None:
    await office.policy(
        "london", {"id": "voice-only", "type": "media", "reject": ["video"], "reply": "no"}
    )
    assert (await office.call("london", media="video"))[1].rule == "voice-only"
    assert (await office.call("london"))[1].verdict == "ring"
    assert (await office.call("london", group=True))[1].verdict == "ring"


async def test_numbers_of_other_countries_can_be_kept_out(office: Office) -> None:
    await office.policy("london", {"id": "home", "type": "country", "only": ["GB"], "reply": "no"})
    assert (await office.call("london"))[1].verdict == "ring"
    decision = (await office.call("london", "12025550143@c.us"))[1]
    assert (decision.rule, decision.facts["country"]) == ("home", "US")


async def test_an_own_condition_decides_and_a_shadow_only_watches(office: Office) -> None:
    own = {
        "id": "own",
        "type": "expression",
        "condition": 'stranger && line == "london"',
        "reply": "no",
    }
    await office.policy("london", own | {"mode": "shadow"})
    decision = (await office.call("london"))[1]
    assert (decision.verdict, [(each.matched, each.shadow) for each in decision.rules]) == (
        "ring",
        [(True, True)],
    )
    await office.policy("london", own)
    assert (await office.call("london"))[1].rule == "own"


async def test_an_experiment_leaves_some_untold_and_says_so(office: Office) -> None:
    await office.policy("london", DENY | {"callers": ["GB"], "reply": "trial"})
    seen = set()
    for _ in range(8):
        call, decision = await office.call("london")
        seen.add(decision.variant)
        ended = await office.house.outcome(call.id, "text", "accepted", "suppressed")
        assert ended.variant == decision.variant
        assert (ended.result, ended.reason) == (
            ("suppressed", "holdout") if decision.variant == "holdout" else ("accepted", None)
        )
    assert "holdout" in seen


async def test_who_is_held_out_of_a_rule_rings_and_the_others_do_not(office: Office) -> None:
    rule = {"id": "home", "type": "country", "only": ["GB"], "reply": "no", "holdout": 0.5}
    await office.policy("london", rule)
    seen = set[str]()
    # other numbers than those of the house, which are British
    for number in range(12025550150, 12025550158):
        call, decision = await office.call("london", f"{number}@c.us")
        (given,) = decision.assignments
        (trace,) = decision.rules
        held = given.variant == "holdout"
        assert (trace.matched, trace.holdout, decision.verdict) == (
            (True, True, "ring") if held else (True, False, "reject")
        )
        if not held:
            await office.house.outcome(call.id, "reject", "accepted")
        seen.add(given.variant)
        assert call.state == ("ringing" if held else "rejected")
    assert seen == {"holdout", "enforced"}


async def test_a_broken_policy_never_replaces_one_that_works(
    office: Office,
) -> None:
    await office.policy("london", DENY | {"callers": ["GB"]})
    broken = {
        "line": "london",
        "rules": [{"id": "own", "type": "expression", "condition": "no_such_fact"}],
    }
    applied = PolicyDocument(
        kind="policy",
        name="london",
        revision="broken",
        author="test",
        applied_at_ms=now_ms(),
        document=broken,
    )
    await office._put(*policy_document(applied, "/test"))
    assert (await office.call("london"))[1].rule == "deny"
