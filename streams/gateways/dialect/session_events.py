"""The state of a line's gateway session, by WAHA's ``session.status``, which Wawp shares."""

from __future__ import annotations

from typing import Final

from models.presence import ConnectionChange, LineStatus
from streams.gateways.dialect.envelope import Envelope, name
from streams.gateways.dialect.times import event_time, to_ms
from streams.gateways.reading import LinePlace, Refused

_WORKING: Final = "WORKING"
"""The one state in which a session hears of calls and messages (WAHA, "Sessions")."""

_LISTED: Final = 10
"""States of one report that are looked at; WAHA lists three."""

_NO_STATUS: Final = Refused(
    "unintelligible", "payload.status must be the session's state, such as WORKING"
)


def read_session(envelope: Envelope, place: LinePlace, received_at_ms: int) -> LineStatus | Refused:
    """A session's new state. In every other one than WORKING it hears of nothing.

    WAHA lists the last three states with their times in ``payload.statuses`` (2025 on), so that the
    length of a gap is known though the report of its begin was lost.
    """
    status = name(envelope.payload.get("status"))
    if status is None:
        return _NO_STATUS
    at_ms = event_time(envelope.payload.get("timestamp"), envelope.timestamp, received_at_ms)[0]
    listed = _listed(envelope.payload.get("statuses"), received_at_ms)
    connected = _works(status)
    if not listed or listed[-1].connected != connected:
        listed.append(ConnectionChange(at_ms=at_ms, connected=connected))
    return LineStatus(
        line=place.line,
        connected=connected,
        status=status,
        changed_at_ms=at_ms,
        changes=tuple(sorted(listed, key=lambda each: (each.at_ms, each.connected))),
    )


def _works(status: str) -> bool:
    return status.upper() == _WORKING


def _listed(statuses: object, received_at_ms: int) -> list[ConnectionChange]:
    """The states of a list of ``{"status", "timestamp"}`` that can be read, in its order."""
    found: list[ConnectionChange] = []
    for each in statuses[-_LISTED:] if isinstance(statuses, list) else ():
        status = name(each.get("status")) if isinstance(each, dict) else None
        at_ms = to_ms(each.get("timestamp")) if isinstance(each, dict) else None
        if status is not None and at_ms is not None:
            change = ConnectionChange(at_ms=min(at_ms, received_at_ms), connected=_works(status))
            found.append(change)
    return found
