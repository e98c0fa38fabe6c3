"""One webhook body in, the records to be written for it out.

Pure but for what the bridge remembers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from models import records
from models.calls import CallAccepted, CallOffered, CallRejected
from models.codec import Headers, new_trace
from models.messages import MessageSeen
from models.presence import LineStatus
from models.records import Record
from streams.bridge.ended_calls import EndedCalls
from streams.bridge.keying import Callers
from streams.bridge.redaction import kept_bytes
from streams.callers.identity import LinkChanges
from streams.gateways.dialect.envelope import Envelope, Unintelligible, read_body
from streams.gateways.dialect.interpret import KNOWN_EVENTS, interpret
from streams.gateways.dialect.reading import Ignored, LinePlace, Reading, Refused
from streams.gateways.dialect.times import to_ms
from streams.settings import Settings
from streams.views.availability import Lines

KEPT_HEADERS: Final = ("content-type", "user-agent", "x-webhook-request-id", "x-webhook-timestamp")
"""The webhook headers that a dead letter keeps. Never a signature, a key or a cookie."""

MAX_KEPT_BYTES: Final = 900_000
"""Of a dead letter: a broker takes records up to 1 MiB by default, headers included."""

_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)
"""W3C Trace Context, section 3.2."""

_OUTSIDE_WINDOW: Final = Refused(
    "outside-window", "the envelope is older than bridge.replay_window"
)


@dataclass(frozen=True, slots=True)
class IntakeTally:
    """What to count for one envelope: an event name out of a bounded set, and what became of it."""

    event: str
    result: str


@dataclass(frozen=True, slots=True)
class Take:
    """What one webhook comes to: its records, in order, and one tally for each envelope."""

    records: list[Record]
    tallies: list[IntakeTally]
    links: LinkChanges
    """What it changes of who is who, to be made known once the records are durable."""


class Intake:
    """Reads the webhooks of one gateway."""

    def __init__(
        self,
        settings: Settings,
        gateway: str,
        callers: Callers | None = None,
        lines: Lines | None = None,
    ) -> None:
        """``callers`` and ``lines`` are what the bridge knows, the same for all its gateways."""
        self._gateway = gateway
        self._source = f"/bridge/{gateway}"
        self._places: dict[str, LinePlace] = {
            line.in_webhooks: LinePlace(gateway, name, line.session)
            for name, line in settings.lines.items()
            if line.gateway == gateway
        }
        self._callers = callers or Callers()
        self._lines = lines or Lines()
        self._ended = EndedCalls()
        self._window_ms = settings.bridge.replay_window

    def take(self, body: bytes, headers: Mapping[str, str], received_at_ms: int) -> Take:
        """Turn a body whose signature is right into records. Does not block.

        ``headers`` are the webhook's, looked up in lower case. Raises ``NotJsonError`` where the
        body is no JSON. Safe to repeat: a body taken twice gives the same events again, but for the
        time of receipt and for what has ended in between.
        """
        items = read_body(body)
        trace = _trace(headers.get("traceparent"))
        take = Take([], [], self._callers.changes(received_at_ms))
        for item in items:
            reading = interpret(item, self._places, received_at_ms)
            if not isinstance(reading, Ignored) and self._is_outside_window(item, received_at_ms):
                reading = _OUTSIDE_WINDOW
            take.records.extend(self._records(reading, take.links, trace, received_at_ms))
            if isinstance(reading, Refused):
                whole = body if len(items) == 1 and body[:1] == b"{" else None
                take.records.append(self._letter(item, reading, whole, headers, trace))
            take.tallies.append(IntakeTally(_event_label(item), _result(reading)))
        # links first: whoever reads an event under its new key finds them. Words last: they are
        # about all before
        take.records[:0] = take.links.records(self._source)
        take.records.extend(take.links.words(self._source))
        return take

    def _is_outside_window(self, item: Envelope | Unintelligible, received_at_ms: int) -> bool:
        # only what is signed counts: WAHA's X-Webhook-Timestamp can be written anew by whoever
        # replays a body
        if self._window_ms is None or not isinstance(item, Envelope):
            return False
        said_at_ms = to_ms(item.timestamp)
        return said_at_ms is not None and received_at_ms - said_at_ms > self._window_ms

    def _records(
        self, reading: Reading, links: LinkChanges, trace: str, now_ms: int
    ) -> tuple[Record, ...]:
        source = self._source
        if isinstance(reading, CallOffered):
            reading = self._callers.settle(reading, links)
            if self._ended.has((reading.gateway, reading.line, reading.call_id), now_ms):
                reading = replace(reading, ended=True)
            return records.call_event(reading, source, trace), records.lifecycle(
                reading, source, trace
            )
        if isinstance(reading, CallAccepted | CallRejected):
            if reading.caller is not None:
                reading = replace(reading, caller=links.caller_of(reading.caller))
            if isinstance(reading, CallAccepted) or not reading.echo:
                # an echo only says that somebody asked for the end
                self._ended.note((reading.gateway, reading.line, reading.call_id), now_ms)
            return (records.lifecycle(reading, source, trace),)
        if isinstance(reading, MessageSeen):
            return (records.message_event(self._callers.settle(reading, links), source, trace),)
        if isinstance(reading, LineStatus):
            self._lines.set(reading.line, reading)
            known = self._lines.get(reading.line) or reading
            return (records.reference(known, source, now_ms),)
        return ()

    def _letter(
        self,
        item: Envelope | Unintelligible,
        refused: Refused,
        whole: bytes | None,
        headers: Mapping[str, str],
        trace: str,
    ) -> Record:
        kept: Headers = []
        for name in KEPT_HEADERS:
            text = headers.get(name)
            if text is not None:
                kept.append((name, text[:200].encode("utf-8", "replace")))
        kept += [("traceparent", trace.encode()), ("ringfence-gateway", self._gateway.encode())]
        value = kept_bytes(item.raw, whole)
        if len(value) > MAX_KEPT_BYTES:
            kept.append(("ringfence-cut-from-bytes", str(len(value)).encode()))
            value = value[:MAX_KEPT_BYTES]
        return records.dead_letter(
            key=None,
            value=value,
            headers=kept,
            reason=refused.reason,
            message=refused.why,
            source=self._source,
        )


def _trace(given: str | None) -> str:
    # both records of an offer belong to one trace, so a missing one is made here and not for each
    if (
        given is not None
        and len(given) <= 128
        and given.isascii()
        and _TRACEPARENT.fullmatch(given)
    ):
        return given
    return new_trace()


def _event_label(item: Envelope | Unintelligible) -> str:
    return item.event if isinstance(item, Envelope) and item.event in KNOWN_EVENTS else "other"


def _result(reading: Reading) -> str:
    return reading.reason if isinstance(reading, Ignored | Refused) else "published"
