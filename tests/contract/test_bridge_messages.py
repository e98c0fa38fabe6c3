"""What the bridge makes of messages, of what is none of its business, and of what it does not
understand."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import topics
from models.messages import MessageSeen
from models.presence import LineStatus, Outage
from streams.bridge.intake import Intake
from streams.gateways.dialect.envelope import MAX_ENVELOPES
from streams.gateways.dialect.interpret import OTHER_EVENTS
from streams.views.availability import Lines
from tests.support.webhooks import (
    CALL_ID,
    GOWS_ACCEPTED,
    GOWS_OFFER,
    LID,
    MESSAGE,
    NOW_MS,
    NOWEB_OFFER,
    PHONE,
    WEBJS_ECHO,
    WEBJS_OFFER,
    WPP_OFFER,
    changed,
    letter,
    results,
    settings,
    take,
    values,
    waha,
    wawp,
)

OWN = "12025550100@c.us"
OWN_LID = "90111222333444@lid"
GROUP = "120363000000000000@g.us"
PROTOCOL_PHONE = "12025550143@s.whatsapp.net"


def seen(envelope: object, gateway: str = "office") -> MessageSeen:
    (only,) = values(take(envelope, gateway), topics.MESSAGES_EVENTS)
    assert isinstance(only, MessageSeen)
    return only


def test_wawps_documented_message() -> None:
    message = seen(MESSAGE, "cloud")
    assert (message.line, message.caller, message.direction) == ("riyadh", PHONE, "in")
    assert (message.message_id, message.at_ms) == (MESSAGE["payload"]["id"], 1_767_261_599_000)


def test_message_and_message_any_of_one_message_have_one_id() -> None:
    assert (
        seen(MESSAGE).message_id
        == seen(MESSAGE | {"event": "message.any", "id": "evt_other"}).message_id
    )


def test_nothing_that_was_written_is_recorded() -> None:
    (record,) = take(MESSAGE).records
    assert b"tried to call" not in (record.value or b"")
    assert all(b"tried to call" not in value for _, value in record.headers)


@pytest.mark.parametrize(
    ("payload", "known_as"),
    [
        pytest.param({"from": OWN, "to": PHONE}, (), id="from own to caller"),
        pytest.param({"from": PHONE, "to": None}, (), id="the chat stands in from"),
        pytest.param(
            {
                "from": OWN,
                "to": LID,
                "_data": {"key": {"remoteJid": LID, "remoteJidAlt": PROTOCOL_PHONE}},
            },
            (LID,),
            id="NOWEB",
        ),
        pytest.param(
            {
                "from": OWN,
                "to": LID,
                "_data": {
                    "Info": {
                        "Chat": LID,
                        "Sender": OWN_LID,
                        "SenderAlt": OWN,
                        "RecipientAlt": PROTOCOL_PHONE,
                        "IsFromMe": True,
                    }
                },
            },
            (LID,),
            id="GOWS",
        ),
    ],
)
def test_an_own_message_belongs_to_the_other_party(
    payload: dict[str, Any], known_as: tuple[str, ...]
) -> None:
    message = seen(changed(MESSAGE, **({"fromMe": True} | payload)) | {"event": "message.any"})
    assert (message.direction, message.caller, message.caller_known_as) == ("out", PHONE, known_as)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            {"key": {"remoteJid": LID, "remoteJidAlt": PROTOCOL_PHONE, "fromMe": False}},
            id="remoteJidAlt",
        ),
        pytest.param({"key": {"remoteJid": LID, "senderPn": PROTOCOL_PHONE}}, id="senderPn"),
        pytest.param(
            {
                "Info": {
                    "Chat": LID,
                    "Sender": "900000000000143:3@lid",
                    "SenderAlt": PROTOCOL_PHONE,
                    "RecipientAlt": OWN,
                }
            },
            id="SenderAlt",
        ),
    ],
)
def test_a_lid_is_put_to_its_phone_by_each_engines_field(data: dict[str, Any]) -> None:
    message = seen(changed(MESSAGE, **{"from": LID, "_data": data}))
    assert (message.caller, message.caller_known_as) == (PHONE, (LID,))


def test_the_direction_is_read_where_the_engine_says_it() -> None:
    own = changed(
        MESSAGE, **{"fromMe": ..., "from": PHONE, "to": PHONE, "_data": {"id": {"fromMe": True}}}
    )
    assert seen(own).direction == "out"
    assert seen(changed(MESSAGE, fromMe=..., **{"from": OWN, "to": PHONE})).direction == "out"
    assert seen(changed(MESSAGE, fromMe=...)).direction == "in"


@pytest.mark.parametrize(
    "payload",
    [
        {"from": GROUP},
        {"from": "status@broadcast"},
        {"from": "123456@newsletter"},
        {"from": PHONE, "_data": {"key": {"remoteJid": GROUP}}},
        {"from": OWN, "to": GROUP, "fromMe": True},
    ],
)
def test_chats_that_are_no_persons_are_none_of_our_business(payload: dict[str, Any]) -> None:
    taken = take(changed(MESSAGE, **payload))
    assert (taken.records, results(taken)) == ([], ["not-a-person"])


@pytest.mark.parametrize(
    ("payload", "by_hand"),
    [
        ({"fromMe": True, "source": "app"}, True),
        ({"fromMe": True, "source": "api"}, False),
        ({"fromMe": True, "source": ...}, False),
        ({"fromMe": True, "source": 7}, False),
        ({"fromMe": False, "source": "app"}, False),
    ],
)
def test_only_what_the_gateway_says_a_person_wrote_is_by_hand(
    payload: dict[str, Any], *, by_hand: bool
) -> None:
    own = {"from": OWN, "to": PHONE} if payload["fromMe"] else {}
    assert seen(changed(MESSAGE, **(own | payload))).by_hand is by_hand


def status_of(
    envelope: object, gateway: str = "office", intake: Intake | None = None
) -> LineStatus:
    (only,) = values(take(envelope, gateway, intake=intake), topics.LINES_STATUS)
    assert isinstance(only, LineStatus)
    return only


def test_a_session_that_stops_and_starts_leaves_its_gap() -> None:
    intake = Intake(settings(), "office")
    at = 1_767_261_600_000
    stopped = waha(
        "session.status", "NOWEB", {"name": "default", "status": "STOPPED"}, timestamp=at
    )
    works = waha(
        "session.status", "NOWEB", {"name": "default", "status": "WORKING"}, timestamp=at + 900
    )
    said = status_of(stopped, intake=intake)
    assert (said.line, said.connected, said.status) == ("london", False, "STOPPED")
    assert said.outages() == [Outage(from_ms=at, to_ms=None)]
    said = status_of(works, intake=intake)
    assert (said.connected, said.changed_at_ms) == (True, at + 900)
    assert said.outages() == [Outage(from_ms=at, to_ms=at + 900)]
    # the gateway's retry of the first one arrives last, and changes nothing
    assert status_of(stopped, intake=intake) == said


def test_the_listed_states_say_how_long_a_gap_was() -> None:
    """The report of its begin was lost, and WAHA lists the last three states."""
    at = 1_767_261_600_000
    states: list[object] = [
        {"status": "FAILED", "timestamp": at - 400_000},
        {"status": "STARTING", "timestamp": at - 3_000},
        {"status": "WORKING", "timestamp": at},
    ]
    payload = {"name": "default", "status": "WORKING", "statuses": states}
    said = status_of(waha("session.status", "NOWEB", payload, timestamp=at))
    assert said.outages() == [Outage(from_ms=at - 400_000, to_ms=at)]
    # and what cannot be read of them does no harm
    broken: list[object] = [7, {}, {"status": "FAILED"}, {"status": [], "timestamp": at}, states[0]]
    listed: list[object] = [broken, "WORKING", {}, None, [*broken, *states]]
    for statuses in listed:
        event = waha("session.status", "NOWEB", payload | {"statuses": statuses}, timestamp=at)
        assert status_of(event).connected


def test_a_status_of_no_line_is_ignored_one_without_text_kept() -> None:
    other = waha("session.status", "NOWEB", {"status": "WORKING"}, session="of somebody else")
    assert results(take(other)) == ["other-event"]
    assert results(take(waha("session.status", "NOWEB", {"name": "default"}))) == ["unintelligible"]


def test_wawps_older_flat_status_names_the_instance() -> None:
    flat = {
        "instance_id": "0A1B2C3D4E5F",
        "status": "SCAN_QR_CODE",
        "qr": "...",
        "ts": 1_767_261_600,
    }
    said = status_of(flat, "cloud")
    assert (said.line, said.connected, said.changed_at_ms) == ("riyadh", False, 1_767_261_600_000)


def test_notes_to_oneself_are_none_of_our_business() -> None:
    taken = take(changed(MESSAGE, **{"from": OWN, "to": OWN, "fromMe": True}))
    assert (taken.records, results(taken)) == ([], ["own-chat"])


@pytest.mark.parametrize("event", sorted(OTHER_EVENTS))
def test_other_events_are_counted_and_no_more(event: str) -> None:
    taken = take({"event": event, "session": "any", "payload": {"id": "x"}})
    assert (taken.records, results(taken)) == ([], ["other-event"])


def test_wawps_older_flat_session_status_is_known() -> None:
    assert results(
        take({"instance_id": "0A1B", "status": "WORKING", "qr": None, "ts": 1}, "cloud")
    ) == ["other-event"]


def test_an_unknown_line_is_kept() -> None:
    _, headers = letter(take(NOWEB_OFFER | {"session": "third"}))
    assert headers["kafka_dlt-exception-fqcn"] == b"unknown-line"


@pytest.mark.parametrize(
    "body",
    [
        b"7",
        b"null",
        b'"hello"',
        b'"[7]"',
        b"[[]]",
        b"{}",
        b'{"event":5}',
        b'{"event":"call.received","payload":[]}',
        b'{"event":"message","session":"default","payload":"?"}',
        orjson.dumps([{}] * (MAX_ENVELOPES + 1)),
    ],
)
def test_what_is_signed_and_not_understood_is_kept(body: bytes) -> None:
    _, headers = letter(Intake(settings(), "office").read(body, {}, NOW_MS))
    assert headers["kafka_dlt-exception-fqcn"] == b"unintelligible"
    assert headers["kafka_dlt-exception-message"]


def test_an_unintelligible_call_keeps_its_bytes() -> None:
    body = b'{"event": "call.received",  "session": "default", "payload": {"id": 5}}'
    record, _ = letter(
        Intake(settings(), "office").read(body, {"user-agent": "WAHA/2026.7.1"}, NOW_MS)
    )
    assert record.value == body
    assert dict(record.headers)["user-agent"] == b"WAHA/2026.7.1"


@pytest.mark.parametrize(
    "envelope",
    [
        changed(
            MESSAGE, id=..., _data={"message": {"extendedTextMessage": {"text": "a secret plan"}}}
        ),
        MESSAGE | {"event": "message.new-kind"},
        MESSAGE | {"session": "third"},
        MESSAGE | {"event": None},
        wawp(
            "something.new",
            {"caption": "a secret plan", "Hi, I just tried to call": 1} | {"x": "a secret plan"},
        ),
        {"event": "message", "session": "default", "payload": "a secret plan"},
        "a secret plan",
        ["a secret plan"],
    ],
)
def test_no_dead_letter_holds_what_a_person_wrote(envelope: object) -> None:
    body = orjson.dumps(envelope)
    record, _ = letter(Intake(settings(), "office").read(body, {}, NOW_MS))
    assert b"secret plan" not in (record.value or b"")
    assert b': "Hi' not in (record.value or b"")
    assert b'"Hi, I just tried to call"}' not in (record.value or b"")


def test_a_dead_letter_of_a_message_still_says_who_and_when() -> None:
    record, _ = letter(take(MESSAGE | {"session": "third"}))
    kept = orjson.loads(record.value or b"")["payload"]
    assert (kept["from"], kept["id"], kept["timestamp"]) == (
        PHONE,
        MESSAGE["payload"]["id"],
        1_767_261_599,
    )
    assert kept["body"] == "[24 characters removed]"


def test_no_dead_letter_holds_a_key() -> None:
    evolution = {
        "event": "call",
        "instance": "frontdesk",
        "data": {"id": CALL_ID},
        "apikey": "very-secret",
    }
    record, _ = letter(take(evolution))
    assert b"very-secret" not in (record.value or b"")
    assert orjson.loads(record.value or b"") == evolution | {
        "apikey": "[11 characters removed]",
        "instance": "[9 characters removed]",
    }


HALF: Final = b"\\ud83d"
"""Half of an emoji, as Node's JSON.stringify writes it."""


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b'"pushName": "Front ' + HALF + b'"', id="half an emoji"),
        pytest.param(b'"x": 1e400', id="too large a number"),
        pytest.param(b'"x": NaN', id="NaN"),
        pytest.param(b'"x": -Infinity', id="Infinity"),
        pytest.param(b'"x": "a\nb"', id="a line break in a string"),
        pytest.param(b'"x": "\xed\xa0\xbd"', id="half an emoji in bytes"),
        pytest.param(b'"x": ' + b"9" * 5000, id="a number of 5000 digits"),
        pytest.param(b'"x": ' + b"[" * 300 + b"]" * 300, id="300 levels"),
        pytest.param(b'"x": ' + b"[" * 5000 + b"]" * 5000, id="5000 levels"),
        pytest.param(b'"event": "x", "event": "message"', id="a key twice"),
    ],
)
def test_a_signed_message_is_read_however_it_is_written(broken: bytes) -> None:
    body = orjson.dumps(MESSAGE)[:-1] + b"," + broken + b"}"
    assert results(Intake(settings(), "office").read(body, {}, NOW_MS)) == ["published"]
    assert results(Intake(settings(), "office").read(b"\xef\xbb\xbf" + body, {}, NOW_MS)) == [
        "published"
    ]


