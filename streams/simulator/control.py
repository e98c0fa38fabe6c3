"""The simulator's own routes under ``/_sim/``, for tests and benchmarks in other processes.

| request | does |
| --- | --- |
| ``GET /_sim/record?last=N`` | the record: counts, and the last N (1000) requests and violations |
| ``POST /_sim/calls`` | places a call (``CallOrder``); 201 with the call |
| ``GET /_sim/calls/{id}`` | one call |
| ``POST /_sim/calls/{id}/hang-up``, ``.../answer`` | ends it from the caller's or the line's side |
| ``POST /_sim/calls/{id}/again`` | offers it anew under its old id; 400 while it rings |
| ``POST /_sim/messages`` | plays a message (``MessageOrder``) |
| ``POST /_sim/reconnects`` | replays old offers (``ReconnectOrder``) |
| ``PUT /_sim/faults``, ``GET /_sim/faults`` | replaces, shows the dials (``GatewayFault``) |
| ``PUT /_sim/sessions/{line}`` | ``{"status": "SCAN_QR_CODE"}`` |
| ``POST /_sim/traffic/start`` | begins the traffic of a process that was started to wait |
| ``POST /_sim/traffic/stop`` | no new calls from the process's own traffic; all else goes on |
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from aiohttp import web
from typing_extensions import TypedDict

from models.codec import UndecodableError, decode, encode
from streams.simulator.faults import FaultBoard, GatewayFault
from streams.simulator.journal import Journal
from streams.simulator.session_state import (
    Call,
    CallOrder,
    MessageOrder,
    ReconnectOrder,
    SessionStatus,
)
from streams.simulator.world import World


class _Status(TypedDict):
    status: SessionStatus


class Control:
    """Reads orders from HTTP and hands them to the world."""

    def __init__(self, world: World, faults: FaultBoard, record: Journal) -> None:
        self._world = world
        self._faults = faults
        self._record = record
        self.traffic_start = asyncio.Event()
        """Set by ``POST /_sim/traffic/start``."""
        self.traffic_stop = asyncio.Event()
        """Set by ``POST /_sim/traffic/stop``."""

    async def serve(self, request: web.BaseRequest, path: str) -> web.Response:
        """Answer one request: 400 for a wrong order, 404 for an unknown call or route."""
        body = await request.read()
        try:
            found = self._route(request, path.strip("/").split("/"), body)
        except (UndecodableError, ValueError) as exc:
            return _json(400, {"error": str(exc)})
        return (
            found
            if found is not None
            else _json(404, {"error": f"nothing at {request.method} {path}"})
        )

    def _route(
        self, request: web.BaseRequest, parts: list[str], body: bytes
    ) -> web.Response | None:
        match request.method, *parts:
            case "GET", "record":
                return _json(200, self._record.as_json(int(request.query.get("last", "1000"))))
            case "POST", "calls" | "messages" | "reconnects" as what:
                return _json(201, self._order(what, body))
            case method, "calls", call_id, *rest:
                return self._call(method, call_id, rest)
            case "GET" | "PUT" as method, "faults":
                if method == "PUT":
                    self._faults.set(*decode(tuple[GatewayFault, ...], body))
                return _json(200, [asdict(fault) for fault in self._faults.faults])
            case "POST", "traffic", "start" | "stop" as what:
                (self.traffic_start if what == "start" else self.traffic_stop).set()
            case "PUT", "sessions", line:
                self._world.set_status(line, decode(_Status, body)["status"])
            case _:
                return None
        return _json(200, {})

    def _order(self, what: str, body: bytes) -> Any:
        match what:
            case "calls":
                return call_json(self._world.place(decode(CallOrder, body)))
            case "messages":
                return {"id": self._world.write(decode(MessageOrder, body)).id}
            case _:
                return [
                    call_json(call) for call in self._world.reconnect(decode(ReconnectOrder, body))
                ]

    def _call(self, method: str, call_id: str, rest: list[str]) -> web.Response | None:
        call = self._world.calls.get(call_id)
        if call is None:
            return None
        match method, *rest:
            case ("GET",):
                return _json(200, call_json(call))
            case "POST", "hang-up":
                self._world.hang_up(call)
                return _json(200, call_json(call))
            case "POST", "again":
                return _json(201, call_json(self._world.again(call)))
            case "POST", "answer":
                self._world.answer(call)
                return _json(200, call_json(call))
            case _:
                return None


def call_json(call: Call) -> dict[str, Any]:
    """A call as the control routes show it."""
    return {
        "id": call.id,
        "line": call.session.line,
        "gateway": call.session.gateway,
        "session": call.session.name,
        "engine": call.engine,
        "from": call.party.jid,
        "state": call.state,
        "stale": call.stale,
        "began_ms": call.began_ms,
        "ended_ms": call.ended_ms,
        "offer_sent_ms": call.offer_sent_ms,
        "reject_requests": call.reject_requests,
        "rejects_accepted": call.rejects_accepted,
        "texts": call.texts,
    }


def _json(status: int, body: Any) -> web.Response:
    return web.Response(status=status, body=encode(body), content_type="application/json")
