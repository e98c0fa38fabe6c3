"""One call, end to end: signed webhook, Kafka, decision, reject, text, confirmation; and what can
go wrong."""

from __future__ import annotations

import pytest

from models.answers import CallAnswered, CallEnded
from models.calls import CallOffered
from models.commands import RejectCall, SendText
from models.decisions import Decision
from models.identity import canonical
from models.messages import MessageSeen
from streams.simulator.faults import GatewayFault, RequestFault
from tests.support.ringfence import House
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def written(house: House, line: str, caller: str, **order: object) -> None:
    """The caller writes, and Kafka knows it."""
    await house.gateway.write(line=line, caller=caller, **order)  # type: ignore[arg-type]
    await house.first(lambda s: s.topic.name == "messages.events" and s.key == caller.encode())


async def test_a_stranger_is_rejected_told_once_and_confirmed(house: House) -> None:
    call = await house.gateway.place_call(line="london", caller=house.caller())
    decision = await house.decision(call.id)
    assert (decision.verdict, decision.rule, decision.why) == (
        "reject",
        "text-first",
        "has never written to this line",
    )
    assert decision.facts["calls_in_60s"] == 1
    assert decision.policy_revision not in {"", "none"}
    told = await house.outcome(call.id, "text", "accepted")
    assert told.message_id
    await house.outcome(call.id, "reject", "confirmed")
    assert call.state == "rejected"
    assert (call.rejects_accepted, call.texts) == (1, 1)


async def test_the_same_on_wawp_whose_events_carry_only_the_id(house: House) -> None:
    call = await house.gateway.place_call(line="riyadh", caller=house.caller())
    confirmed = await house.outcome(call.id, "reject", "confirmed")
    assert confirmed.line == "riyadh"
    assert (await house.outcome(call.id, "text", "accepted")).http_status == 200
    assert (call.rejects_accepted, call.texts) == (1, 1)


async def test_what_webjs_puts_into_a_chat_itself_makes_nobody_known(house: House) -> None:
    """It tells of the call that ended and of the first text as of messages of the caller."""
    caller = house.caller()
    first = await house.gateway.place_call(line="paris", caller=caller)
    assert (await house.outcome(first.id, "text", "accepted")).line == "paris"
    await house.first(
        lambda s: isinstance(s.value, MessageSeen) and s.value.caller == caller
    )  # our own text
    again = await house.gateway.place_call(line="paris", caller=caller)
    decision = await house.decision(again.id)
    assert (decision.verdict, decision.why) == ("reject", "has never written to this line")
    assert (await house.outcome(again.id, "reject", "unconfirmed")).reason == "only-echo"


async def test_a_caller_who_wrote_rings(house: House) -> None:
    caller = house.caller()
    await written(house, "london", caller)
    call = await house.gateway.place_call(line="london", caller=caller)
    decision = await house.decision(call.id)
    assert (decision.verdict, decision.rule) == ("ring", None)
    assert decision.why.startswith("wrote")
    assert not house.all(RejectCall, call_id=call.id)


@pytest.mark.parametrize("line", ["london", "riyadh"])
async def test_an_answer_and_an_end_stand_by_caller(house: House, line: str) -> None:
    """Wawp's events name the call alone."""
    caller = house.caller()
    await written(house, line, caller)
    call = await house.gateway.place_call(line=line, caller=caller)
    assert (await house.decision(call.id)).verdict == "ring"
    await house.gateway.answer(call)
    answered = await house.first(
        lambda s: isinstance(s.value, CallAnswered) and s.value.call_id == call.id
    )
    assert answered.key == caller.encode()
    assert answered.value.decision_id == f"{line}/{call.id}"
    stranger = house.caller()
    rejected = await house.gateway.place_call(line=line, caller=stranger)
    ended = await house.first(
        lambda s: isinstance(s.value, CallEnded) and s.value.call_id == rejected.id
    )
    assert ended.key == stranger.encode()


async def test_having_written_to_one_line_does_not_open_another(house: House) -> None:
    caller = house.caller()
    await written(house, "london", caller)
    call = await house.gateway.place_call(line="paris", caller=caller)
    assert (await house.decision(call.id)).verdict == "reject"


async def test_the_third_call_in_a_minute_is_a_burst(house: House) -> None:
    caller = house.caller()
    await written(house, "london", caller)
    verdicts = []
    for _ in range(3):
        call = await house.gateway.place_call(line="london", caller=caller)
        decision = await house.decision(call.id)
        verdicts.append((decision.verdict, decision.rule))
    assert verdicts == [("ring", None), ("ring", None), ("reject", "burst")]


