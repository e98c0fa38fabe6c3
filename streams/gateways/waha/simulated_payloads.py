"""WAHA's webhooks, per engine, with the engine's private ``_data``.

Shapes: WAHA's OpenAPI (``CallData``, ``WAMessage``), Baileys ``WACallEvent`` (NOWEB), whatsmeow
``events.Call*`` and ``types.MessageInfo`` (GOWS), whatsapp-web.js ``Call`` (WEBJS).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, assert_never

from streams.simulator.options import CallEventName
from streams.simulator.payloads import Payload, envelope, message_fields
from streams.simulator.session_state import Call, Session, SimulatedMessage, SimulatedPerson

VERSION: Final = "2026.7.1"
"""The WAHA release whose OpenAPI document this follows."""


def call_payload(call: Call, event: CallEventName, at_ms: int, *, api: bool = False) -> Payload:
    """A call's event. ``api``: it follows from our own reject."""
    payload: Payload = {
        "id": call.id,
        "from": _caller(call),
        "timestamp": _seconds(call, call.began_ms if event == "call.received" else at_ms),
        "isVideo": call.media == "video" and not (api and call.engine == "WEBJS"),
        "isGroup": call.group is not None,
        "_data": _call_data(call, event, at_ms, api=api),
    }
    if not call.timestamp:
        del payload["timestamp"]
    return payload


def message_payload(message: SimulatedMessage) -> Payload:
    """A message, the same for ``message`` and ``message.any``."""
    return message_fields(message) | {"vCards": [], "_data": _message_data(message)}


def waha_envelope(session: Session, event: str, payload: Payload, at_ms: int) -> Payload:
    """One webhook's body as an object."""
    body = envelope(session, event, payload, at_ms)
    body["me"]["jid"] = f"{session.me.digits}:22@s.whatsapp.net"
    body["environment"] = environment(session)
    return body


def environment(session: Session) -> Payload:
    """WAHA's description of itself."""
    browser = "/usr/bin/chromium" if session.engine in {"WEBJS", "WPP"} else None
    return {
        "version": VERSION,
        "engine": session.engine,
        "tier": "CORE",
        "browser": browser,
        "platform": "linux/x64",
        "worker": {"id": None},
    }


def _caller(call: Call) -> str:
    # WEBJS names the peer, which is the group where there is one
    if call.group is not None and call.engine in {"WEBJS", "WPP"}:
        return call.group
    return call.party.jid


def _seconds(call: Call, at_ms: int) -> int | float:
    # whatsmeow's time has a fraction, Baileys' has none
    return at_ms / 1000 if call.engine == "GOWS" else at_ms // 1000


def _call_data(call: Call, event: CallEventName, at_ms: int, *, api: bool) -> Payload:
    match call.engine:
        case "NOWEB":
            return _baileys_call(call, event, at_ms, api=api)
        case "GOWS":
            return _whatsmeow_call(call, event, at_ms, api=api)
        case "WEBJS" | "WPP":
            return _web_call(call, event, api=api)
        case _:
            assert_never(call.engine)


def _baileys_call(call: Call, event: CallEventName, at_ms: int, *, api: bool) -> Payload:
    began = event == "call.received"
    data: Payload = {
        "chatId": call.group or _protocol(call.party.jid),
        "from": _protocol(call.party.jid),
        "id": call.id,
        "date": _iso(call.began_ms if began else at_ms),
        "offline": call.offline,
        "status": "offer"
        if began
        else "accept"
        if event == "call.accepted"
        else "reject"
        if api
        else "terminate",
        "isVideo": call.media == "video",
        "isGroup": call.group is not None,
    }
    if call.group is not None:
        data["groupJid"] = call.group
    if call.party.lid is not None and call.party.phone is not None:
        data["callerPn"] = _protocol(call.party.phone)
    return data


def _whatsmeow_call(call: Call, event: CallEventName, at_ms: int, *, api: bool) -> Payload:
    party = call.party
    caller = _protocol(party.jid)
    data: Payload = {
        "From": caller,
        "Timestamp": _iso_seconds(call.began_ms if event == "call.received" else at_ms),
        "CallCreator": caller,
        "CallCreatorAlt": _protocol(party.phone) if party.lid and party.phone else "",
        "CallID": call.id,
        "GroupJID": call.group or "",
    }
    if event == "call.received":
        data |= {"RemotePlatform": "android", "RemoteVersion": "2.26.20.75"}
        if call.group is not None:
            data |= {"Media": "video" if call.media == "video" else "audio", "Type": "group"}
    elif event == "call.rejected" and not api:
        data["Reason"] = "timeout" if at_ms - call.began_ms >= 25_000 else ""
    return data


def _web_call(call: Call, event: CallEventName, *, api: bool) -> Payload:
    peer = _caller(call)
    if event == "call.rejected":
        return {"id": call.id, "from": peer, "status": "reject", "api": api}
    return {
        "id": call.id,
        "peerJid": peer,
        "isVideo": call.media == "video",
        "isGroup": call.group is not None,
        "canHandleLocally": False,
        "outgoing": call.outgoing,
        "fromMe": call.outgoing,
        "webClientShouldHandle": False,
        "participants": [],
    }


def _message_data(message: SimulatedMessage) -> Payload:
    match message.session.engine:
        case "NOWEB":
            return _baileys_message(message)
        case "GOWS":
            return _whatsmeow_message(message)
        case "WEBJS" | "WPP":
            return {
                "id": {
                    "fromMe": message.from_me,
                    "remote": message.chat or message.party.jid,
                    "id": message.key,
                    "_serialized": message.id,
                },
                "type": message.entry or "chat",
                "t": message.at_ms // 1000,
            }
        case _:
            assert_never(message.session.engine)


def _baileys_message(message: SimulatedMessage) -> Payload:
    chat, other = _chat_and_alias(message)
    key: Payload = {"remoteJid": _protocol(chat), "fromMe": message.from_me, "id": message.key}
    if other is not None:
        key["remoteJidAlt"] = _protocol(other)
    return {
        "key": key,
        "messageTimestamp": message.at_ms // 1000,
        "pushName": message.session.me.name if message.from_me else message.party.name,
        "message": {"conversation": message.text},
        "status": 2,
    }


def _whatsmeow_message(message: SimulatedMessage) -> Payload:
    chat, other = _chat_and_alias(message)
    own = _protocol(message.session.me.phone)
    alias = _protocol(other) if other is not None else ""
    return {
        "Info": {
            "Chat": _protocol(chat),
            "Sender": own if message.from_me else _protocol(chat),
            "IsFromMe": message.from_me,
            "IsGroup": False,
            "SenderAlt": "" if message.from_me else alias,
            "RecipientAlt": alias if message.from_me else "",
            "ID": message.key,
            "Type": "text",
            "PushName": message.session.me.name if message.from_me else message.party.name,
            "Timestamp": _iso_seconds(message.at_ms),
        },
        "Message": {"conversation": message.text},
    }


def _chat_and_alias(message: SimulatedMessage) -> tuple[str, str | None]:
    chat = message.chat or message.party.jid
    return chat, _other(message.party, chat)


def _other(party: SimulatedPerson, chat: str) -> str | None:
    for jid in party.aliases:
        if jid != chat:
            return jid
    return None


def _protocol(jid: str) -> str:
    return jid.removesuffix("@c.us") + "@s.whatsapp.net" if jid.endswith("@c.us") else jid


def _iso(at_ms: int) -> str:
    seconds, millis = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"


def _iso_seconds(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}Z"
