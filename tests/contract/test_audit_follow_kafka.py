"""The endless audit and the explanation of a caller, on real topics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from streams.audit.findings import Findings
from streams.audit.follow import follow
from streams.common.clock import now_ms
from streams.common.errors import RingfenceError
from streams.kafka.producer import DurableProducer
from streams.settings import DEFAULT_CONFIG, KafkaSettings, Settings
from streams.stories.explain import caller_of, explain_caller
from tests.support.records import Value, decision, offer, record, rejected_call, ringing_call
from tests.support.waiting import until

Write = Callable[[list[Value]], Awaitable[None]]


@pytest.fixture
def settings(kafka: KafkaSettings) -> Settings:
    return Settings.model_validate(
        {
            "kafka": kafka,
            "policies": Path(DEFAULT_CONFIG).parent / "policies",
            "gateways": {},
            "lines": {},
        }
    )


@pytest.fixture
async def write(kafka: KafkaSettings) -> AsyncIterator[Write]:
    producer = DurableProducer(kafka, "test")
    await producer.start()

    async def send(values: list[Value]) -> None:
        await producer.send(*map(record, values))

    yield send
    await producer.stop()


async def metrics(told: list[str]) -> str:
    url = told[0].removeprefix("metrics on ")
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return await answer.text()


async def test_it_tells_of_a_loss_and_of_its_end_and_stops_when_asked(
    settings: Settings, write: Write
) -> None:
    lost = offer("LOST", at_ms=now_ms() - 60_000)
    await write([*rejected_call(offer("WHOLE", at_ms=now_ms())), lost])
    told: list[str] = []
    stop = asyncio.Event()
    following: asyncio.Task[Findings] = asyncio.create_task(
        follow(
            settings,
            lambda each: told.append(str(each)),
            since_ms=None,
            listen="127.0.0.1:0",
            stop=stop,
        )
    )
    await until(lambda: any("! undecided: call LOST" in line for line in told))
    page = await metrics(told)
    assert 'ringfence_audit_findings{code="undecided"} 1.0' in page
    assert "ringfence_rejects_within_one_second_ratio 1.0" in page
    await write([decision(lost, "late")])
    await until(lambda: any("✓ no more: undecided: call LOST" in line for line in told))
    assert "ringfence_oldest_undecided_offer_age_seconds 0.0" in await metrics(told)
    stop.set()
    found = await asyncio.wait_for(following, 5)
    assert found.holds, found.lines()
    assert found.checked["offers"] == 2


async def test_it_ends_at_once_where_the_broker_is_away(settings: Settings) -> None:
    away = settings.model_copy(
        update={"kafka": settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})}
    )
    with pytest.raises(RingfenceError, match=r"Kafka at 127\.0\.0\.1:1 does not"):
        await follow(away, print, since_ms=None, listen=None, stop=asyncio.Event())


async def test_a_callers_newest_calls_are_told_oldest_first(
    settings: Settings, write: Write
) -> None:
    at_ms = now_ms()
    caller = "447700900456@c.us"
    await write(rejected_call(offer("FIRST", caller=caller, at_ms=at_ms - 3_000)))
    await write(ringing_call(offer("SECOND", caller=caller, line="riyadh", at_ms=at_ms - 2_000)))
    await write(ringing_call(offer("THIRD", caller=caller, at_ms=at_ms - 1_000)))
    await write(ringing_call(offer("OTHERS", at_ms=at_ms)))
    jid = caller_of("+44 7700 900456")
    assert jid == caller
    lines = await explain_caller(settings, jid, 2)
    heads = [line for line in lines if line.startswith("call ")]
    assert heads == [
        "call SECOND on line riyadh (gateway office)",
        "call THIRD on line london (gateway office)",
    ]
    assert lines[-1] == "1 more of this caller; --last 3 tells all"
    assert not any("447700900456" in line for line in lines)
    assert any("decided: reject" in line for line in await explain_caller(settings, jid, 3))
    with pytest.raises(
        RingfenceError,
        match=r"no call of \+447•••••••99 on the topics; searched calls\.events since",
    ):
        await explain_caller(settings, "447700900999@c.us", 1)


@pytest.mark.parametrize(
    "call_id", ["3EB0A1B2C3D4E5F60718293A4B5C6D7E", "README0001", "GB", "call-1"]
)
def test_a_call_id_is_no_caller(call_id: str) -> None:
    assert caller_of(call_id) is None
