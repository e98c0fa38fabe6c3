"""A configured bridge and the webhooks that gateways are documented to send it. All numbers are
fictional."""

from __future__ import annotations

import copy
import hashlib
import hmac
from typing import Any

import orjson
from pydantic import SecretStr

from models import topics
from models.codec import decode
from models.identity_links import CallerLinked
from models.records import Record
from models.topics import Topic
from streams.bridge.intake import Intake, WebhookRecords
from streams.gateways.waha.settings import WahaSettings
from streams.gateways.wawp.settings import WawpSettings
from streams.settings import BridgeSettings, KafkaSettings, LineSettings, Settings

WAHA_KEY = "my-secret-key"
WAWP_KEY = "another-secret-key"

NOW_MS = 1_767_261_601_000
"""A second after the calls in the payloads below began."""

NOWHERE = KafkaSettings(bootstrap_servers="127.0.0.1:1")
"""A loopback port at which nothing listens."""

CALL_ID = "00AA11BB22CC33DD44EE55FF66007788"
LID = "900000000000143@lid"
PHONE = "12025550143@c.us"


def settings(kafka: KafkaSettings = NOWHERE, **bridge: Any) -> Settings:
    """A WAHA gateway with two lines and a Wawp gateway with one, on any free port."""
    return Settings(
        kafka=kafka,
        bridge=BridgeSettings(**{"listen": "127.0.0.1:0", **bridge}),
        gateways={
            "office": WahaSettings(
                provider="waha",
                base_url="http://127.0.0.1:3000",
                api_key=SecretStr("key"),
                webhook_secret=SecretStr(WAHA_KEY),
            ),
            "cloud": WawpSettings(
                provider="wawp",
                base_url="https://wawp.example",
                access_token=SecretStr("token"),
                webhook_secret=SecretStr(WAWP_KEY),
            ),
        },
        lines={
            "london": LineSettings(gateway="office", session="default"),
            "paris": LineSettings(gateway="office", session="second"),
            "riyadh": LineSettings(
                gateway="cloud", session="0A1B2C3D4E5F", webhook_session="default"
            ),
        },
    )


def signed(gateway: str, body: bytes) -> dict[str, str]:
    """The headers with which the gateway would sign this body."""
    if gateway == "cloud":
        return {"X-Wawp-Signature": hmac.new(WAWP_KEY.encode(), body, hashlib.sha256).hexdigest()}
    return {"X-Webhook-Hmac": hmac_of(WAHA_KEY.encode(), body)}


def hmac_of(key: bytes, body: bytes) -> str:
    """WAHA's signature."""
    return hmac.new(key, body, hashlib.sha512).hexdigest()


def take(
    envelope: object, gateway: str = "office", *, now_ms: int = NOW_MS, intake: Intake | None = None
) -> WebhookRecords:
    """What the bridge makes of one body, without HTTP and Kafka."""
    intake = intake or Intake(settings(), gateway)
    return intake.read(orjson.dumps(envelope), {}, now_ms)


def values(taken: WebhookRecords, topic: Topic) -> list[Any]:
    """The decoded values that were written to one topic, without the word about links."""
    found = [
        decode(topic.values, record.value) for record in taken.records if record.topic is topic
    ]
    return [value for value in found if not isinstance(value, CallerLinked)]


def offer(
    envelope: object, gateway: str = "office", *, now_ms: int = NOW_MS, intake: Intake | None = None
) -> Any:
    """The one offer on ``calls.events``; the lifecycle must tell the same."""
    taken = take(envelope, gateway, now_ms=now_ms, intake=intake)
    offers = values(taken, topics.CALLS_EVENTS)
    assert values(taken, topics.CALLS_LIFECYCLE) == offers
    (only,) = offers
    return only


def letter(taken: WebhookRecords) -> tuple[Record, dict[str, bytes]]:
    """The one dead letter, and its headers."""
    (record,) = taken.records
    assert record.topic is topics.CALLS_DLQ
    return record, dict(record.headers)


def results(taken: WebhookRecords) -> list[str]:
    """What became of each envelope."""
    return [tally.result for tally in taken.tallies]


def changed(envelope: dict[str, Any], **payload: Any) -> dict[str, Any]:
    """A copy of an envelope with other payload fields; ``...`` takes a field out."""
    copied = copy.deepcopy(envelope)
    for field, value in payload.items():
        if value is ...:
            copied["payload"].pop(field, None)
        else:
            copied["payload"][field] = value
    return copied


