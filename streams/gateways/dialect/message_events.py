"""Message events of WAHA's dialect, which Wawp shares: who wrote to whom and when, never what.

The fields of ``_data`` are the engines' own: NOWEB is Baileys' message (``key.remoteJid``,
``key.remoteJidAlt``, ``key.senderPn``), GOWS is whatsmeow's (``Info.Chat``, ``Info.Sender``,
``Info.SenderAlt``, ``Info.RecipientAlt``), WEBJS is whatsapp-web.js' (``id``, ``from``, ``to``).
All of them stand on the message's envelope, which WhatsApp's servers write (Baileys,
``decode-wa-message.ts``, ``decodeMessageNode``; whatsmeow, ``message.go``, ``parseMessageSource``),
so that they may link a LID and a number.
"""

from __future__ import annotations

from typing import Any, Final

from models.messages import MessageSeen
from streams.gateways.dialect.call_events import event_id
from streams.gateways.dialect.envelope import Envelope, name
from streams.gateways.dialect.message_content import somebody_wrote
from streams.gateways.dialect.parties import Link, Party, identify, own_jids, party
from streams.gateways.dialect.times import event_time
from streams.gateways.reading import Ignored, LinePlace, Refused

_NO_ID: Final = Refused(
    "unintelligible", "payload.id must be the message's id, a string of 1 to 256 characters"
)
_NO_PARTY: Final = Refused(
    "unintelligible", "payload.from and payload.to must be JIDs, such as 447700900123@c.us"
)


def read_message(
    envelope: Envelope, place: LinePlace, received_at_ms: int
) -> MessageSeen | Ignored | Refused:
    """A message of a one-to-one chat.

    ``message`` and ``message.any`` of one message give one ``message_id``.
    """
    payload = envelope.payload
    message_id = name(payload.get("id"))
    if message_id is None:
        return _NO_ID
    if not somebody_wrote(envelope.data):
        return Ignored("nobody-wrote")
    own = own_jids(envelope.me)
    key, info = _part(envelope.data, "key"), _part(envelope.data, "Info")
    outgoing = _is_outgoing(envelope, key, info, own)
    chats = _chats(envelope, key, info, outgoing=outgoing)
    if not chats:
        return _NO_PARTY
    if any(not jid.is_person for jid in chats):
        return Ignored("not-a-person")
    other = next((jid for jid in chats if jid.canonical not in own), None)
    if other is None:
        return Ignored("own-chat")
    person = identify(other, _links(other, envelope, own, outgoing=outgoing), own)
    return MessageSeen(
        event_id=event_id(envelope, message_id),
        message_id=message_id,
        gateway=place.gateway,
        line=place.line,
        caller=person.jid,
        caller_known_as=person.known_as,
        direction="out" if outgoing else "in",
        # WAHA and Wawp: "api" for what was sent through them; only "app" proves a person
        by_hand=outgoing and payload.get("source") == "app",
        at_ms=event_time(payload.get("timestamp"), envelope.timestamp, received_at_ms)[0],
        received_at_ms=received_at_ms,
    )


def _chats(
    envelope: Envelope, key: dict[str, Any], info: dict[str, Any], *, outgoing: bool
) -> list[Party]:
    """The chat, by each field that names it."""
    payload = envelope.payload
    places = (
        payload.get("to") if outgoing else payload.get("from"),
        key.get("remoteJid"),
        info.get("Chat"),
    )
    chats = [jid for jid in map(party, places) if jid is not None]
    if outgoing and not chats:
        # some engines put the chat into `from` for own messages too
        chats = [jid for jid in (party(payload.get("from")),) if jid is not None]
    if not outgoing and any(_is_broadcast_list(jid) for jid in chats):
        # whatsmeow, IsIncomingBroadcast: it stands in each recipient's own chat with the sender
        senders = (info.get("Sender"), key.get("participant"), payload.get("participant"))
        found = [jid for jid in map(party, senders) if jid is not None and jid.is_person]
        return found or chats
    return chats


def _is_broadcast_list(jid: Party) -> bool:
    return jid.canonical.endswith("@broadcast") and jid.user != "status"


def _is_outgoing(
    envelope: Envelope, key: dict[str, Any], info: dict[str, Any], own: frozenset[str]
) -> bool:
    flags = (
        envelope.payload.get("fromMe"),
        key.get("fromMe"),
        info.get("IsFromMe"),
        _part(envelope.data, "id").get("fromMe"),
    )
    from_me = next((flag for flag in flags if isinstance(flag, bool)), None)
    if from_me is not None:
        return from_me
    sender = party(envelope.payload.get("from"))
    return sender is not None and sender.canonical in own


def _links(other: Party, envelope: Envelope, own: frozenset[str], *, outgoing: bool) -> list[Link]:
    chat, data = other.canonical, envelope.data
    key, info, web = _part(data, "key"), _part(data, "Info"), _part(data, "id")
    links: list[Link] = []
    if key:
        links.append((chat, key.get("remoteJid")))
        if not outgoing or _is_surely_not_own(key.get("remoteJidAlt"), own):
            links.append((key.get("remoteJid"), key.get("remoteJidAlt")))
        if not outgoing:
            # of an own message, these would be the line's own
            links += [(chat, key.get("senderPn")), (chat, key.get("senderLid"))]
            # of a message to a broadcast list
            links.append((key.get("participant"), key.get("participantAlt")))
    if info:
        links.append((chat, info.get("Chat")))
        if outgoing:
            links.append((info.get("Chat"), info.get("RecipientAlt")))
        else:
            links.append((info.get("Sender"), info.get("SenderAlt")))
    if web:
        links += [(chat, web.get("remote")), (chat, data.get("to" if outgoing else "from"))]
    return links


def _is_surely_not_own(alt: object, own: frozenset[str]) -> bool:
    """Whether the other name on an own message can be told from the line's own one.

    Baileys takes it from ``sender_lid`` before ``peer_recipient_lid``; ``me`` names the line's LID
    in newer versions of WAHA only.
    """
    found = party(alt)
    return found is None or found.kind != "lid" or any(jid.endswith("@lid") for jid in own)


def _part(data: dict[str, Any], field: str) -> dict[str, Any]:
    part = data.get(field)
    return part if isinstance(part, dict) else {}
