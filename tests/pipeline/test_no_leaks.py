"""After a run: no secret and no message stands anywhere, and no whole number where people or
machines read along."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from models.commands import RejectCall
from streams.kafka.connection import connection
from streams.settings import KafkaSettings
from streams.simulator.faults import GatewayFault
from tests.support.ringfence import SECRETS, House, open_house

WORDS = "Confidential: my daughter is ill"
LETTER_WORDS = "Confidential: in a webhook of an unknown kind"
NUMBER = re.compile(rb"(?<![\d.])(?:447700900\d{3}|900000000000\d{3})")
"""Not as a part of a longer number: sums of seconds in metrics have seventeen digits."""
"""What callers are called in this run, by phone and by LID."""


async def everything_on_topics(kafka: KafkaSettings) -> bytes:
    """Every key, value and header of every topic of this run, changelogs too."""
    admin = AIOKafkaAdminClient(**connection(kafka))
    try:
        await admin.start()
        described = await admin.describe_topics()
    finally:
        await admin.close()
    places = [
        TopicPartition(each["topic"], part["partition"])
        for each in described
        if each["topic"].startswith(kafka.topic_prefix)
        for part in each["partitions"]
    ]
    consumer = AIOKafkaConsumer(
        **connection(kafka), auto_offset_reset="earliest", enable_auto_commit=False
    )
    # before the start: it would not learn of the topics otherwise
    consumer.assign(places)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(places)
        found: list[bytes] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    headers = [
                        part for name, value in record.headers for part in (name.encode(), value)
                    ]
                    found += [record.key or b"", record.value or b"", *headers]
        return b"\n".join(found)
    finally:
        await consumer.stop()


async def metrics_of(*urls: str) -> bytes:
    shown = []
    async with aiohttp.ClientSession() as http:
        for url in urls:
            async with http.get(f"{url}/metrics") as answer:
                shown.append(await answer.read())
    return b"\n".join(shown)


async def post(house: House, event: Mapping[str, object], *, rightly_signed: bool = True) -> int:
    """A webhook that the simulator would not send."""
    body = orjson.dumps(event)
    key = SECRETS["WAHA_HMAC_KEY"] if rightly_signed else "wrong"
    headers = {
        "X-Webhook-Hmac": hmac.digest(key.encode(), body, "sha512").hex(),
        "X-Api-Key": SECRETS["WAHA_API_KEY"],
    }
    url = f"{house.bridge.url}/webhooks/office"
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data=body, headers=headers) as answer,
    ):
        return answer.status


async def a_day(house: House) -> None:
    """Calls that are rejected, fail and are refused; messages; webhooks that are not understood."""
    gateway = house.gateway
    caller = house.caller()
    await gateway.write(line="london", caller=caller, text=WORDS)
    await house.first(
        lambda seen: seen.topic.name == "messages.events" and seen.key == caller.encode()
    )
    for line, lid in (("london", None), ("london", "900000000000143@lid"), ("riyadh", None)):
        call = await gateway.place_call(line=line, caller=house.caller(), lid=lid)
        await house.outcome(call.id, "text", "accepted")
    for fault in (
        GatewayFault(kind="status", status=401),
        GatewayFault(kind="drop"),
        GatewayFault(kind="half_answer"),
        GatewayFault(kind="reachout", operation="text"),
    ):
        gateway.dial(fault)
        call = await gateway.place_call(line="paris", caller=house.caller())
        await house.outcome(call.id, "text" if fault.operation == "text" else "reject")
    gateway.dial()
    letter = {
        "event": "message.unheard-of",
        "session": "default",
        "payload": {
            "from": "447700900999@c.us",
            "body": LETTER_WORDS,
            "token": SECRETS["WAHA_API_KEY"],
        },
    }
    assert await post(house, letter) == 200
    assert await post(house, letter, rightly_signed=False) == 401
    await house.first(lambda seen: seen.topic.name == "calls.dlq")


@pytest.mark.timeout(180)
async def test_nothing_leaks(
    broker: str, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    folder = tmp_path_factory.mktemp("leaks")
    async with open_house(broker, folder) as house:
        await a_day(house)
        measured = await metrics_of(
            house.bridge.admin_url, f"http://{house.settings.worker.listen}"
        )
        on_topics = await everything_on_topics(house.settings.kafka)
    logged = (folder / "worker.log").read_bytes() + caplog.text.encode()
    command = next(seen.value for seen in house.seen if isinstance(seen.value, RejectCall))

    # the search itself: what must be found is found
    assert command.caller.encode() in on_topics
    assert b"ringfence_outcomes_total" in measured
    assert b"london" in logged
    assert NUMBER.search(command.caller.encode())

    for place, content in (("logs", logged), ("metrics", measured), ("topics", on_topics)):
        leaked = [name for name, secret in SECRETS.items() if secret.encode() in content]
        assert not leaked, f"{leaked} in the {place}"
        for words in (WORDS, LETTER_WORDS):
            assert words.encode() not in content, f"a message in the {place}"
        if place != "topics":
            assert not NUMBER.findall(content), (
                f"numbers in the {place}: {NUMBER.findall(content)[:5]}"
            )
