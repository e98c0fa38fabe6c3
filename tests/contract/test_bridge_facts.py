"""What a CRM, a desk and recording bridges tell the bridge: over real HTTP, onto a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from pydantic import SecretStr

from models import records, topics
from models.codec import decode
from models.contacts import Contact, IdentityLink
from models.identity_links import CallerLinked
from models.presence import BridgeHealth, Outage, Presence
from models.topics import Topic
from streams.bridge.server import Bridge
from streams.common.clock import now_ms
from streams.kafka.producer import DurableProducer
from streams.settings import KafkaSettings, RecordingBridgeSettings, Settings
from tests.contract.test_bridge_kafka import post, written
from tests.support.http_server import serving
from tests.support.waiting import until
from tests.support.webhooks import LID, MESSAGE, NOWEB_OFFER, PHONE, changed, settings, waha

TOKENS = {"crm": "c" * 32, "presence": "p" * 32, "bridges": "b" * 32}


def configured(kafka: KafkaSettings, **changes: Any) -> Settings:
    tokens = {role: (SecretStr(token),) for role, token in TOKENS.items()}
    return settings(kafka, tokens=tokens).model_copy(update=changes)


@asynccontextmanager
async def running(
    kafka: KafkaSettings, **changes: Any
) -> AsyncIterator[tuple[Bridge, aiohttp.ClientSession]]:
    async with (
        Bridge(configured(kafka, **changes)) as bridge,
        aiohttp.ClientSession(bridge.url) as http,
    ):
        await until(lambda: bridge.unready() is None)
        yield bridge, http


@pytest.fixture
async def http(kafka: KafkaSettings) -> AsyncIterator[aiohttp.ClientSession]:
    async with running(kafka) as (_, session):
        yield session


async def ask(
    http: aiohttp.ClientSession,
    method: str,
    path: str,
    body: object = None,
    token: str | None = None,
) -> tuple[int, dict[str, Any]]:
    role = {"contacts": "crm", "presence": "presence", "bridges": "bridges"}[path.split("/")[1]]
    raw = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
    headers = {"Authorization": f"Bearer {token or TOKENS[role]}"}
    async with http.request(method, path, data=raw, headers=headers) as response:
        return response.status, await response.json()


async def latest(kafka: KafkaSettings, topic: Topic) -> dict[str, Any]:
    """The last value of each key, decoded; None for a tombstone."""
    found: dict[str, Any] = {}
    for record in await written(kafka, topic):
        assert record.key is not None
        found[record.key.decode()] = (
            None if record.value is None else decode(topic.values, record.value)
        )
    return found


ANNA = {"name": "Anna Example", "tier": "gold", "time_zone": "Europe/London", "locale": "en-GB"}


async def test_a_contact_is_put_shown_and_taken_back(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    status, said = await ask(http, "PUT", "/contacts/+44 7700 900123", ANNA | {"aliases": [LID]})
    assert (status, said["contact"]) == (200, "447700900123@c.us")
    (kept,) = (await latest(kafka, topics.CONTACTS)).values()
    assert isinstance(kept, Contact)
    assert (kept.tier, kept.source, kept.aliases) == ("gold", "crm", (LID,))
    key = f"{LID}/contact/447700900123@c.us"
    assert (await latest(kafka, topics.IDENTITIES))[key].caller == "447700900123@c.us"
    for name in ("447700900123@s.whatsapp.net", LID):
        status, shown = await ask(http, "GET", f"/contacts/{name}")
        assert (status, shown["name"]) == (200, "Anna Example")
        assert shown["age_ms"] >= 0
    for _ in range(2):
        assert (await ask(http, "DELETE", "/contacts/447700900123"))[0] == 200
    assert (await latest(kafka, topics.CONTACTS)) == {"447700900123@c.us": None}
    assert (await latest(kafka, topics.IDENTITIES)) == {key: None}
    assert (await ask(http, "GET", "/contacts/447700900123"))[0] == 404


async def test_a_record_that_a_merge_left_over_is_deleted_alone(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    await ask(http, "PUT", "/contacts/447700900123", ANNA | {"aliases": ["447700900456"]})
    assert (await ask(http, "DELETE", "/contacts/447700900456"))[0] == 200
    found = await latest(kafka, topics.CONTACTS)
    assert found["447700900123@c.us"].tier == "gold"


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("/contacts/07700900123", {}, "jid"),
    ("/contacts/120363000000000000@g.us", {}, "jid"),
    ("/contacts/900000000000143000", {}, "jid"),
    ("/contacts/447700900123", {"tier": "Gold VIP"}, "tier"),
    ("/contacts/447700900123", {"time_zone": "Europe/Londom"}, "time_zone"),
    ("/contacts/447700900123", {"locale": "English"}, "locale"),
    ("/contacts/447700900123", {"name": "x" * 201}, "name"),
    ("/contacts/447700900123", {"name": "a\nb"}, "name"),
    ("/contacts/447700900123", {"name": 7}, "name"),
    ("/contacts/447700900123", {"aliases": "447700900456"}, "aliases"),
    ("/contacts/447700900123", {"aliases": ["12@g.us"]}, "aliases"),
    ("/contacts/447700900123", {"tiers": "gold"}, "tiers"),
    ("/presence/anna", {"status": "there"}, "status"),
    ("/presence/anna", {"status": "online"}, "lines"),
    ("/presence/anna", {"status": "online", "lines": ["berlin"]}, "lines"),
    ("/presence/anna", {"status": "online", "lines": []}, "lines"),
    ("/presence/anna", {"status": "online", "lines": ["*"], "capacity": -1}, "capacity"),
    ("/presence/anna", {"status": "online", "lines": ["*"], "active_calls": True}, "active_calls"),
    ("/presence/anna", {"status": "online", "lines": ["*"], "ttl": 90}, "ttl"),
    ("/presence/anna", {"status": "online", "lines": ["*"], "ttl": "2d"}, "ttl"),
    ("/presence/an na", {"status": "online", "lines": ["*"]}, "agent"),
    ("/bridges/sbc-1/health", {"up": "yes"}, "up"),
    ("/bridges/sbc-1/health", {"up": True}, "lines"),
    ("/bridges/sbc-1/health", {"up": True, "lines": ["*"], "load": 3}, "load"),
]


async def test_a_wrong_field_is_named_and_nothing_written(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    for path, body, field in WRONG:
        status, said = await ask(
            http, "PUT" if path.startswith("/contacts") else "POST", path, body
        )
        assert (status, said["error"], said["field"]) == (400, "invalid", field)
        assert said["detail"].startswith(f"{field}: ")
        assert "Londom" not in said["detail"]
    for topic in (topics.CONTACTS, topics.AGENTS_PRESENCE, topics.BRIDGES_HEALTH):
        assert not await latest(kafka, topic)


async def test_bodies_that_are_no_fact(http: aiohttp.ClientSession) -> None:
    assert (await ask(http, "PUT", "/contacts/447700900123", b"{"))[1]["error"] == "not-json"
    assert (await ask(http, "PUT", "/contacts/447700900123", b"[]"))[1]["error"] == "not-json"
    assert (await ask(http, "PUT", "/contacts/447700900123", b" " * 70_000))[0] == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b" " * 1000

    headers = {"Authorization": f"Bearer {TOKENS['crm']}"}
    async with http.put("/contacts/447700900123", data=chunks(), headers=headers) as response:
        assert response.status == 413


async def test_each_endpoint_wants_a_token_of_its_role(http: aiohttp.ClientSession) -> None:
    endpoints = {
        "crm": [
            ("PUT", "/contacts/1202555"),
            ("DELETE", "/contacts/1202555"),
            ("GET", "/contacts/1202555"),
        ],
        "presence": [("POST", "/presence/a"), ("GET", "/presence/a")],
        "bridges": [("POST", "/bridges/b/health"), ("GET", "/bridges/b/health")],
    }
    for role, places in endpoints.items():
        other = next(token for each, token in TOKENS.items() if each != role)
        for method, path in places:
            assert (await ask(http, method, path, {}, token=other))[0] == 403
    assert (await ask(http, "PUT", "/contacts/1202555", {}, token="x" * 32))[0] == 401


async def test_presence_merges_heartbeats_and_a_logout_beats_them(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    assert (await ask(http, "POST", "/presence/anna"))[1]["error"] == "no-status"
    status, first = await ask(
        http, "POST", "/presence/anna", {"status": "online", "lines": ["london"], "capacity": 2}
    )
    assert (status, first["free"]) == (200, True)
    _, beat = await ask(http, "POST", "/presence/anna", {"active_calls": 2, "ttl": "90s"})
    assert (beat["status"], beat["lines"], beat["capacity"], beat["free"]) == (
        "online",
        ["london"],
        2,
        False,
    )
    assert (beat["status_at_ms"], beat["ttl_ms"]) == (first["status_at_ms"], 90_000)
    assert beat["heartbeat_at_ms"] >= first["heartbeat_at_ms"]
    # a logout and a heartbeat that overtakes its answer
    await asyncio.gather(
        ask(http, "POST", "/presence/anna", {"status": "offline"}),
        ask(http, "POST", "/presence/anna"),
    )
    for _ in range(2):
        assert (await ask(http, "POST", "/presence/anna"))[1]["status"] == "offline"
    assert (await latest(kafka, topics.AGENTS_PRESENCE))["anna"].status == "offline"
    _, back = await ask(http, "POST", "/presence/anna", {"status": "busy"})
    assert (back["status"], back["lines"], back["alive"]) == ("busy", ["london"], True)
    status, shown = await ask(http, "GET", "/presence/anna")
    assert (status, shown["status"], shown["agent"]) == (200, "busy", "anna")
    assert (await ask(http, "GET", "/presence/nobody"))[0] == 404


async def test_a_heartbeat_at_one_bridge_keeps_a_logout_at_another(
    kafka: KafkaSettings,
) -> None:
    async with running(kafka) as (one, here), running(kafka) as (other, there):
        await ask(here, "POST", "/presence/anna", {"status": "online", "lines": ["*"]})
        await until(lambda: other.known.desk.get("anna") is not None)
        stale = other.known.desk.get("anna")
        assert stale is not None
        await ask(here, "POST", "/presence/anna", {"status": "offline"})
        # what the other one would write in the moment before it has read the logout
        late = records.reference(replace(stale, heartbeat_at_ms=now_ms()), "/test", now_ms())
        await one.publisher.deliver([late])
        await ask(here, "POST", "/presence/anna")
        await until(lambda: _status(one) == "offline" and _status(other) == "offline")
        assert (await ask(there, "POST", "/presence/anna"))[1]["status"] == "offline"
        assert (await latest(kafka, topics.AGENTS_PRESENCE))["anna"].status == "offline"


def _status(bridge: Bridge) -> str | None:
    found = bridge.known.desk.get("anna")
    return None if found is None else found.status


async def test_a_recording_bridge_is_reported_and_shown(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    body = {"up": True, "lines": ["london"], "active": 3, "capacity": 3, "ttl": "45s"}
    assert (await ask(http, "POST", "/bridges/sbc-1/health", body))[1]["fault"] == "at capacity"
    status, said = await ask(
        http, "POST", "/bridges/sbc-1/health", {"up": False, "detail": "trunk lost"}
    )
    assert (status, said["fault"], said["lines"], said["ttl_ms"]) == (
        200,
        "down",
        ["london"],
        45_000,
    )
    kept = (await latest(kafka, topics.BRIDGES_HEALTH))["sbc-1"]
    assert isinstance(kept, BridgeHealth)
    assert (kept.up, kept.capacity, kept.detail) == (False, 3, "trunk lost")
    assert (await ask(http, "GET", "/bridges/sbc-1/health"))[1]["fault"] == "down"
    assert (await ask(http, "GET", "/bridges/sbc-2/health"))[0] == 404


async def test_what_was_known_is_read_before_anything_is_said(
    kafka: KafkaSettings,
) -> None:
    producer = DurableProducer(kafka, "test")
    await producer.start()
    link = IdentityLink(alias=LID, caller=PHONE, source="payload", at_ms=now_ms())
    anna = Presence(
        agent="anna", status="online", lines=("*",), status_at_ms=now_ms(), heartbeat_at_ms=now_ms()
    )
    await producer.send(*(records.reference(value, "/test", now_ms()) for value in (link, anna)))
    await producer.stop()
    async with Bridge(configured(kafka)) as bridge, aiohttp.ClientSession(bridge.url) as http:
        assert bridge.unready() is not None
        assert (await ask(http, "POST", "/presence/anna"))[0] in {200, 503}
        await until(lambda: bridge.unready() is None)
        assert (await ask(http, "POST", "/presence/anna"))[1]["status"] == "online"
        assert await post(http, changed(NOWEB_OFFER, _data=...)) == 200
    (record,) = await written(kafka, topics.CALLS_EVENTS)
    assert record.key == PHONE.encode()


async def test_without_a_broker_facts_are_503_with_retry_after() -> None:
    async with (
        Bridge(configured(KafkaSettings(bootstrap_servers="127.0.0.1:1"))) as bridge,
        aiohttp.ClientSession(bridge.url) as http,
    ):
        for method, path in (
            ("PUT", "/contacts/447700900123"),
            ("POST", "/presence/a"),
            ("GET", "/bridges/b/health"),
        ):
            role = {"c": "crm", "p": "presence", "b": "bridges"}[path[1]]
            headers = {"Authorization": f"Bearer {TOKENS[role]}"}
            async with http.request(method, path, data=b"{}", headers=headers) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "2")


LINKING = changed(
    MESSAGE,
    **{"from": LID, "_data": {"key": {"remoteJid": LID, "remoteJidAlt": PHONE, "fromMe": False}}},
)


async def test_a_link_learned_at_one_bridge_joins_what_another_keyed(
    kafka: KafkaSettings,
) -> None:
    async with running(kafka) as (_, here), running(kafka) as (there_bridge, there):
        assert await post(there, changed(NOWEB_OFFER, _data=...)) == 200
        assert await post(here, LINKING) == 200
        await until(lambda: bool(there_bridge.known.callers.known.said(LID)))
        assert await post(there, changed(NOWEB_OFFER, _data=...) | {"id": "evt_later"}) == 200

        async def words() -> int:
            found = [
                decode(topics.CALLS_EVENTS.values, r.value)
                for r in await written(kafka, topics.CALLS_EVENTS)
            ]
            return sum(isinstance(value, CallerLinked) and value.alias == LID for value in found)

        async with asyncio.timeout(20):
            # one by the bridge that learned it, one by the bridge that had written under the LID
            while await words() < 2:  # noqa: ASYNC110 - what is waited for stands on a topic
                await asyncio.sleep(0.05)
    keys = [record.key for record in await written(kafka, topics.CALLS_EVENTS)]
    assert keys.count(PHONE.encode()) == 1
    assert (await latest(kafka, topics.IDENTITIES))[f"{LID}/payload"].caller == PHONE


async def test_a_session_that_stops_is_known_to_all(
    kafka: KafkaSettings, http: aiohttp.ClientSession
) -> None:
    at_ms = now_ms()
    for offset, word in enumerate(("STOPPED", "STARTING", "WORKING")):
        event = waha(
            "session.status",
            "NOWEB",
            {"name": "default", "status": word},
            timestamp=at_ms - 100 + offset,
        )
        assert await post(http, event) == 200
    found = (await latest(kafka, topics.LINES_STATUS))["london"]
    assert (found.connected, found.status) == (True, "WORKING")
    assert found.outages() == [Outage(from_ms=at_ms - 100, to_ms=at_ms - 98)]


class Sbc:
    """A recording bridge's health address, which answers as it is told."""

    def __init__(self) -> None:
        self.status, self.body = 200, b'{"active": 1, "capacity": 2}'
        self.looks = 0
        self.url = ""

    async def answer(self, _request: web.BaseRequest) -> web.Response:
        self.looks += 1
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
async def sbc() -> AsyncIterator[Sbc]:
    bridge = Sbc()
    async with serving(bridge.answer) as url:
        bridge.url = f"{url}/health"
        yield bridge


