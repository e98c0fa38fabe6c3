"""The gateway at the end of both paths: answers as WAHA does, and notes when each request arrived.

``python -m tests.bench.gateway HOST:PORT LINES``. It is strict about what would be a fault (key,
session, fields, and that id and caller belong to one call) and does nothing else, so that its own
share of the time is small and the same for both. For that reason it is not the tests'
``support.gateway``, which keeps every request and answers as a test wants it.
"""

from __future__ import annotations

import sys
import time
from typing import Final

import orjson
from aiohttp import web

from tests.bench.calls import API_KEY, NOBODY, number_of_call, number_of_caller, session
from tests.bench.serving import serve
from tests.bench.values import Counts, Marks

_JSON: Final = "application/json"


class Gateway:
    """WAHA's side of a reject and a text, and the marks."""

    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._sessions = {session(number, lines) for number in range(lines)}
        self._rejects: dict[int, list[int]] = {}
        self._answered: dict[int, int] = {}
        self._texts: dict[int, list[int]] = {}
        self._wrong = 0

    def app(self) -> web.Application:
        """WAHA's three routes, and the benchmark's two."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/api/{session}/calls/reject", self._reject),
                web.post("/api/sendText", self._text),
                web.get("/api/sessions/{session}", self._session),
                web.get("/bench/counts", self._counts),
                web.get("/bench/marks", self._marks),
            ]
        )
        return app

    async def _reject(self, request: web.Request) -> web.Response:
        arrived = time.monotonic_ns()
        body = await request.read()
        number = self._rejected(request, body)
        if number == NOBODY:
            return self._refuse()
        self._rejects.setdefault(number, []).append(arrived)
        self._answered.setdefault(number, time.monotonic_ns())
        return web.Response(status=201)

    def _rejected(self, request: web.Request, raw: bytes) -> int:
        body = self._body(request, raw, {"id", "from"})
        number = number_of_call(body.get("id"))
        if number_of_caller(body.get("from")) != number or not self._is_session(
            request.match_info["session"], number
        ):
            return NOBODY
        return number

    async def _text(self, request: web.Request) -> web.Response:
        arrived = time.monotonic_ns()
        body = self._body(request, await request.read(), {"session", "chatId", "text", "id"})
        number = number_of_caller(body.get("chatId"))
        if number == NOBODY or not body["text"] or not self._is_session(body["session"], number):
            return self._refuse()
        self._texts.setdefault(number, []).append(arrived)
        message = {
            "id": f"true_{body['chatId']}_{body['id']}",
            "fromMe": True,
            "to": body["chatId"],
            "ack": 0,
        }
        return web.Response(status=201, body=orjson.dumps(message), content_type=_JSON)

    async def _session(self, request: web.Request) -> web.Response:
        name = request.match_info["session"]
        if name not in self._sessions:
            return web.Response(status=404)
        return web.Response(
            body=orjson.dumps({"name": name, "status": "WORKING"}), content_type=_JSON
        )

    def _body(self, request: web.Request, raw: bytes, fields: set[str]) -> dict[str, str]:
        if request.headers.get("X-Api-Key") != API_KEY or request.content_type != _JSON:
            return {}
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return {}
        return body if isinstance(body, dict) and set(body) == fields else {}

    def _is_session(self, name: str, number: int) -> bool:
        return name == session(number, self._lines)

    def _refuse(self) -> web.Response:
        self._wrong += 1
        return web.Response(
            status=400, body=b'{"message":"not a request of this benchmark","statusCode":400}'
        )

    async def _counts(self, request: web.Request) -> web.Response:
        wanted = _range(request)
        counts = Counts(
            rejects=sum(number in self._rejects for number in wanted),
            texts=sum(number in self._texts for number in wanted),
        )
        return web.Response(body=orjson.dumps(counts), content_type=_JSON)

    async def _marks(self, request: web.Request) -> web.Response:
        wanted = _range(request)
        marks = Marks(
            rejects={number: at for number in wanted if (at := self._rejects.get(number))},
            answered={
                number: self._answered[number] for number in wanted if number in self._answered
            },
            texts={number: at for number in wanted if (at := self._texts.get(number))},
            wrong=self._wrong,
        )
        return web.Response(
            body=orjson.dumps(marks, option=orjson.OPT_NON_STR_KEYS), content_type=_JSON
        )


def _range(request: web.Request) -> range:
    first = int(request.query["first"])
    return range(first, first + int(request.query["calls"]))


if __name__ == "__main__":
    serve(sys.argv[1], Gateway(int(sys.argv[2])).app())
