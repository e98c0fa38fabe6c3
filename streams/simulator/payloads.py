"""WAHA's envelope, message and status, which Wawp shares; a provider adds what is its own.

One with bodies of its own needs none of these.
"""

from __future__ import annotations

from typing import Any

from streams.simulator.identifiers import event_id
from streams.simulator.session_state import Session, SimulatedMessage

Payload = dict[str, Any]


def envelope(session: Session, event: str, payload: Payload, at_ms: int) -> Payload:
    """One webhook's body as an object, with an id of its own."""
    return {
        "id": event_id(at_ms),
        "timestamp": at_ms,
        "session": session.webhook_name,
        "metadata": {},
        "engine": session.engine,
        "event": event,
        "payload": payload,
        "me": {"id": session.me.phone, "lid": session.me.lid, "pushName": session.me.name},
    }


def message_fields(message: SimulatedMessage) -> Payload:
    """A message, the same for ``message`` and ``message.any``, without the engine's ``_data``."""
    chat = message.chat or message.party.jid
    me = message.session.me.phone
    return {
        "id": message.id,
        "timestamp": message.at_ms // 1000,
        "from": me if message.from_me else chat,
        "fromMe": message.from_me,
        "source": message.source,
        "to": chat if message.from_me else me,
        "participant": None,
        "body": message.text,
        "hasMedia": False,
        "media": None,
        "ack": 1,
        "ackName": "SERVER",
        "author": None,
        "location": None,
        "vCards": {},
        "_data": {},
        "replyTo": None,
    }


def status_payload(session: Session) -> Payload:
    """A session's new state."""
    return {"name": session.name, "status": session.status}
