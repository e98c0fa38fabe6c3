"""A WAHA that takes only what WAHA documents, records all of it, and answers when it is told to."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Self

from aiohttp import web

API_KEY = "the-api-key"
SESSION = "default"


@dataclass(frozen=True, slots=True)
class Reject:
    """One reject request, as it came."""

    session: str
    call_id: str
    caller: str


@dataclass(frozen=True, slots=True)
class Text:
    """One text request, as it came."""

    session: str
    chat: str
    text: str
    id: str
    """The one that the text was to have."""


class Gateway:
    """``async with Gateway() as gateway``: listens on loopback until the block ends."""

    def __init__(self) -> None:
        self.rejects: list[Reject] = []
        self.texts: list[Text] = []
        self.violations: list[str] = []
        self.answering_texts = asyncio.Event()
        """While it is not set, texts are received and recorded, and wait for their answer."""
        self.answering_texts.set()
        self.every_third_reject_takes_s = 0.0
        """From its receipt to its answer; the others are answered at once."""
        self.url = ""
        app = web.Application()
        app.add_routes(
            [
                web.get("/api/sessions/{session}", self._session),
                web.post("/api/{session}/calls/reject", self._reject),
                web.post("/api/sendText", self._text),
            ]
        )
        # a client that dies ends its handler
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True
        )

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    @property
    def texts_by_chat(self) -> Counter[str]:
        """How many texts each chat got."""
        return Counter(text.chat for text in self.texts)

    async def _session(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.json_response({"name": request.match_info["session"], "status": "WORKING"})

    async def _reject(self, request: web.Request) -> web.Response:
        self._check(request)
        body = await request.json()
        if set(body) != {"from", "id"}:
            self.violations.append(f"a reject with the fields {sorted(body)}")
        self.rejects.append(Reject(request.match_info["session"], body["id"], body["from"]))
        if len(self.rejects) % 3 == 0:
            await asyncio.sleep(self.every_third_reject_takes_s)
        return web.Response(status=201)

    async def _text(self, request: web.Request) -> web.Response:
        self._check(request)
        body = await request.json()
        if set(body) != {"session", "chatId", "text", "id"}:
            self.violations.append(f"a text with the fields {sorted(body)}")
        self.texts.append(Text(body["session"], body["chatId"], body["text"], body.get("id", "")))
        await self.answering_texts.wait()
        return web.json_response({"id": f"true_{body['chatId']}_{body['id']}"}, status=201)

    def _check(self, request: web.Request) -> None:
        if request.headers.get("X-Api-Key") != API_KEY:
            self.violations.append(f"{request.path} without the key")
        session = request.match_info.get("session", SESSION)
        if session != SESSION:
            self.violations.append(f"the session {session!r} is not here")