def waha(event: str, engine: str, payload: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An envelope as WAHA 2026.7 writes it."""
    return {
        "id": "evt_01k9a0x7aaaaaaaaaaaaaaaaaa",
        "timestamp": 1_767_261_600_485,
        "event": event,
        "session": "default",
        "metadata": {},
        "me": {
            "id": "12025550100@c.us",
            "pushName": "Front desk",
            "lid": "90111222333444@lid",
            "jid": "12025550100:22@s.whatsapp.net",
        },
        "payload": payload,
        "engine": engine,
        "environment": {"version": "2026.7.1", "engine": engine, "tier": "CORE", "browser": None},
        **fields,
    }


def wawp(event: str, payload: dict[str, Any]) -> dict[str, Any]:
    """An envelope as Wawp documents it: no environment."""
    return {
        "id": "evt_01k9a0x7aaaaaaaaaaaaaaaaaa",
        "timestamp": 1_767_261_600_123,
        "session": "default",
        "metadata": {"user.id": "123"},
        "engine": "WEBJS",
        "event": event,
        "payload": payload,
        "me": {"id": "12025550100@c.us", "lid": "90111222333444@lid", "pushName": "Front desk"},
    }


NOWEB_OFFER = waha(
    "call.received",
    "NOWEB",
    {
        "id": CALL_ID,
        "from": LID,
        "timestamp": 1_767_261_600,
        "isVideo": False,
        "isGroup": False,
        "_data": {
            "chatId": LID,
            "from": LID,
            "callerPn": "12025550143@s.whatsapp.net",
            "id": CALL_ID,
            "date": "2026-01-01T10:00:00.000Z",
            "offline": False,
            "status": "offer",
            "isVideo": False,
            "isGroup": False,
        },
    },
)

GOWS_OFFER = waha(
    "call.received",
    "GOWS",
    {
        "id": CALL_ID,
        "from": LID,
        "timestamp": 1_767_261_600.75,
        "isVideo": False,
        "isGroup": False,
        "_data": {
            "From": LID,
            "Timestamp": "2026-01-01T10:00:00Z",
            "CallCreator": LID,
            "CallCreatorAlt": "12025550143@s.whatsapp.net",
            "CallID": CALL_ID,
            "GroupJID": "",
            "RemotePlatform": "android",
        },
    },
)

WEBJS_OFFER = waha(
    "call.received",
    "WEBJS",
    {
        "id": CALL_ID,
        "from": PHONE,
        "isVideo": True,
        "isGroup": False,
        "_data": {
            "id": CALL_ID,
            "peerJid": PHONE,
            "isVideo": True,
            "isGroup": False,
            "outgoing": False,
        },
    },
)

WPP_OFFER = waha(
    "call.received",
    "WPP",
    {"id": CALL_ID, "from": PHONE, "timestamp": 1_767_261_600, "isVideo": False, "isGroup": False},
)

WAWP_OFFER = wawp(
    "call.received",
    {"id": "3EB0A1B2C3D4E5F60718293A4B5C6D7E", "from": "12025550143@c.us", "isVideo": False},
)

GOWS_ACCEPTED = waha(
    "call.accepted",
    "GOWS",
    {
        "id": CALL_ID,
        "from": PHONE,
        "timestamp": 1_767_261_600.5,
        "isVideo": False,
        "isGroup": False,
        "_data": {
            "From": "12025550143@s.whatsapp.net",
            "Timestamp": "2026-01-01T10:00:00Z",
            "CallCreator": "12025550143@s.whatsapp.net",
            "CallCreatorAlt": "",
            "CallID": CALL_ID,
            "GroupJID": "",
        },
    },
)

WEBJS_ECHO = waha(
    "call.rejected",
    "WEBJS",
    {
        "id": CALL_ID,
        "from": PHONE,
        "timestamp": 1_767_261_600,
        "isVideo": False,
        "isGroup": False,
        "_data": {"id": CALL_ID, "from": PHONE, "status": "reject", "api": True},
    },
)

MESSAGE = wawp(
    "message",
    {
        "id": "false_12025550143@c.us_3EB0C1D2E3F405162738",
        "timestamp": 1_767_261_599,
        "from": "12025550143@c.us",
        "fromMe": False,
        "source": "app",
        "to": "12025550100@c.us",
        "participant": None,
        "body": "Hi, I just tried to call",
        "hasMedia": False,
        "media": None,
        "ack": 1,
        "ackName": "SERVER",
        "author": None,
        "location": None,
        "vCards": [],
        "_data": {},
        "replyTo": None,
    },
)
