"""Turns one webhook body into the records to be written for it. No IO; it has a memory."""

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
from models.records import CUT_HEADER, Record
from streams.bridge.ended_calls import EndedCalls
from streams.bridge.redaction import kept_bytes
from streams.callers.keying import Callers
from streams.callers.links import LinkChanges
from streams.gateways.reading import Ignored, LinePlace, Reading, Refused, WebhookEvent
from streams.gateways.registry import gateway_of
from streams.settings import Settings
from streams.views.availability import Lines

KEPT_HEADERS: Final = ("content-type", "user-agent", "x-webhook-request-id", "x-webhook-timestamp")
"""The webhook headers that a dead letter keeps. Never a signature, a key or a cookie."""

MAX_KEPT_BYTES: Final = 900_000
"""Of a dead letter: a broker takes records up to 1 MiB by default, headers included."""

_SESSION: Final = re.compile(rb'"(?:session|instance_id)"\s*:\s*"([^"\\]{1,256})"')
"""How a body that cannot be read as JSON names its session."""

_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)
"""W3C Trace Context, section 3.2."""

_OUTSIDE_WINDOW: Final = Refused(
    "outside-window", "the envelope is older than bridge.replay_window"
)


@dataclass(frozen=True, slots=True)
class IntakeTally:
    """What to count for one event: a name out of a bounded set, and what became of it."""

    event: str
    result: str


@dataclass(frozen=True, slots=True)
class WebhookRecords:
    """What one webhook comes to: its records, in order, and one tally for each event."""

    records: list[Record]
    tallies: list[IntakeTally]
    links: LinkChanges
    """The identity links that it adds, to be applied once the records are durable."""


