"""The gateways' state: sessions, ringing calls and how they end, and the webhooks that follow."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, Literal

from models.commands import TEXT_WINDOW_MS
from streams.common.clock import now_ms
from streams.settings import Settings
from streams.simulator.fictional_numbers import Strangers, lid_of, own_number
from streams.simulator.identifiers import call_id, group_jid, message_key
from streams.simulator.journal import Journal
from streams.simulator.options import AnswerWhenOver, SimulatorOptions
from streams.simulator.protocol import SimulatedGateway
from streams.simulator.session_state import (
    Call,
    CallOrder,
    CallState,
    Me,
    MessageOrder,
    ReconnectOrder,
    Session,
    SessionStatus,
    SimulatedMessage,
    SimulatedPerson,
)
from streams.simulator.webhook_schedule import WebhookSchedule

STALE_S: Final = 60.0
"""No call rings longer, so an offer of this age is over (rings of 25 to 60 s are reported)."""


class World:
    """Everything the gateways know. Times are UTC milliseconds; nothing here waits."""

    def __init__(
        self,
        settings: Settings,
        gateways: Mapping[str, SimulatedGateway],
        options: SimulatorOptions,
        record: Journal,
        outbox: WebhookSchedule,
        rng: random.Random,
    ) -> None:
        self.sessions: dict[tuple[str, str], Session] = {}
        self.by_line: dict[str, Session] = {}
        self.calls: dict[str, Call] = {}
        self.on_end: list[Callable[[Call], None]] = []
        """Called with each call as it stops ringing."""
        self.on_text: list[Callable[[SimulatedMessage], None]] = []
        """Called with each text that was sent through a gateway's API."""
        self._options = options
        self._record = record
        self._outbox = outbox
        self._rng = rng
        self._met: dict[tuple[str, str], SimulatedPerson] = {}
        self._calls_of: dict[tuple[str, str], list[Call]] = {}
        self._texted: set[tuple[str, str]] = set()
        self._encrypted: set[tuple[str, str]] = set()
        """Whom the line has sent a text to."""
        self._blocked: set[tuple[str, str]] = set()
        self._strangers = Strangers(rng)
        self._add_sessions(settings, gateways)

    def _add_sessions(self, settings: Settings, gateways: Mapping[str, SimulatedGateway]) -> None:
        lines_of = Counter[str]()
        for index, (name, line) in enumerate(settings.lines.items()):
            simulated = gateways[line.gateway]
            provider = settings.gateways[line.gateway].provider
            usual = simulated.usual_engine(lines_of[provider])
            lines_of[provider] += 1
            own = own_number(index)
            session = Session(
                line=name,
                gateway=line.gateway,
                provider=provider,
                simulated=simulated,
                name=line.session,
                webhook_name=line.in_webhooks,
                engine=self._options.engines.get(name, usual),
                me=Me(f"{own}@c.us", lid_of(own), name),
            )
            self.sessions[line.gateway, line.session] = session
            self.by_line[name] = session

    def session_of(self, line: str) -> Session:
        """The session of a line; raises ``ValueError`` for a line that is not configured."""
        if line not in self.by_line:
            msg = f"no line {line!r} (there: {', '.join(sorted(self.by_line))})"
            raise ValueError(msg)
        return self.by_line[line]

    def set_status(self, line: str, status: SessionStatus) -> None:
        """Change a session's status, report it, and wake the requests that wait for it."""
        session = self.session_of(line)
        if status != session.status:
            session.status = status
            self._outbox.status(session)
        changed, session.changed = session.changed, asyncio.Event()
        changed.set()

    def place(self, order: CallOrder) -> Call:
        """A call comes in; its webhook is on the way when this returns. Raises ``ValueError``.

        A call of a blocked contact does not reach the line: it ends at once, without a webhook.
        """
        session = self.session_of(order["line"])
        outgoing = order.get("outgoing", False)
        if outgoing and not session.simulated.reports_outgoing(session):
            msg = f"{session.engine} of {session.provider} does not report outgoing calls"
            raise ValueError(msg)
        age_s = order.get("age_s", 0.0)
        stale = age_s >= STALE_S
        call = Call(
            id=call_id(),
            session=session,
            party=_shown(session, order["caller"], order.get("lid")),
            media=order.get("media", "voice"),
            group=group_jid() if order.get("group", False) else None,
            outgoing=outgoing,
            offline=order.get("offline", False),
            stale=stale,
            timestamp=order.get("timestamp", True),
            began_ms=now_ms() - round(age_s * 1000),
            state="ended" if stale else "ringing",
            twofold=order.get("twofold", False),
        )
        if call.twofold and None in {call.party.phone, call.party.lid}:
            msg = "a twofold call needs a number and a lid"
            raise ValueError(msg)
        if self.is_blocked(session, call.party):
            call.state = "ended"
            self._record.calls["blocked"] += 1
            self._record.wake()
            return call
        self._remember(call)
        self._record.calls["stale" if stale else "placed"] += 1
        if not stale:
            self._ring(call, order.get("ring_s"), age_s)
        self._outbox.offer(call, order.get("delivery", "once"))
        return call

    def again(self, call: Call) -> Call:
        """The caller's client offers the call once more under its old id, as a new call.

        Raises ``ValueError`` while it still rings.
        """
        if call.state == "ringing":
            msg = f"the call {call.id} still rings"
            raise ValueError(msg)
        new = replace(
            call,
            began_ms=now_ms(),
            state="ringing",
            stale=False,
            offline=False,
            ended_ms=None,
            offer_sent_ms=None,
            offer_sent_ns=None,
            reject_requests=0,
            rejects_accepted=0,
            rejected_ns=None,
            texts=0,
            timer=None,
        )
        self._forget(self.calls.pop(call.id))
        self._remember(new)
        self._record.calls["placed"] += 1
        self._ring(new)
        self._outbox.offer(new, "once")
        return new

    def _ring(self, call: Call, ring_s: float | None = None, age_s: float = 0.0) -> None:
        """Let the caller's side give up after ``ring_s`` seconds, by default 25 to 60."""
        rings_s = self._rng.triangular(25, 60, 45) if ring_s is None else ring_s
        call.timer = asyncio.get_running_loop().call_later(
            max(rings_s - age_s, 0.0), self._ring_out, call
        )

    def _remember(self, call: Call) -> None:
        self.calls[call.id] = call
        self.meet(call.session, call.party)
        for jid in call.party.aliases:
            self._calls_of.setdefault((call.session.line, jid), []).append(call)
        if len(self.calls) > self._options.keep_calls:
            oldest = next(iter(self.calls))
            self._forget(self.calls.pop(oldest))

    def _forget(self, call: Call) -> None:
        if call.timer is not None:
            call.timer.cancel()
        for jid in call.party.aliases:
            calls = self._calls_of[call.session.line, jid]
            calls.remove(call)
            if not calls:
                del self._calls_of[call.session.line, jid]

    def meet(self, session: Session, party: SimulatedPerson) -> None:
        """Remember who has been in touch with a line, by every JID."""
        for jid in party.aliases:
            self._met[session.line, jid] = party

    def met(self, session: Session, chat: str) -> SimulatedPerson | None:
        """Who stands behind a chat id of this line, if they have been in touch."""
        return self._met.get((session.line, chat))

    def is_blocked(self, session: Session, party: SimulatedPerson) -> bool:
        """Whether the line has blocked this person."""
        return any((session.line, jid) in self._blocked for jid in party.aliases)

    def block(self, session: Session, party: SimulatedPerson, *, yes: bool) -> None:
        """Block a person for a line, or take that back; may be repeated."""
        for jid in party.aliases:
            (self._blocked.add if yes else self._blocked.discard)((session.line, jid))

    def reject(self, call: Call) -> None:
        """Our reject of a call that rings: it ends, and the engine says so if it does."""
        self._end(call, "rejected", "rejected", api=True)

    def echo(self, call: Call) -> None:
        """Our reject of a call that is over: some engines report its end all the same."""
        if call.session.simulated.invents_events(call.session):
            self._outbox.end(call, api=True)

    def hang_up(self, call: Call) -> bool:
        """The caller gives up; False where the call does not ring any more."""
        return self._end(call, "ended", "hung_up")

    def answer(self, call: Call) -> bool:
        """Somebody of the line picks up on the phone.

        False where the call does not ring any more.
        """
        return self._end(call, "answered", "answered")

    def _ring_out(self, call: Call) -> None:
        self._end(call, "ended", "rang_out")

    def _end(self, call: Call, state: CallState, count: str, *, api: bool = False) -> bool:
        if call.state != "ringing":
            return False
        call.state = state
        call.ended_ms = now_ms()
        if call.timer is not None:
            call.timer.cancel()
            call.timer = None
        self._record.calls[count] += 1
        self._outbox.end(call, api=api)
        if not call.group and not call.outgoing:
            self._enter(call.session, call.party, "call_log")
        for listener in self.on_end:
            listener(call)
        self._record.wake()
        return True

    def reconnect(self, order: ReconnectOrder) -> list[Call]:
        """The gateway comes back and delivers offers that were queued while it was away.

        Each has a new event, the call's old time, and ``offline`` where the engine knows that.
        """
        youngest_s = order.get("age_s", 600.0)
        replayed = []
        for index in range(order.get("offers", 24)):
            party = self._strangers.another(lid_share=0.3)
            stale: CallOrder = {
                "line": order["line"],
                "caller": party.phone or party.jid,
                "lid": party.lid,
                "offline": True,
                "age_s": youngest_s + 60.0 * index,
            }
            replayed.append(self.place(stale))
        return replayed

    def close(self) -> None:
        """Stop every ring timer."""
        for call in self.calls.values():
            if call.timer is not None:
                call.timer.cancel()
                call.timer = None

    def ended_answer(self, session: Session) -> AnswerWhenOver:
        """How this gateway answers a reject of a call that is over."""
        if self._options.ended != "mix":
            return self._options.ended
        mix = session.simulated.ended_mix(session.engine)
        return self._rng.choices(tuple(mix), tuple(mix.values()))[0]

    def write(self, order: MessageOrder) -> SimulatedMessage:
        """The caller, or somebody of the line on the phone, writes. Raises ``ValueError``."""
        session = self.session_of(order["line"])
        outward = order.get("direction", "in") == "out"
        message = SimulatedMessage(
            key=message_key(),
            session=session,
            party=_shown(session, order["caller"], order.get("lid")),
            from_me=outward,
            source="app",
            text=order.get("text", "Hello"),
            at_ms=now_ms() - round(order.get("age_s", 0.0) * 1000),
        )
        self.meet(session, message.party)
        self._outbox.message(message)
        return message

    def send(self, session: Session, chat: str, text: str, key: str | None) -> SimulatedMessage:
        """A text that was sent through the gateway's API."""
        message = SimulatedMessage(
            key=key or message_key(),
            session=session,
            party=self.met(session, chat) or party_of(chat, None),
            from_me=True,
            source="api",
            text=text,
            at_ms=now_ms(),
            chat=chat,
        )
        self._outbox.message(message)
        if (session.line, message.party.jid) not in self._encrypted:
            self._encrypted.add((session.line, message.party.jid))
            self._enter(session, message.party, "e2e_notification")
        for listener in self.on_text:
            listener(message)
        return message

    def _enter(
        self,
        session: Session,
        party: SimulatedPerson,
        entry: Literal["call_log", "e2e_notification"],
    ) -> None:
        """An entry that the engine itself puts into a chat, and that nobody wrote."""
        if session.simulated.invents_events(session):
            self._outbox.message(
                SimulatedMessage(
                    key=message_key(),
                    session=session,
                    party=party,
                    from_me=False,
                    source="app",
                    text="",
                    at_ms=now_ms(),
                    entry=entry,
                )
            )

    def call_behind(self, session: Session, chat: str) -> tuple[Call | None, bool]:
        """The call that a text to this chat answers, and whether it is this person's first text.

        It is the earliest call of the last minutes that a reject was asked of and that has no text
        yet; else the latest of the last minutes that nobody asked to reject and that has no text
        yet (its caller was queued); else the latest that a reject was asked of; else None.
        """
        party = self.met(session, chat)
        jid = party.aliases[0] if party is not None else chat
        all_calls = self._calls_of.get((session.line, jid), ())
        calls = [call for call in all_calls if call.reject_requests]
        since = now_ms() - TEXT_WINDOW_MS
        untold = [call for call in calls if not call.texts and (call.ended_ms or since) >= since]
        queued = [
            c
            for c in all_calls
            if not c.reject_requests and not c.texts and not c.stale and c.began_ms >= since
        ]
        untold += queued[-1:]
        first = (session.line, jid) not in self._texted
        self._texted.add((session.line, jid))
        if untold:
            return untold[0], first
        return (calls[-1] if calls else None), first


def _shown(session: Session, caller: str, lid: str | None) -> SimulatedPerson:
    """The person as the session's gateway shows them. Raises ``ValueError``."""
    party = party_of(caller, lid)
    if not session.simulated.numbers_only:
        return party
    if party.phone is None:
        msg = f"{session.provider} names people by number alone: nobody is known by LID there"
        raise ValueError(msg)
    return SimulatedPerson(party.phone)


def party_of(caller: str, lid: str | None) -> SimulatedPerson:
    """The person behind ``caller``, who shows the LID if there is one. Raises ``ValueError``."""
    user, _, server = caller.partition("@")
    if not user.isdigit() or server not in {"c.us", "lid"}:
        msg = f"a caller is DIGITS@c.us or DIGITS@lid, not {caller!r}"
        raise ValueError(msg)
    if lid is not None and not lid.endswith("@lid"):
        msg = f"a LID is DIGITS@lid, not {lid!r}"
        raise ValueError(msg)
    if server == "lid":
        return SimulatedPerson(None, caller)
    return SimulatedPerson(caller, lid)
