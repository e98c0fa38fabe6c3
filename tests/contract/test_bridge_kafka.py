"""What the bridge writes to a real broker, and what it answers for it."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from models import topics
from models.calls import CallOffered
from models.codec import decode
from models.records import CUT_HEADER
from models.topics import Topic
from streams.bridge.intake import MAX_KEPT_BYTES
from streams.bridge.server import Bridge
from streams.common.clock import now_ms
from streams.kafka.connection import connection
from streams.settings import KafkaSettings
from tests.support.waiting import until
from tests.support.webhooks import MESSAGE, NOWEB_OFFER, WAWP_OFFER, changed, settings, signed, waha


@pytest.fixture
async def bridge(kafka: KafkaSettings) -> AsyncIterator[Bridge]:
    async with Bridge(settings(kafka)) as running:
        await ready(running)
        yield running


@pytest.fixture
async def http(bridge: Bridge) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(bridge.url) as session:
        yield session


async def ready(bridge: Bridge) -> None:
    await until(lambda: bridge.unready() is None)


async def post(
    http: aiohttp.ClientSession, envelope: object, gateway: str = "office", **headers: str
) -> int:
    body = envelope if isinstance(envelope, bytes) else orjson.dumps(envelope)
    async with http.post(
        f"/webhooks/{gateway}", data=body, headers=signed(gateway, body) | headers
    ) as response:
        return response.status


async def written(kafka: KafkaSettings, topic: Topic) -> list[ConsumerRecord]:
    """Everything that stands on a topic now."""
    consumer = AIOKafkaConsumer(**connection(kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        name = topic.full_name(kafka.topic_prefix)
        places = [
            TopicPartition(name, number) for number in range(topic.partitions or kafka.partitions)
        ]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found: list[ConsumerRecord] = []
        async with asyncio.timeout(15):
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    found.extend(batch)
        return found
    finally:
        await consumer.stop()


def is_offer(record: ConsumerRecord) -> bool:
    """The payloads name LID and number: the word that they are one caller stands beside the
    offer."""
    return bool(orjson.loads(record.value)["type"] == "call.offered")


async def test_an_answered_offer_stands_on_both_topics(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    before = now_ms()
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert await post(http, NOWEB_OFFER, traceparent=parent) == 200
    (event,) = [record for record in await written(kafka, topics.CALLS_EVENTS) if is_offer(record)]
    (life,) = await written(kafka, topics.CALLS_LIFECYCLE)
    assert event.value == life.value
    seen = decode(CallOffered, event.value)
    assert before <= seen.received_at_ms <= now_ms()
    assert event.key == seen.caller.encode()
    assert life.key == seen.call_id.encode()
    headers = dict(event.headers)
    assert headers["ce_type"] == b"ringfence.call.offered"
    assert headers["ce_source"] == b"/bridge/office"
    assert headers["traceparent"].split(b"-")[1] == parent.split("-")[1].encode()
    assert headers["traceparent"] != parent.encode()


@pytest.mark.parametrize(
    "parent", ["nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "\udcff", "00-" + "g" * 32]
)
async def test_a_broken_traceparent_is_replaced(
    kafka: KafkaSettings, http: aiohttp.ClientSession, parent: str
) -> None:
    given = parent.encode("utf-8", "surrogateescape").decode("latin-1")
    assert await post(http, NOWEB_OFFER, traceparent=given) == 200
    (event,) = [record for record in await written(kafka, topics.CALLS_EVENTS) if is_offer(record)]
    trace = dict(event.headers)["traceparent"].split(b"-")[1]
    assert len(trace) == 32
    assert int(trace, 16) > 0


async def test_a_message_is_kept_without_its_body(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    assert await post(http, MESSAGE, "cloud") == 200
    assert await post(http, MESSAGE | {"event": "message.any", "id": "evt_2"}, "cloud") == 200
    records = await written(kafka, topics.MESSAGES_EVENTS)
    assert {orjson.loads(record.value)["message_id"] for record in records} == {
        MESSAGE["payload"]["id"]
    }
    assert all(b"tried to call" not in record.value for record in records)


async def test_a_dead_letter_keeps_the_bytes_and_the_safe_headers(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    body = b'{ "event": "call.transferred", "session":"default", "payload": {"id": "A"} }'
    status = await post(
        http, body, "office", **{"X-Webhook-Request-Id": "01K", "Authorization": "Bearer secret"}
    )
    assert status == 200
    (record,) = await written(kafka, topics.CALLS_DLQ)
    assert record.value == body
    headers = dict(record.headers)
    assert headers["kafka_dlt-exception-fqcn"] == b"unknown-event"
    assert headers["x-webhook-request-id"] == b"01K"
    assert headers["ringfence-gateway"] == b"office"
    assert not {"authorization", "x-webhook-hmac"} & {name.lower() for name in headers}


async def test_the_largest_unintelligible_body_still_fits(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    body = orjson.dumps(
        {"event": "call.new", "session": "default", "payload": {"id": ["y" * 250] * 4_000}}
    )
    assert await post(http, body) == 200
    (record,) = await written(kafka, topics.CALLS_DLQ)
    assert int(dict(record.headers)[CUT_HEADER]) > MAX_KEPT_BYTES


async def test_ready_once_the_topics_are_known_and_metrics_tell(
    bridge: Bridge,
    http: aiohttp.ClientSession,
) -> None:
    async with http.get(f"{bridge.admin_url}/health/ready") as response:
        assert response.status == 200
    assert await post(http, NOWEB_OFFER) == 200
    text = await (await http.get(f"{bridge.admin_url}/metrics")).text()
    assert (
        'ringfence_bridge_events_total{event="call.received",gateway="office",'
        'result="published"} 1.0'
    ) in text
    assert 'ringfence_bridge_webhook_seconds_count{gateway="office",result="accepted"} 1.0' in text
    assert NOWEB_OFFER["payload"]["id"] not in text


async def test_missing_topics_are_named_with_the_mend(kafka: KafkaSettings) -> None:
    elsewhere = kafka.model_copy(update={"topic_prefix": f"none{uuid.uuid4().hex[:8]}."})
    async with Bridge(settings(elsewhere)) as bridge:
        await until(lambda: "ringfence topics apply" in (bridge.publisher.unready() or ""))


async def test_a_producer_that_lost_a_record_is_replaced(
    bridge: Bridge, http: aiohttp.ClientSession, kafka: KafkaSettings
) -> None:
    producer = bridge.publisher._producer
    assert producer is not None
    inner = producer._producer
    assert inner is not None
    # the gap that a record given up leaves in the sequence: the broker refuses what follows
    assert await post(http, NOWEB_OFFER) == 200
    for place in list(inner._txn_manager._sequence_numbers):
        inner._txn_manager.increment_sequence_number(place, 5)
    assert await post(http, NOWEB_OFFER) == 503
    await until(
        lambda: bridge.publisher._producer is not producer and bridge.publisher.unready() is None
    )
    assert await post(http, NOWEB_OFFER) == 200


CALLERS = [f"1202555{number:04}@c.us" for number in range(110, 140)]
PLAN = st.lists(
    st.tuples(
        st.sampled_from(["office", "cloud"]),
        st.sampled_from(["default", "second"]),
        st.sampled_from(CALLERS),
    ),
    min_size=2,
    max_size=40,
)


@given(plan=PLAN, seed=st.integers(0, 1000))
@examples(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_concurrent_webhooks_never_mix_session_call_and_caller(
    kafka: KafkaSettings,
    bridge: Bridge,
    http: aiohttp.ClientSession,
    plan: list[tuple[str, str, str]],
    seed: int,
) -> None:
    run = uuid.uuid4().hex
    dice = random.Random(seed)
    sent: dict[str, tuple[str, str, str]] = {}
    webhooks: list[tuple[str, Any]] = []
    for number, (gateway, session, caller) in enumerate(plan):
        call = f"{run}-{number}"
        known = "default" if gateway == "cloud" else session
        base = WAWP_OFFER if gateway == "cloud" else NOWEB_OFFER
        envelope = changed(base, **{"id": call, "from": caller, "_data": ...}) | {
            "session": known,
            "id": f"evt-{call}",
        }
        sent[call] = (gateway, "0A1B2C3D4E5F" if gateway == "cloud" else known, caller)
        webhooks.append((gateway, envelope))
    dice.shuffle(webhooks)

    async def trickle(gateway: str, envelope: object) -> int:
        body = orjson.dumps(envelope)
        cut = dice.randrange(1, len(body))

        async def parts() -> AsyncIterator[bytes]:
            yield body[:cut]
            await asyncio.sleep(dice.random() / 100)
            yield body[cut:]

        async with http.post(
            f"/webhooks/{gateway}", data=parts(), headers=signed(gateway, body)
        ) as response:
            return response.status

    answers = await asyncio.gather(*(trickle(gateway, envelope) for gateway, envelope in webhooks))
    assert set(answers) == {200}
    for topic in (topics.CALLS_EVENTS, topics.CALLS_LIFECYCLE):
        seen = [decode(CallOffered, record.value) for record in await written(kafka, topic)]
        found = {
            each.call_id: (each.gateway, each.session, each.caller)
            for each in seen
            if each.call_id.startswith(run)
        }
        assert found == sent
        assert all(each.caller_raw == each.caller for each in seen)
        assert all(each.event_id == f"evt-{each.call_id}" for each in seen)


@given(body=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(orjson.dumps)))
@examples(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_signed_bytes_lead_to_a_server_error(
    bridge: Bridge, http: aiohttp.ClientSession, body: bytes
) -> None:
    assert await post(http, body) in {200, 400}


async def test_records_of_one_webhook_keep_their_order(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    call = NOWEB_OFFER["payload"]["id"]
    body = [
        NOWEB_OFFER,
        waha("call.accepted", "NOWEB", {"id": call}),
        waha("call.rejected", "NOWEB", {"id": call}),
    ]
    assert await post(http, body) == 200
    kinds = [
        orjson.loads(record.value)["type"]
        for record in await written(kafka, topics.CALLS_LIFECYCLE)
    ]
    assert kinds == ["call.offered", "call.accepted", "call.rejected"]


async def test_a_letter_too_large_for_the_broker_is_cut_and_harms_none(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    """A topic may be set to take less than 1 MiB, which nobody tells the bridge."""
    await limit(kafka, topics.CALLS_DLQ, 100_000)
    letter = {"event": "call.new", "session": "default", "payload": {"id": ["y" * 250] * 2_000}}
    assert await post(http, [NOWEB_OFFER, letter, MESSAGE]) == 200
    assert [await post(http, letter | {"id": str(number)}) for number in range(6)] == [200] * 6
    assert await post(http, {"event": "call.new", "session": "default"}) == 200
    kept = await written(kafka, topics.CALLS_DLQ)
    assert [CUT_HEADER in dict(record.headers) for record in kept].count(True) == 7
    assert len(await written(kafka, topics.MESSAGES_EVENTS)) >= 1


async def limit(kafka: KafkaSettings, topic: Topic, max_bytes: int) -> None:
    """Set it, and wait until it is in force: brokers take a setting up after they answered."""
    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    try:
        name = topic.full_name(kafka.topic_prefix)
        setting = {"max.message.bytes": str(max_bytes)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, setting)])
    finally:
        await admin.close()

    async with AIOKafkaProducer(**connection(kafka)) as producer, asyncio.timeout(15):
        while True:
            try:
                await producer.send_and_wait(name, b"." * (max_bytes + 1_000))
            except MessageSizeTooLargeError:
                return
