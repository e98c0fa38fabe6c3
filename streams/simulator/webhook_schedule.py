"""Which webhook follows from what, per engine, and the faults that befall it on the way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import orjson

from streams.common.clock import now_ms
from streams.simulator.faults import FaultBoard
from streams.simulator.options import CallEventName, EventName, SimulatorOptions
from streams.simulator.payloads import Payload
from streams.simulator.session_state import Call, Session, SimulatedMessage
from streams.simulator.session_state import DeliveryFault as Manner
from streams.simulator.webhook_sender import Delivery, WebhookSender

_SECOND_IDENTITY_S = 0.3
"""From the offer by a LID to the one by the number of the same caller."""

_DISORDER_LIMIT_S = 120.0
"""An offer that is held back for a call's end is delivered at the latest after this."""


class WebhookSchedule:
    """Turns what happens into signed webhooks."""

    def __init__(
        self,
        options: SimulatorOptions,
        sender: WebhookSender,
        faults: FaultBoard,
        rng: random.Random,
    ) -> None:
        self._options = options
        self._sender = sender
        self._faults = faults
        self._rng = rng
        self._held: dict[str, tuple[Call, asyncio.TimerHandle]] = {}

    def offer(self, call: Call, manner: Manner) -> None:
        """A call began."""
        hold = manner == "disorder"
        if manner == "once":
            hold = self._faults.holds_offer(call.session.gateway)
        if hold:
            timer = asyncio.get_running_loop().call_later(_DISORDER_LIMIT_S, self._release, call.id)
            self._held[call.id] = (call, timer)
        else:
            self._offer(call, twice=manner == "twice")

    def _offer(self, call: Call, *, twice: bool) -> None:
        # a replay after a reconnect is a new event about an old call; a late retry is the old event
        at_ms = now_ms() if call.offline else call.began_ms

        def sent(sent_ms: int, sent_ns: int) -> None:
            if call.offer_sent_ns is None:
                call.offer_sent_ms, call.offer_sent_ns = sent_ms, sent_ns

        gateway = call.session.simulated
        for number, party in enumerate(call.shown):
            shown = replace(call, party=party)
            for _ in range(gateway.offer_events(shown)):
                payload = gateway.call_payload(shown, "call.received", at_ms)
                self._emit(
                    call.session,
                    "call.received",
                    payload,
                    at_ms,
                    on_first_send=sent,
                    twice=twice,
                    delay_s=number * _SECOND_IDENTITY_S,
                )

    def end(self, call: Call, *, api: bool) -> None:
        """A call ended or was accepted; an offer that was held back follows."""
        event: CallEventName = (
            "call.accepted" if call.state == "answered" and not api else "call.rejected"
        )
        gateway = call.session.simulated
        if gateway.reports(call, event, api=api) and event in self._options.events:
            at_ms = now_ms()
            shown = replace(call, party=call.shown[0])
            payload = gateway.call_payload(shown, event, at_ms, api=api)
            self._emit(call.session, event, payload, at_ms, then=lambda: self._release(call.id))
        else:
            self._release(call.id)

    def _release(self, call_id: str) -> None:
        held = self._held.pop(call_id, None)
        if held is not None:
            held[1].cancel()
            self._offer(held[0], twice=False)

    def message(self, message: SimulatedMessage) -> None:
        """A message passed. Incoming ones fire ``message`` too; own ones only ``message.any``."""
        payload = message.session.simulated.message_payload(message)
        if not message.from_me:
            self._emit(message.session, "message", payload, message.at_ms)
        self._emit(message.session, "message.any", payload, message.at_ms)

    def status(self, session: Session) -> None:
        """A session stopped, started or wants something.

        Nothing is sent where there is no bridge.
        """
        if self._sender.bridge_url is not None:
            payload = session.simulated.status_payload(session)
            self._emit(session, "session.status", payload, now_ms())

    def close(self) -> None:
        """Forget what is held back; nothing is sent any more."""
        for _, timer in self._held.values():
            timer.cancel()
        self._held.clear()

    def _emit(
        self,
        session: Session,
        event: EventName,
        payload: Payload,
        at_ms: int,
        *,
        on_first_send: Callable[[int, int], None] | None = None,
        then: Callable[[], None] | None = None,
        twice: bool = False,
        delay_s: float = 0.0,
    ) -> None:
        if event not in self._options.events:
            return
        faults = self._faults.for_webhook(session.gateway, event)
        delivery = Delivery(
            gateway=session.gateway,
            event=event,
            body=orjson.dumps(session.simulated.envelope(session, event, payload, at_ms)),
            event_at_ms=at_ms,
            on_first_send=on_first_send,
        )
        late = faults.get("webhook_late")
        after_s = delay_s + (late.delay_s(self._rng) if late is not None else 0.0)
        if twice or "webhook_twice" in faults:
            self._sender.send(delivery, after_s=after_s + self._rng.uniform(0.05, 1.0))
        self._sender.send(delivery, after_s=after_s, then=then)