@pytest.mark.parametrize(
    "poison",
    [
        b'{"event": "message", "x": ' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"event": "new", "x": "' + HALF + b'"}',
        b'{"event": "new", "' + HALF + b'": {"id": 1e999}}',
        b"[" * 900 + b"]" * 900,
        b'{"event": "new", "id": ' + b"7" * 400 + b"}",
    ],
)
def test_a_dead_letter_costs_its_neighbour_nothing(poison: bytes) -> None:
    body = b"[" + poison + b"," + orjson.dumps(NOWEB_OFFER) + b"]"
    taken = Intake(settings(), "office").read(body, {}, NOW_MS)
    assert results(taken)[1] == "published"
    (kept,) = (record for record in taken.records if record.topic is topics.CALLS_DLQ)
    orjson.loads(kept.value or b"")


@pytest.mark.parametrize("name", ["accessToken", "x_api_key", "cookie", "lastMsg", "anything"])
def test_a_dead_letter_keeps_only_what_is_known(name: str) -> None:
    secret = "5ecret-c00kie"
    inside = orjson.dumps({name: secret, "id": secret + '"'}).decode()
    for payload in (
        {name: secret},
        {name: {"nested": [secret]}},
        {"data": inside},
        {"id": inside},
        inside,
        {secret + " is a name": 1},
        {name: 123456.5},
    ):
        record, _ = letter(take({"event": "new", "session": "default", "payload": payload}))
        assert secret.encode() not in (record.value or b"")
        assert b"123456" not in (record.value or b"")
        assert b'"event":"new","session":"default"' in (record.value or b"")
    twice = f'{{"event":"new","{name}":"{secret}","{name}":""}}'.encode()
    record, _ = letter(Intake(settings(), "office").read(twice, {}, NOW_MS))
    assert secret.encode() not in (record.value or b"")