async def test_the_prober_tells_of_every_change(kafka: KafkaSettings, sbc: Sbc) -> None:
    probed = RecordingBridgeSettings(
        health_url=sbc.url, lines=("london",), every=1000, timeout=500, ttl=9000, capacity=7
    )
    async with running(kafka, recording_bridges={"sbc-1": probed}) as (bridge, http):

        def health() -> BridgeHealth | None:
            return bridge.known.bridges.get("sbc-1")

        def now(**expected: object) -> bool:
            found = health()
            return found is not None and all(
                getattr(found, name) == value for name, value in expected.items()
            )

        await until(lambda: now(up=True, active=1, capacity=2, lines=("london",), ttl_ms=9000))
        sbc.body = b"fine"
        await until(lambda: now(up=True, active=0, capacity=7))
        sbc.status = 302
        await until(lambda: now(up=False, detail="HTTP 302"))
        assert (await ask(http, "GET", "/bridges/sbc-1/health"))[1]["fault"] == "down"
    looks = sbc.looks
    told = [
        decode(BridgeHealth, record.value) for record in await written(kafka, topics.BRIDGES_HEALTH)
    ]
    assert 3 <= len(told) <= looks


async def test_a_bridge_that_does_not_answer_is_down(kafka: KafkaSettings) -> None:
    gone = RecordingBridgeSettings(
        health_url="http://127.0.0.1:1/", lines=("*",), every=1000, timeout=500, ttl=9000
    )
    async with running(kafka, recording_bridges={"sbc-1": gone}) as (bridge, _):
        await until(
            lambda: (found := bridge.known.bridges.get("sbc-1")) is not None and not found.up
        )