class Intake:
    """Reads the webhooks of one gateway."""

    def __init__(
        self,
        settings: Settings,
        gateway: str,
        callers: Callers | None = None,
        lines: Lines | None = None,
    ) -> None:
        """``callers`` and ``lines`` are the bridge's own, the same for all its gateways."""
        self._gateway = gateway
        self._read = gateway_of(settings.gateways[gateway]).read_webhook
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

    def read(self, body: bytes, headers: Mapping[str, str], received_at_ms: int) -> WebhookRecords:
        """Turn a body whose signature is right into records. Does not block.

        ``headers`` are the webhook's, looked up in lower case. Never raises: what cannot be read
        becomes a dead letter, and where it may have been a message, its line says so. Repeatable:
        the same body gives the same events again, but for the time of receipt and for calls that
        ended in between.
        """
        events = self._read(body, self._places, received_at_ms)
        trace = _trace(headers.get("traceparent"))
        read = WebhookRecords([], [], self._callers.changes(received_at_ms))
        for event in events:
            reading = event.reading
            if not isinstance(reading, Ignored) and self._is_outside_window(event, received_at_ms):
                reading = _OUTSIDE_WINDOW
            read.records.extend(self._records(reading, read.links, trace, received_at_ms))
            if isinstance(reading, Refused):
                whole = body if len(events) == 1 and body[:1] == b"{" else None
                read.records.append(self._letter(event.raw, reading, headers, trace, whole))
            if event.is_unread:
                read.records.extend(self._lost(body, received_at_ms))
            read.tallies.append(IntakeTally(event.name, _result(reading)))
        # links go first, so that a reader of an event under its new key knows them already;
        # CallerLinked goes last: it covers every record above
        read.records[:0] = read.links.records(self._source)
        read.records.extend(read.links.words(self._source))
        return read

    def too_large(
        self, head: bytes, size: int, headers: Mapping[str, str], received_at_ms: int
    ) -> WebhookRecords:
        """What a body comes to whose signature is right, and that is larger than what is read.

        ``head`` is its beginning and ``size`` the whole of it in bytes. It is kept as a dead letter
        as far as it is there, and its line says that a message may have been lost.
        """
        trace = _trace(headers.get("traceparent"))
        refused = Refused(
            "too-large", f"the body has {size} bytes, more than bridge.max_body_bytes"
        )
        letter = self._letter(head, refused, headers, trace)
        letter.headers.append((CUT_HEADER, str(size).encode()))
        return WebhookRecords(
            [letter, *self._lost(head, received_at_ms)],
            [IntakeTally("other", refused.reason)],
            self._callers.changes(received_at_ms),
        )

    def _lost(self, body: bytes, now_ms: int) -> list[Record]:
        """The lines for which an unread body was; all of the gateway where it names none."""
        named = {match[1].decode("utf-8", "replace") for match in _SESSION.finditer(body)}
        places = [self._places[each] for each in named if each in self._places]
        found = []
        for place in places or self._places.values():
            known = self._lines.get(place.line) or LineStatus(
                line=place.line, connected=True, status="UNKNOWN", changed_at_ms=0
            )
            self._lines.set(place.line, replace(known, lost_at_ms=max(now_ms, known.lost_at_ms)))
            found.append(
                records.reference(self._lines.get(place.line) or known, self._source, now_ms)
            )
        return found

    def _is_outside_window(self, event: WebhookEvent, received_at_ms: int) -> bool:
        # only what is signed counts: a header's time can be changed by whoever replays a body
        return (
            self._window_ms is not None
            and event.sent_at_ms is not None
            and received_at_ms - event.sent_at_ms > self._window_ms
        )

    def _records(
        self, reading: Reading, links: LinkChanges, trace: str, now_ms: int
    ) -> tuple[Record, ...]:
        source = self._source
        if isinstance(reading, CallOffered):
            reading = self._callers.settle(reading, links)
            reading = self._with_end(reading, now_ms)
            return records.call_event(reading, source, trace), records.lifecycle(
                reading, source, trace
            )
        if isinstance(reading, CallAccepted | CallRejected):
            if reading.caller is not None:
                reading = replace(reading, caller=links.caller_of(reading.caller))
            if isinstance(reading, CallAccepted) or not reading.echo:
                # an echo reports a request to end the call, not its end
                call = (reading.gateway, reading.line, reading.call_id)
                self._ended.note(call, reading.at_ms, now_ms)
            return (records.lifecycle(reading, source, trace),)
        if isinstance(reading, MessageSeen):
            return (records.message_event(self._callers.settle(reading, links), source, trace),)
        if isinstance(reading, LineStatus):
            self._lines.set(reading.line, reading)
            known = self._lines.get(reading.line) or reading
            return (records.reference(known, source, now_ms),)
        return ()

    def _with_end(self, offer: CallOffered, now_ms: int) -> CallOffered:
        """The offer, saying whether an end came before it: its own, or that of an earlier call.

        A caller's client may offer an old call id anew. Payloads hold whole seconds: what lies in
        one second is one call.
        """
        ended_at_ms = self._ended.ended_at_ms((offer.gateway, offer.line, offer.call_id), now_ms)
        if ended_at_ms is None:
            return offer
        if offer.time_source == "payload" and offer.offered_at_ms // 1000 > ended_at_ms // 1000:
            return replace(offer, after_end=True)
        return replace(offer, ended=True)

    def _letter(
        self,
        raw: object,
        refused: Refused,
        headers: Mapping[str, str],
        trace: str,
        whole: bytes | None = None,
    ) -> Record:
        kept: Headers = []
        for name in KEPT_HEADERS:
            text = headers.get(name)
            if text is not None:
                kept.append((name, text[:200].encode("utf-8", "replace")))
        kept += [("traceparent", trace.encode()), ("ringfence-gateway", self._gateway.encode())]
        value = kept_bytes(raw, whole)
        if len(value) > MAX_KEPT_BYTES:
            kept.append((CUT_HEADER, str(len(value)).encode()))
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


def _result(reading: Reading) -> str:
    return reading.reason if isinstance(reading, Ignored | Refused) else "published"