@pytest.mark.parametrize(
    "envelope",
    [NOWEB_OFFER, GOWS_OFFER, WEBJS_OFFER, WPP_OFFER, GOWS_ACCEPTED, WEBJS_ECHO, MESSAGE],
)
def test_a_dead_letter_says_all_that_is_read_of_it(envelope: dict[str, Any]) -> None:
    record, _ = letter(take(envelope | {"session": "third"}))
    kept = orjson.loads(record.value or b"")
    again = take(kept | {"session": "default"}).records
    before = take(envelope).records
    assert [record.value for record in again] == [record.value for record in before]


def test_what_is_no_json_is_kept_and_its_line_says_so() -> None:
    body = (
        b'{"event": "message", "session": "default", "payload": {"id": "ABC", "from": "'
        + PHONE.encode()
        + b'", "body": "a secret plan", "pin": 123456, "key": "aGVsbG8gd29ybGQgaGVsbG8'
    )
    taken = Intake(settings(), "office").read(body, {}, NOW_MS)
    kept, lost = taken.records
    assert kept.topic is topics.CALLS_DLQ
    assert results(taken) == ["unintelligible"]
    assert b'"id": "ABC", "from": "' + PHONE.encode() in (kept.value or b"")
    for secret in (b"secret", b"123456", b"aGVsbG8"):
        assert secret not in (kept.value or b"")
    assert lost.topic is topics.LINES_STATUS
    assert (lost.key, orjson.loads(lost.value or b"")["lost_at_ms"]) == (b"london", NOW_MS)