async def test_a_two_way_conversation_is_never_a_burst(house: House) -> None:
    caller = house.caller()
    # an answer within seconds would be the app's own
    await written(house, "london", caller, age_s=60.0)
    await house.gateway.write(line="london", caller=caller, direction="out")
    await house.first(
        lambda s: (
            s.topic.name == "messages.events"
            and s.key == caller.encode()
            and s.value.direction == "out"
        )
    )
    for _ in range(5):
        call = await house.gateway.place_call(line="london", caller=caller)
        assert (await house.decision(call.id)).verdict == "ring"


async def test_a_robot_is_told_once_however_often_it_calls(house: House) -> None:
    caller = house.caller()
    calls = [await house.gateway.place_call(line="london", caller=caller) for _ in range(4)]
    results = [(await house.outcome(call.id, "text")).result for call in calls]
    assert sorted(results) == ["accepted", "suppressed", "suppressed", "suppressed"]
    assert sum(call.texts for call in calls) == 1
    assert all(call.rejects_accepted == 1 for call in calls)


async def test_a_webhook_that_comes_twice_acts_once(house: House) -> None:
    call = await house.gateway.place_call(line="london", caller=house.caller(), delivery="twice")
    await house.first(
        lambda s: (
            s.topic.name == "calls.events"
            and s.value.call_id == call.id
            and len(house.all(CallOffered, call_id=call.id)) >= 3
        )  # twice here, and at least once on the lifecycle
    )
    await house.outcome(call.id, "reject", "confirmed")
    await house.outcome(call.id, "text", "accepted")
    # a later call of the same caller goes through the same partition: whatever the duplicate did,
    # it did before
    later = await house.gateway.place_call(line="london", caller=call.party.jid)
    await house.decision(later.id)
    assert len(house.all(Decision, call_id=call.id)) == 1
    assert len(house.all(RejectCall, call_id=call.id)) == 1
    assert (call.rejects_accepted, call.texts) == (1, 1)


async def test_offers_from_before_a_reconnect_are_late(house: House) -> None:
    calls = await house.gateway.reconnect(line="london", offers=12)
    for call in calls:
        assert (await house.decision(call.id)).verdict == "late"
        assert call.reject_requests == 0
        assert call.texts == 0


async def test_an_offer_that_comes_after_its_end_is_late(house: House) -> None:
    call = await house.gateway.place_call(
        line="london", caller=house.caller(), delivery="disorder", ring_s=0.5
    )
    decision = await house.decision(call.id)
    assert (decision.verdict, decision.facts["ended"]) == ("late", True)
    assert call.reject_requests == 0


async def test_a_group_call_rings(house: House) -> None:
    call = await house.gateway.place_call(line="london", caller=house.caller(), group=True)
    decision = await house.decision(call.id)
    assert (decision.verdict, decision.facts["group"]) == ("ring", True)


async def test_a_lid_caller_is_known_by_lid_and_rejected_by_it(house: House) -> None:
    """The number beside it is the caller's own word."""
    caller = house.caller()
    lid = "900000000000143@lid"
    call = await house.gateway.place_call(line="london", caller=caller, lid=lid)
    decision = await house.decision(call.id)
    assert (decision.caller, decision.facts["claims_other_identity"]) == (lid, True)
    await house.outcome(call.id, "text", "accepted")
    (command,) = house.all(RejectCall, call_id=call.id)
    assert command.caller_raw == lid
    reject = house.gateway.record.of("reject", call.id)[-1]
    text = house.gateway.record.of("text", call.id)[-1]
    assert (reject.chat, text.chat) == (lid, lid)


async def test_a_known_lid_rings_though_the_call_comes_from_the_lid(house: House) -> None:
    caller = house.caller()
    lid = "900000000000150@lid"
    await written(house, "london", caller, lid=lid)
    call = await house.gateway.place_call(line="london", caller=caller, lid=lid)
    assert (await house.decision(call.id)).verdict == "ring"


async def test_a_caller_who_hangs_up_first_is_told_all_the_same(
    house: House,
) -> None:
    slow = GatewayFault(kind="latency", operation="reject", delay_ms=500, count=1)
    house.gateway.dial(slow)
    call = await house.gateway.place_call(line="london", caller=house.caller())
    await until(lambda: slow.applied == 1)  # the reject is on its way
    assert await house.gateway.hang_up(call)
    outcome = await house.outcome(call.id, "reject")
    assert (outcome.result, outcome.reason, outcome.http_status) == ("raced", "call-over", 500)
    assert (await house.outcome(call.id, "text")).result == "accepted"


