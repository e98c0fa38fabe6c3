"""The traffic: the same for a seed, at the rate asked for, with every behaviour early on."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from itertools import islice, takewhile
from typing import Any

import pytest
from aiohttp import ClientConnectionError

from streams.simulator import serve
from streams.simulator.driver import Driver
from streams.simulator.fictional_numbers import RANGES, lid_of
from streams.simulator.reactions import Reactions, TextEffect
from streams.simulator.steps import (
    CallStep,
    FaultStep,
    Profile,
    ReconnectStep,
    TrafficStep,
    WriteStep,
)
from streams.simulator.traffic import TrafficPlan
from tests.support.simulator import Scene, scene, settings

LINES = ("london", "riyadh")


def first(
    seconds: float, rate: float, seed: int, profile: Profile | None = None
) -> list[TrafficStep]:
    plan = TrafficPlan(LINES, rate, seed, profile or Profile())
    return list(takewhile(lambda step: step.at_s <= seconds, plan))


def calls(steps: list[TrafficStep]) -> list[CallStep]:
    return [step for step in steps if isinstance(step, CallStep)]


def test_the_same_seed_plans_the_same_and_another_one_differs() -> None:
    one, again, other = (list(islice(TrafficPlan(LINES, 5, seed), 500)) for seed in (7, 7, 8))
    assert one == again
    assert one != other


def test_steps_come_in_the_order_of_their_times() -> None:
    times = [step.at_s for step in first(300, 5, 1)]
    assert times == sorted(times)


@pytest.mark.parametrize("rate", [2.0, 50.0])
def test_a_steady_plan_keeps_the_rate(rate: float) -> None:
    seconds = 4_000 / rate
    placed = len(calls(first(seconds, rate, 3, Profile(steady=True))))
    assert 0.85 * 4_000 < placed < 1.15 * 4_000


def test_hours_and_days_keep_the_rate_on_average() -> None:
    placed = len(calls(first(12 * 240, 5, 3)))
    assert 0.75 * 12 * 240 * 5 < placed < 1.25 * 12 * 240 * 5


@pytest.mark.parametrize("seed", range(8))
def test_every_behaviour_is_planned_for_the_first_half_minute(
    seed: int,
) -> None:
    steps = first(30, 2, seed)
    placed = calls(steps)
    assert {call.kind for call in placed} == {"person", "regular", "robot", "wangiri", "storm"}
    orders: list[Any] = [call.order for call in placed]
    assert {order.get("delivery", "once") for order in orders} == {"once", "twice", "disorder"}
    assert any(order.get("lid") for order in orders)
    assert any(order.get("group") for order in orders)
    assert any(order.get("media") == "video" for order in orders)
    assert any(order.get("age_s", 0) >= 60 for order in orders)
    assert any(call.redials and call.redials[0] < 25 for call in placed)
    assert any(call.writes_after_s for call in placed)
    assert any(isinstance(step, WriteStep) for step in steps)
    assert any(isinstance(step, ReconnectStep) for step in steps)
    assert {step.fault.kind for step in steps if isinstance(step, FaultStep)} == {"status", "hang"}


def test_shares_are_as_the_profile_says() -> None:
    placed = calls(first(4_000, 5, 11, Profile(steady=True)))
    kinds = Counter(call.kind for call in placed if call.kind != "storm")
    total = kinds.total()
    assert 0.07 < kinds["robot"] / total < 0.14
    assert 0.03 < kinds["wangiri"] / total < 0.08
    people = [call for call in placed if call.kind in {"person", "regular"}]
    assert 0.25 < sum(bool(call.order.get("lid")) for call in people) / len(people) < 0.35
    assert 0.25 < sum(bool(call.redials) for call in people) / len(people) < 0.35
    assert 0.01 < sum(bool(call.order.get("group")) for call in people) / len(people) < 0.03
    assert 0.02 < sum(call.order.get("delivery") == "twice" for call in people) / len(people) < 0.04


def test_robots_redial_three_to_six_times_from_one_number() -> None:
    robots = Counter(
        c.order["caller"]
        for c in calls(first(2_000, 5, 5, Profile(steady=True)))
        if c.kind == "robot"
    )
    # whoever began shortly before the end is cut off
    assert {3, 4, 5, 6} <= set(robots.values())
    assert max(robots.values()) == 6


def test_everybody_has_a_number_that_is_kept_for_fiction() -> None:
    for call in calls(first(600, 10, 2)):
        number = int(call.order["caller"].removesuffix("@c.us"))
        assert any(number in numbers for numbers in RANGES)
        lid = call.order.get("lid")
        assert lid is None or lid == lid_of(number)


def test_no_two_numbers_share_a_lid() -> None:
    numbers = [number for numbers in RANGES for number in numbers]
    assert len({lid_of(number) for number in numbers}) == len(numbers)


@pytest.mark.parametrize(("lines", "rate"), [((), 1.0), (LINES, 0.0)])
def test_a_plan_without_lines_or_rate_is_refused(lines: tuple[str, ...], rate: float) -> None:
    with pytest.raises(ValueError, match="needs lines and a rate"):
        TrafficPlan(lines, rate, 1)


async def reject_once(s: Scene, body: dict[str, Any]) -> None:
    """Stands in for the sinks: one reject, as the webhook named the call, given up after a
    second."""
    payload = body["payload"]
    with suppress(TimeoutError, ClientConnectionError):
        async with asyncio.timeout(1):
            if body["session"] == "default":
                await s.wawp("/v2/calls/reject", {"callId": payload["id"], "from": payload["from"]})
            else:
                path = f"/api/{body['session']}/calls/reject"
                await s.waha(path, {"from": payload["from"], "id": payload["id"]})


async def reject_everything(s: Scene) -> None:
    """Reject each offer that arrives at the bridge, each call once, side by side."""
    seen: set[str] = set()
    at = 0
    async with asyncio.TaskGroup() as rejects:
        while True:
            # bound default
            await s.bridge.until(lambda at=at: len(s.bridge.hooks) > at, 10)  # type: ignore[misc]
            hooks, at = s.bridge.hooks[at:], len(s.bridge.hooks)
            for body in (hook.body for hook in hooks):
                if body["event"] == "call.received" and body["payload"]["id"] not in seen:
                    seen.add(body["payload"]["id"])
                    rejects.create_task(reject_once(s, body))


async def test_played_traffic_redials_writes_and_keeps_the_dialects() -> None:
    profile = Profile(compression=100, redial=1.0, writes=1.0, errors=0, timeouts=0, steady=True)
    async with scene() as s:
        s.sim.dial()
        stop = asyncio.Event()
        traffic = asyncio.create_task(Driver(s.sim, rate=40, seed=3, profile=profile).run(stop))
        sinks = asyncio.create_task(reject_everything(s))
        try:
            await s.sim.wait_for(
                lambda r: (
                    r.calls["rejected"] >= 40 and r.calls["hung_up"] > 0 and r.calls["stale"] >= 4
                ),
                30,
            )
            callers = Counter(c.body["payload"]["from"] for c in s.bridge.of("call.received"))
            assert callers.most_common(1)[0][1] > 1
            assert any(
                m.body["payload"]["body"] == "I just tried to call you"
                for m in s.bridge.of("message")
            )
            assert s.sim.record.violation_count == 0
        finally:
            stop.set()
            await traffic
            sinks.cancel()
            await asyncio.gather(sinks, return_exceptions=True)


async def test_people_react_to_the_text_that_reached_them() -> None:
    """Of two lines with the same dials: on one everybody gets the text that works, on the other
    nobody gets any."""
    profile = Profile(redial=0, regulars=0, robots=0, wangiri=0, errors=0, timeouts=0, groups=0)
    dials = Reactions(
        silent=0.0,
        texts=(TextEffect(words=("call you back",), write=1.0),),
        writes_after=1,
        patience=1,
    )
    async with scene() as s:
        stop = asyncio.Event()
        driver = Driver(
            s.sim, rate=40, seed=3, profile=profile, lines=["noweb", "gows"], reactions=dials
        )
        traffic = asyncio.create_task(driver.run(stop))
        told: set[str] = set()
        try:
            while len(told) < 15:
                await s.bridge.until(lambda: bool(s.bridge.of("call.received")), 10)
                for body in [hook.body for hook in s.bridge.of("call.received")]:
                    person = body["payload"]["from"]
                    await reject_once(s, body)
                    if body["session"] == "noweb" and person not in told:
                        told.add(person)
                        text = {"session": "noweb", "chatId": person, "text": "We call you back."}
                        await s.waha("/api/sendText", text)
                s.bridge.hooks[:] = [h for h in s.bridge.hooks if h.event != "call.received"]
            await s.bridge.until(lambda: len(s.bridge.of("message")) >= 3, 10)
            wrote = {m.body["payload"]["from"] for m in s.bridge.of("message")}
            assert wrote <= told
            assert {m.body["session"] for m in s.bridge.of("message")} == {"noweb"}
        finally:
            stop.set()
            await traffic


@pytest.mark.parametrize("share", [0.0, 1.0, None])
async def test_as_many_calls_are_picked_up_as_is_dialled(share: float | None) -> None:
    async with scene() as s:
        driver = Driver(s.sim, rate=40, seed=3, reactions=Reactions(picked_up=share))
        by_people = [
            each for each in calls(list(islice(driver._plan, 600))) if each.kind == "person"
        ]
        picked_up = sum(each.answered_after_s is not None for each in by_people) / len(by_people)
        assert picked_up == (share if share is not None else pytest.approx(0.5, abs=0.1))


async def test_serve_says_when_it_is_ready_and_ends_when_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    stop = asyncio.Event()
    async with scene() as s:
        served = asyncio.create_task(
            serve(
                settings(),
                listen="127.0.0.1:0",
                bridge_url=s.bridge.url,
                rate=50,
                seed=1,
                stop=stop,
            )
        )
        await s.bridge.first("call.received")
        stop.set()
        await asyncio.wait_for(served, 5)
    assert [r.message for r in caplog.records if "ready" in r.message] != []
