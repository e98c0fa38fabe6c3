"""The state of a line's gateway session, by WAHA's ``session.status``, which Wawp shares."""

from __future__ import annotations

from typing import Final

from models.presence import LineStatus
from streams.gateways.dialect.envelope import Envelope, name
from streams.gateways.dialect.times import event_time
from streams.gateways.reading import LinePlace, Refused

_WORKING: Final = "WORKING"
"""The one state in which a session hears of calls and messages (WAHA, "Sessions")."""

_NO_STATUS: Final = Refused(
    "unintelligible", "payload.status must be the session's state, such as WORKING"
)


def read_session(envelope: Envelope, place: LinePlace, received_at_ms: int) -> LineStatus | Refused:
    """A session's new state. Every other one than WORKING means that messages pass unseen.

    The event reports a change, so that a session which works now did not just before.
    """
    status = name(envelope.payload.get("status"))
    if status is None:
        return _NO_STATUS
    at_ms = event_time(envelope.payload.get("timestamp"), envelope.timestamp, received_at_ms)[0]
    connected = status.upper() == _WORKING
    return LineStatus(
        line=place.line,
        connected=connected,
        status=status,
        changed_at_ms=at_ms,
        disconnected_at_ms=at_ms,
    )