@pytest.mark.parametrize(
    "fault",
    [
        GatewayFault(kind="status", operation="reject", status=500, count=1),
        GatewayFault(kind="drop", operation="reject", count=1),
        GatewayFault(kind="rate_limited", operation="reject", count=1, retry_after_s=1),
    ],
    ids=["500", "dropped", "429"],
)
async def test_a_reject_is_tried_again_inside_its_window(house: House, fault: GatewayFault) -> None:
    house.gateway.dial(fault)
    call = await house.gateway.place_call(line="london", caller=house.caller())
    outcome = await house.outcome(call.id, "reject")
    assert (outcome.result, outcome.attempts) == ("accepted", 2)
    assert call.rejects_accepted == 1


@pytest.mark.parametrize("kind", ["drop", "half_answer"])
async def test_a_call_that_ended_is_not_rejected_once_more(
    house: House, kind: RequestFault
) -> None:
    house.gateway.dial(GatewayFault(kind=kind, operation="reject", count=1, acts=True))
    call = await house.gateway.place_call(line="london", caller=house.caller())
    outcome = await house.outcome(call.id, "reject")
    assert (outcome.result, outcome.reason, outcome.attempts) == ("unknown", "ended", 1)
    assert call.reject_requests == 1
    assert (await house.outcome(call.id, "text")).result == "accepted"


async def test_a_forbidden_reject_fails_loudly_and_no_text_follows(
    house: House,
) -> None:
    house.gateway.dial(GatewayFault(kind="status", operation="reject", status=401, count=1))
    call = await house.gateway.place_call(line="london", caller=house.caller())
    outcome = await house.outcome(call.id, "reject")
    assert (outcome.result, outcome.reason, outcome.attempts) == ("failed", "not-permitted", 1)
    assert not house.all(SendText, call_id=call.id)


@pytest.mark.parametrize(
    "fault",
    [
        GatewayFault(kind="drop", operation="text", count=1, acts=True),
        GatewayFault(kind="hang", operation="text", count=1, acts=True),
        GatewayFault(kind="half_answer", operation="text", count=1, acts=True),
        GatewayFault(kind="status", operation="text", status=500, count=1, acts=True),
    ],
    ids=["dropped", "hanging", "half an answer", "500"],
)
async def test_a_text_whose_fate_is_unknown_is_never_sent_again(
    house: House, fault: GatewayFault
) -> None:
    house.gateway.dial(fault)
    call = await house.gateway.place_call(line="london", caller=house.caller())
    outcome = await house.outcome(call.id, "text")
    assert (outcome.result, outcome.attempts) == ("unknown", 1)
    # nor is the caller told anything else: the cool-down counts from a text that may have arrived
    again = await house.gateway.place_call(line="london", caller=call.party.jid)
    assert (await house.outcome(again.id, "text")).reason == "cool-down"
    assert len(house.gateway.record.of("text", call.id)) == 1


async def test_a_text_certainly_not_sent_waits_as_long_as_asked(
    house: House,
) -> None:
    house.gateway.dial(
        GatewayFault(kind="rate_limited", operation="text", count=1, retry_after_s=1)
    )
    call = await house.gateway.place_call(line="london", caller=house.caller())
    outcome = await house.outcome(call.id, "text")
    assert (outcome.result, outcome.attempts) == ("accepted", 2)
    first, second = house.gateway.record.of("text")[-2:]
    assert second.at_ms - first.at_ms >= 1000


async def test_whatsapps_reach_out_limit_is_named(house: House) -> None:
    house.gateway.dial(GatewayFault(kind="reachout", operation="text", count=1))
    call = await house.gateway.place_call(line="london", caller=house.caller())
    outcome = await house.outcome(call.id, "text")
    assert (outcome.result, outcome.reason) == ("failed", "reach-out-restricted")


async def test_webjs_echoes_our_reject_and_that_confirms_nothing(house: House) -> None:
    call = await house.gateway.place_call(line="paris", caller=house.caller())
    outcome = await house.outcome(call.id, "reject", "confirmed", "unconfirmed")
    assert (outcome.result, outcome.reason) == ("unconfirmed", "only-echo")


async def test_many_calls_at_once_never_mix_session_call_and_caller(house: House) -> None:
    lines = ("london", "paris", "riyadh")
    placed = [
        await house.gateway.place_call(line=lines[n % 3], caller=house.caller()) for n in range(90)
    ]
    for call in placed:
        await house.outcome(call.id, "reject", "accepted", "raced")
        for seen in house.gateway.record.of("reject", call.id):
            # the simulator answers a wrong pair or session with an error and counts a violation
            assert (seen.session, canonical(seen.chat or "")) == (
                call.session.name,
                canonical(call.party.jid),
            )
        assert (await house.decision(call.id)).caller == call.party.jid
