"""Serves the gateways' HTTP API: a request is read, met by faults, carried out, recorded."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from streams.common.clock import now_ms
from streams.simulator.faults import FaultBoard, GatewayFault
from streams.simulator.journal import Journal, RequestSeen
from streams.simulator.options import SimulatorOptions
from streams.simulator.protocol import (
    Ask,
    Received,
    RefusedError,
    SimulatedAnswer,
    SimulatedGateway,
)
from streams.simulator.session_state import Call, Session, SessionStatus
from streams.simulator.world import World


@dataclass(slots=True)
class _Visit:
    """One request while it is dealt with: what the record will say of it."""

    gateway: str
    at_ms: int
    at_ns: int
    call: Call | None = None
    since_reject_ns: int | None = None
    acted: bool = False
    fault: str | None = None
    violation: str | None = None


class RequestHandler:
    """The API of every gateway of a configuration."""

    def __init__(
        self,
        gateways: Mapping[str, SimulatedGateway],
        options: SimulatorOptions,
        world: World,
        faults: FaultBoard,
        record: Journal,
        rng: random.Random,
    ) -> None:
        self._gateways = gateways
        self._session_wait_s = options.session_wait_ms / 1000
        self._world = world
        self._faults = faults
        self._record = record
        self._rng = rng

    async def serve(self, request: web.BaseRequest, gateway: str, path: str) -> web.StreamResponse:
        """Deal with one request to a gateway; returns what aiohttp is to send."""
        visit = _Visit(gateway, now_ms(), time.perf_counter_ns())
        dialect = self._gateways.get(gateway)
        if dialect is None:
            visit.violation = f"no gateway {gateway!r} is configured"
            return _response(self._refuse(visit, SimulatedAnswer(404), "other", None))
        query = request.url.raw_query_string
        body = await request.read()
        try:
            ask = dialect.read(Received(request.method, path, query, request.headers, body))
        except RefusedError as refused:
            visit.violation = refused.violation
            return _response(self._refuse(visit, refused.answer, refused.kind, refused.session))
        visit.violation = ask.violation
        delay_s, fault = self._faults.for_request(gateway, ask.kind)
        if delay_s:
            visit.fault = "latency"
            await asyncio.sleep(delay_s)
        if fault is None:
            return _response(self._note(visit, ask, await self._carry_out(visit, ask, dialect)))
        visit.fault = fault.kind
        return await self._strike(request, visit, ask, dialect, fault)

    async def _carry_out(
        self, visit: _Visit, ask: Ask, dialect: SimulatedGateway
    ) -> SimulatedAnswer:
        session = self._session(visit, ask)
        if session is None:
            visit.violation = f"no session {ask.session!r} at this gateway"
            if dialect.waits_for_session and ask.kind != "session":
                await asyncio.sleep(self._session_wait_s / 2)
            return dialect.unknown_session(ask)
        if ask.kind == "session":
            return dialect.info(ask, session)
        status = await self._status(session)
        if status != "WORKING":
            return dialect.not_working(ask, session, status)
        if ask.kind == "reject":
            return self._reject(visit, ask, session, dialect)
        if ask.kind in {"block", "unblock"}:
            return self._block(visit, ask, session, dialect)
        return self._text(visit, ask, session, dialect)

    def _session(self, visit: _Visit, ask: Ask) -> Session | None:
        """The session that a request is for: the one it names, else that of the call to reject."""
        if ask.session is not None:
            return self._world.sessions.get((visit.gateway, ask.session))
        if ask.kind != "reject":
            return None
        call = self._world.calls.get(ask.call_id)
        if call is not None and call.session.gateway == visit.gateway:
            return call.session
        # any of the gateway's can say that there is no such call
        return next(
            (each for each in self._world.by_line.values() if each.gateway == visit.gateway), None
        )

    async def _status(self, session: Session) -> SessionStatus:
        """The session's status, after the wait for WORKING where the gateway waits."""
        if session.simulated.waits_for_session and not session.working:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._session_wait_s):
                    while not session.working:
                        await session.changed.wait()
        return session.status

    def _reject(
        self, visit: _Visit, ask: Ask, session: Session, dialect: SimulatedGateway
    ) -> SimulatedAnswer:
        call = self._world.calls.get(ask.call_id)
        fault = _mismatch(call, ask, session)
        visit.violation = visit.violation or fault
        visit.call = call
        ignores_caller = session.simulated.ignores_caller(session)
        mine = call is not None and call.session is session and (fault is None or ignores_caller)
        if call is not None:
            call.reject_requests += 1
            if call.stale:
                self._record.stale["reject"] += 1
        if call is not None and mine and call.state == "ringing":
            visit.acted = True
            self._world.reject(call)
            return self._accepted(call, dialect.rejected(ask))
        match self._world.ended_answer(session):
            case "accepted":
                if call is None or not mine:
                    return dialect.rejected(ask)
                self._world.echo(call)
                return self._accepted(call, dialect.rejected(ask))
            case "not_found":
                return dialect.call_not_found(ask, session)
            case "error":
                return dialect.call_error(ask, session)

    def _accepted(self, call: Call, answer: SimulatedAnswer) -> SimulatedAnswer:
        call.rejects_accepted += 1
        if call.rejects_accepted > 1:
            self._record.duplicates["reject"] += 1
        else:
            call.rejected_ns = time.perf_counter_ns()
        return answer

    def _block(
        self, visit: _Visit, ask: Ask, session: Session, dialect: SimulatedGateway
    ) -> SimulatedAnswer:
        party = self._world.met(session, ask.chat)
        if party is None:
            visit.violation = (
                visit.violation or "nobody with this contact id has been in touch with this line"
            )
            return dialect.failed(ask, session, 500, self._rng)
        self._world.block(session, party, yes=ask.kind == "block")
        visit.acted = True
        return dialect.blocked(ask)

    def _text(
        self, visit: _Visit, ask: Ask, session: Session, dialect: SimulatedGateway
    ) -> SimulatedAnswer:
        if self._world.met(session, ask.chat) is None:
            visit.violation = (
                visit.violation or "nobody with this chat id has been in touch with this line"
            )
        call, first = self._world.call_behind(session, ask.chat)
        visit.call = call
        if not first:
            self._record.duplicates["caller"] += 1
        if call is not None:
            call.texts += 1
            visit.since_reject_ns = call.rejected_ns
            if call.texts > 1:
                self._record.duplicates["text"] += 1
            if call.stale:
                self._record.stale["text"] += 1
        try:
            message = self._world.send(session, ask.chat, ask.text, ask.message_key)
        except ValueError as exc:
            visit.violation = str(exc)
            return dialect.failed(ask, session, 500, self._rng)
        visit.acted = True
        return dialect.sent(ask, message)

    async def _strike(
        self,
        request: web.BaseRequest,
        visit: _Visit,
        ask: Ask,
        dialect: SimulatedGateway,
        fault: GatewayFault,
    ) -> web.StreamResponse:
        session = self._session(visit, ask)
        acts = fault.acts and fault.kind in {"status", "hang", "drop", "half_answer"}
        answer = await self._carry_out(visit, ask, dialect) if acts else SimulatedAnswer(0)
        if not acts and ask.kind == "reject":
            visit.call = self._world.calls.get(ask.call_id)
        if fault.kind in {"hang", "drop", "half_answer"}:
            self._note(visit, ask, SimulatedAnswer(0))
            if fault.kind == "hang":
                # the client's going away cancels this handler
                await asyncio.sleep(3600 if fault.delay_ms is None else fault.delay_ms / 1000)
            part = _half(answer if acts else dialect.rejected(ask))
            return _broken(request, part if fault.kind == "half_answer" else b"")
        if fault.kind == "session_down" and dialect.waits_for_session:
            await asyncio.sleep(self._session_wait_s)
        answer = self._fault_answer(ask, session, dialect, fault)
        return _response(self._note(visit, ask, answer))

    def _fault_answer(
        self, ask: Ask, session: Session | None, dialect: SimulatedGateway, fault: GatewayFault
    ) -> SimulatedAnswer:
        if fault.kind == "status":
            return dialect.failed(ask, session, fault.status, self._rng)
        if fault.kind == "rate_limited":
            return dialect.rate_limited(ask, fault.retry_after_s)
        if fault.kind == "reachout":
            return dialect.reachout(ask, session)
        if session is None:
            return dialect.unknown_session(ask)
        if fault.kind == "session_down":
            return dialect.not_working(ask, session, "SCAN_QR_CODE")
        cannot = dialect.engine_cannot if fault.kind == "engine_cannot" else dialect.unreachable
        return cannot(ask, session) or dialect.failed(ask, session, 500, self._rng)

    def _refuse(
        self, visit: _Visit, answer: SimulatedAnswer, kind: str, session: str | None
    ) -> SimulatedAnswer:
        self._record.request(
            RequestSeen(
                at_ms=visit.at_ms,
                gateway=visit.gateway,
                kind=kind,
                session=session,
                call_id=None,
                chat=None,
                status=answer.status,
                acted=False,
                violation=visit.violation,
            )
        )
        return answer

    def _note(self, visit: _Visit, ask: Ask, answer: SimulatedAnswer) -> SimulatedAnswer:
        call = visit.call
        self._record.request(
            RequestSeen(
                at_ms=visit.at_ms,
                gateway=visit.gateway,
                kind=ask.kind,
                session=ask.session or (call.session.name if call is not None else None),
                call_id=ask.call_id or (call.id if call is not None else None),
                chat=ask.caller or ask.chat or (call.party.jid if call is not None else None),
                text=ask.text or None,
                status=answer.status,
                acted=visit.acted,
                fault=visit.fault,
                violation=visit.violation,
                offer_sent_ms=call.offer_sent_ms if call is not None else None,
                since_offer_us=_since(visit, call.offer_sent_ns if call is not None else None),
                since_reject_us=_since(visit, visit.since_reject_ns),
            )
        )
        return answer


def _mismatch(call: Call | None, ask: Ask, session: Session) -> str | None:
    if call is None:
        return "this call id was never offered"
    if call.session is not session:
        return f"this call belongs to line {call.session.line!r}, not to this session"
    shown = {*(party.jid for party in call.shown), call.group}
    if ask.caller is not None and ask.caller not in shown:
        return "this caller is not the one of this call, as the webhook named them"
    return None


def _since(visit: _Visit, at_ns: int | None) -> int | None:
    return None if at_ns is None else (visit.at_ns - at_ns) // 1000


def _response(answer: SimulatedAnswer) -> web.StreamResponse:
    if not answer.body:
        return web.Response(status=answer.status, headers=answer.headers)
    return web.Response(
        status=answer.status,
        body=answer.body,
        content_type=answer.content_type,
        headers=answer.headers,
    )


def _half(answer: SimulatedAnswer) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status} OK\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: 256\r\n\r\n"
    )
    return head.encode() + b'{"succ'


def _broken(request: web.BaseRequest, part: bytes) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        if part:
            transport.write(part)
        transport.close()
    # nothing of this goes out any more: the connection is gone
    return web.Response()
