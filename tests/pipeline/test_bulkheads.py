"""A gateway that is ill keeps its own commands waiting, and nobody else's."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from models.commands import SendText
from models.outcomes import Outcome
from streams.simulator.faults import GatewayFault
from tests.support.ringfence import House
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ILL = (
    GatewayFault(kind="status", gateway="office", operation="*", status=503),
    GatewayFault(kind="status", gateway="office", operation="session", status=503),
)


async def circuit(house: House, gateway: str) -> str:
    """The state that the worker's metrics show."""
    address = f"http://{house.settings.worker.listen}/metrics"
    async with aiohttp.ClientSession() as http, http.get(address) as answer:
        lines = (await answer.text()).splitlines()
    (state,) = (
        line.split('state="')[1].split('"')[0]
        for line in lines
        if line.startswith(f'ringfence_gateway_circuit{{gateway="{gateway}"')
        and line.endswith(" 1.0")
    )
    return state


async def until_circuit(house: House, *states: str) -> None:
    async with asyncio.timeout(30):
        # another process, which tells nobody
        while await circuit(house, "office") not in states:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def make_ill(house: House) -> None:
    """Let the gateway fail, and calls find that out."""
    house.gateway.dial(*ILL)
    for _ in range(4):
        await house.gateway.place_call(line="london", caller=house.caller())
    await until_circuit(house, "open", "half-open")


async def test_rejects_wait_for_an_ill_gateway_and_are_sent_once(
    house: House,
) -> None:
    await make_ill(house)
    waiting = [
        await house.gateway.place_call(line=line, caller=house.caller())
        for line in ("london", "paris") * 3
    ]
    for call in waiting:
        assert (await house.decision(call.id)).verdict == "reject"
    elsewhere = await house.gateway.place_call(line="riyadh", caller=house.caller())
    await house.outcome(elsewhere.id, "text", "accepted")
    assert [call.reject_requests for call in waiting] == [0] * len(waiting)
    assert not [outcome for call in waiting for outcome in house.all(Outcome, call_id=call.id)]

    house.gateway.dial()
    for call in waiting:
        assert (await house.outcome(call.id, "reject")).result == "accepted"
        assert (await house.outcome(call.id, "text")).result == "accepted"
        assert (call.reject_requests, call.texts) == (1, 1)
    await until_circuit(house, "closed")


async def test_a_text_waits_until_an_ill_gateway_is_well(
    house: House,
) -> None:
    # one reject is under way, and will be answered well, while others find the gateway ill
    slow = GatewayFault(kind="latency", gateway="office", operation="reject", delay_ms=1_500)
    house.gateway.dial(slow)
    call = await house.gateway.place_call(line="paris", caller=house.caller())
    await until(lambda: slow.applied == 1)
    await make_ill(house)
    await house.outcome(call.id, "reject", "accepted")
    await house.first(
        lambda seen: isinstance(seen.value, SendText) and seen.value.call_id == call.id
    )
    assert call.texts == 0
    house.gateway.dial()
    assert (await house.outcome(call.id, "text")).result == "accepted"
    assert call.texts == 1


async def test_a_session_that_hangs_holds_up_no_other(house: House) -> None:
    """The gateway keeps its requests for 10 s, and has fewer connections than there are calls."""
    house.gateway.set_session("london", "SCAN_QR_CODE")
    hanging = [
        await house.gateway.place_call(line="london", caller=house.caller()) for _ in range(40)
    ]
    for call in hanging:
        assert (await house.decision(call.id)).verdict == "reject"
    elsewhere = await house.gateway.place_call(line="paris", caller=house.caller())
    assert (await house.outcome(elsewhere.id, "reject")).result == "accepted"
    assert not [outcome for call in hanging for outcome in house.all(Outcome, call_id=call.id)]
    house.gateway.set_session("london", "WORKING")
    for call in hanging:
        assert (await house.outcome(call.id, "reject")).result == "accepted"