def test_an_unread_body_of_no_line_is_lost_to_all_of_its_gateway() -> None:
    lines = Lines()
    intake = Intake(settings(), "office", lines=lines)
    before = intake.read(
        orjson.dumps(waha("session.status", "GOWS", {"status": "WORKING"})), {}, NOW_MS - 5
    )
    assert len(before.records) == 1
    taken = intake.read(b"{", {}, NOW_MS)
    found = {record.key: orjson.loads(record.value or b"") for record in taken.records[1:]}
    assert found.keys() == {b"london", b"paris"}
    assert found[b"london"]["status"] == "WORKING"
    assert {each["lost_at_ms"] for each in found.values()} == {NOW_MS}


def test_an_array_and_a_json_string_hold_envelopes_too() -> None:
    two = [NOWEB_OFFER, MESSAGE]
    for envelope in (two, orjson.dumps(two).decode(), orjson.dumps(NOWEB_OFFER).decode()):
        assert set(results(take(envelope))) == {"published"}
    assert results(take([])) == []
    assert results(take([NOWEB_OFFER, 7, wawp("message.ack", {})])) == [
        "published",
        "unintelligible",
        "other-event",
    ]


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from([LID, PHONE, OWN, GROUP, "default", "1767261600", "@", "1:2@lid"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = (
    "id",
    "from",
    "to",
    "fromMe",
    "timestamp",
    "isGroup",
    "callerPn",
    "groupJid",
    "body",
    "_serialized",
)
DATA = (
    "key",
    "Info",
    "id",
    "From",
    "CallCreator",
    "CallCreatorAlt",
    "GroupJID",
    "outgoing",
    "offline",
    "api",
)
NESTED = (
    "remoteJid",
    "remoteJidAlt",
    "fromMe",
    "Chat",
    "Sender",
    "SenderAlt",
    "RecipientAlt",
    "IsFromMe",
)
data = st.dictionaries(
    st.sampled_from(DATA), json | st.dictionaries(st.sampled_from(NESTED), json), max_size=6
)
payloads = st.builds(
    lambda payload, data: payload | {"_data": data},
    st.dictionaries(st.sampled_from(FIELDS), json),
    json | data,
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "id": json,
        "event": st.sampled_from(
            ["call.received", "call.accepted", "call.rejected", "message", "message.any"]
        )
        | json,
        "session": st.just("default") | json,
        "timestamp": json,
        "payload": payloads | json,
        "me": st.dictionaries(st.sampled_from(["id", "lid", "jid"]), json) | json,
    },
)


@given(st.one_of(json, envelopes, st.lists(envelopes, max_size=3)))
def test_no_json_whatever_is_too_much(value: object) -> None:
    try:
        body = orjson.dumps(value)
    except TypeError:
        return
    taken = Intake(settings(), "office").read(body, {}, NOW_MS)
    count = len(value) if isinstance(value, list) else 1
    assert len(taken.tallies) == count
    for record in taken.records:
        assert record.value is not None
        assert len(record.value) <= len(body) + 2000


@given(st.binary(max_size=200))
def test_no_bytes_whatever_are_too_much(body: bytes) -> None:
    taken = Intake(settings(), "office").read(body, {}, NOW_MS)
    assert len(taken.tallies) >= 1 or body.strip() == b"[]"


def test_waha_messages_have_more_fields_and_mean_the_same() -> None:
    assert (
        seen(waha("message", "NOWEB", MESSAGE["payload"] | {"vCards": [], "from": PHONE})).caller
        == PHONE
    )


NOBODY_WROTE = {
    "WEBJS after a call": {"type": "call_log"},
    "WEBJS before a first text": {"type": "e2e_notification"},
    "WPP, in its own case": {"type": "CALL_LOG"},
    "NOWEB after a call": {"key": {}, "message": {"call": {"callKey": "AA=="}}},
    "NOWEB, a setting": {
        "message": {"protocolMessage": {"type": "EPHEMERAL_SETTING"}, "messageContextInfo": {}}
    },
    "NOWEB, a stub": {"messageStubType": 40},
    "GOWS, a setting": {"Message": {"protocolMessage": {"type": 3}}},
    "WEBJS, a reaction": {"type": "reaction"},
    "WEBJS, a pin": {"type": "pinned_message"},
    "WEBJS, something new": {"type": "tomorrows_notification"},
    **{
        f"NOWEB and GOWS, {part}": {"message": {part: {"x": 1}, "messageContextInfo": {}}}
        for part in (
            "callLogMesssage", "encCommentMessage", "encEventResponseMessage",
            "encReactionMessage", "fastRatchetKeySenderKeyDistributionMessage",
            "keepInChatMessage", "limitSharingMessage", "messageHistoryBundle",
            "messageHistoryNotice", "pinInChatMessage", "placeholderMessage",
            "pollResultSnapshotMessage", "pollUpdateMessage", "reactionMessage",
            "scheduledCallCreationMessage", "scheduledCallEditMessage", "secretEncryptedMessage",
            "senderKeyDistributionMessage", "statusNotificationMessage", "stickerSyncRmrMessage",
            "partOfTomorrow",
        )
    },
    **{
        f"a setting in {wrapper}": {
            "Message": {wrapper: {"message": {"protocolMessage": {"type": "REVOKE"}}}}
        }
        for wrapper in (
            "deviceSentMessage", "documentWithCaptionMessage", "editedMessage",
            "ephemeralMessage", "viewOnceMessage", "viewOnceMessageV2Extension",
        )
    },
    "a reaction in two wrappers": {
        "message": {
            "deviceSentMessage": {"message": {"ephemeralMessage": {"message": {
                "reactionMessage": {"text": "x"}}}}}
        }
    },
    "an edit": {
        "message": {"editedMessage": {"message": {"protocolMessage": {
            "type": "MESSAGE_EDIT", "editedMessage": {"conversation": "x"}}}}}
    },
    "a wrapper that holds nothing": {"message": {"ephemeralMessage": {}}},
}  # fmt: skip


@pytest.mark.parametrize("data", NOBODY_WROTE.values(), ids=NOBODY_WROTE)
def test_what_an_engine_puts_into_a_chat_itself_is_no_message(data: dict[str, Any]) -> None:
    taken = take(changed(MESSAGE, body="", _data=data))
    assert (taken.records, results(taken)) == ([], ["nobody-wrote"])


SOMEBODY_WROTE = {
    "a chat": {"type": "chat"},
    "one that cannot be decrypted": {"type": "ciphertext"},
    "one that was taken back": {"type": "revoked"},
    "NOWEB, a text": {"message": {"conversation": "x", "messageContextInfo": {}}},
    "NOWEB, with a key for a group": {
        "message": {"senderKeyDistributionMessage": {}, "extendedTextMessage": {}}
    },
    "NOWEB, what cannot be decrypted": {"messageStubType": 2, "message": None},
    "GOWS, a picture": {"Message": {"imageMessage": {}}},
    "in doubt": {"message": {"messageContextInfo": {}}},
    "a view-once picture that was burned": {"key": {"isViewOnce": True}, "message": None},
    "WEBJS, what it does not know": {"type": "unknown"},
    "a disappearing text": {
        "message": {"ephemeralMessage": {"message": {"extendedTextMessage": {}}}}
    },
    "from another device, a view-once picture": {
        "message": {
            "deviceSentMessage": {"message": {"viewOnceMessageV2": {"message": {
                "imageMessage": {}}}}}
        }
    },
    "GOWS, a document with a caption": {
        "Message": {"documentWithCaptionMessage": {"message": {"documentMessage": {}}}}
    },
    "a poll": {"message": {"pollCreationMessageV3": {}, "messageContextInfo": {}}},
}  # fmt: skip


@pytest.mark.parametrize("data", SOMEBODY_WROTE.values(), ids=SOMEBODY_WROTE)
def test_what_somebody_wrote_is_a_message_whatever_it_was(data: dict[str, Any]) -> None:
    assert seen(changed(MESSAGE, _data=data)).direction == "in"


def test_a_message_to_a_broadcast_list_is_its_senders() -> None:
    chat = "1786711188@broadcast"
    gows = {"Info": {"Chat": chat, "Sender": LID, "SenderAlt": PROTOCOL_PHONE, "IsGroup": True}}
    noweb = {"key": {"remoteJid": chat, "participant": LID, "participantAlt": PROTOCOL_PHONE}}
    for data in (gows, noweb):
        message = seen(changed(MESSAGE, **{"from": chat, "_data": data}))
        assert (message.direction, message.caller) == ("in", PHONE)
    assert results(take(changed(MESSAGE, **{"from": chat}))) == ["not-a-person"]


def test_webjs_names_the_lid_of_a_number_in_its_own_fields() -> None:
    data = {"id": {"fromMe": False, "remote": LID}, "from": LID, "to": OWN, "type": "chat"}
    message = seen(changed(MESSAGE, **{"from": PHONE, "_data": data}))
    assert (message.caller, message.caller_known_as) == (PHONE, (LID,))


def test_the_lines_unnamed_lid_is_not_linked_to_a_customer() -> None:
    """Older versions of WAHA do not name it in ``me``, and Baileys gives it as the other name."""
    key = {"remoteJid": PROTOCOL_PHONE, "remoteJidAlt": OWN_LID, "fromMe": True}
    own = changed(MESSAGE, **{"from": OWN, "to": PHONE, "fromMe": True, "_data": {"key": key}})
    message = seen(own | {"me": {"id": OWN}})
    assert (message.caller, message.caller_known_as) == (PHONE, ())


@pytest.mark.parametrize(
    "event", ["group.v2.participants.join-request", "group.v3.something", "label.new"]
)
def test_new_events_of_other_families_are_ignored(event: str) -> None:
    taken = take(waha(event, "NOWEB", {"id": "x"}))
    assert (taken.records, results(taken)) == ([], ["other-event"])


@pytest.mark.parametrize("event", ["call.transferred", "message.new-kind", "something.new"])
def test_a_new_event_of_calls_or_messages_is_kept(event: str) -> None:
    _, headers = letter(take(waha(event, "NOWEB", {"id": "x"})))
    assert headers["kafka_dlt-exception-fqcn"] == b"unknown-event"


def test_the_digits_of_a_known_lid_are_the_lid() -> None:
    """An engine that takes a LID for a number does so in one payload, and not in the next."""
    intake = Intake(settings(), "office")
    lid = "90111555333444@lid"
    take(changed(MESSAGE, **{"from": lid}), intake=intake)
    as_number = changed(
        MESSAGE, **{"from": OWN, "to": "90111555333444@s.whatsapp.net", "fromMe": True}
    )
    (message,) = values(take(as_number, intake=intake), topics.MESSAGES_EVENTS)
    assert message.caller == lid
