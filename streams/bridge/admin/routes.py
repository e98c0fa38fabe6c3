"""Which endpoint takes which fact, and whose token it asks for."""

from __future__ import annotations

from aiohttp import web

from streams.bridge.access import Access
from streams.bridge.admin.contacts import ContactDesk
from streams.bridge.admin.endpoint import endpoint
from streams.bridge.admin.presence import PresenceDesk
from streams.bridge.admin.recording_bridges import RecordingDesk
from streams.bridge.publisher import Publisher
from streams.bridge.reference_follower import ReferenceFollower
from streams.common.clock import Clock
from streams.settings import Settings


def fact_routes(
    settings: Settings, access: Access, known: ReferenceFollower, publisher: Publisher, clock: Clock
) -> list[web.RouteDef]:
    """The routes of contacts, presence and recording bridges."""
    lines = frozenset(settings.lines)
    contacts = ContactDesk(known, publisher, settings.kafka, clock)
    presence = PresenceDesk(known, publisher, lines, clock)
    recording = RecordingDesk(known, publisher, lines, settings.recording_bridges, clock)
    crm, desk, bridges = (
        access.require("crm"),
        access.require("presence"),
        access.require("bridges"),
    )
    return [
        web.put("/contacts/{jid}", crm(endpoint(contacts.put))),
        web.delete("/contacts/{jid}", crm(endpoint(contacts.delete))),
        web.get("/contacts/{jid}", crm(endpoint(contacts.get)), allow_head=False),
        web.post("/presence/{agent}", desk(endpoint(presence.post))),
        web.get("/presence/{agent}", desk(endpoint(presence.get)), allow_head=False),
        web.post("/bridges/{bridge}/health", bridges(endpoint(recording.post))),
        web.get("/bridges/{bridge}/health", bridges(endpoint(recording.get)), allow_head=False),
    ]
