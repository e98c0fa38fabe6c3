"""The fake gateway: a WAHA that takes only what WAHA documents, records all of it, and answers as
the test says.

Where calls, webhooks and the gateway's own state matter, tests use the product's simulator.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from tests.support.http_server import serving

API_KEY = "the-api-key"
SESSION = "default"
_SESSION_PATH: Final = re.compile(r"/api/sessions/(?P<session>[^/]+)")
_REJECT_PATH: Final = re.compile(r"/api/(?P<session>[^/]+)/calls/reject")

Answer = tuple[int, Any, Mapping[str, str]]
"""Status, JSON body, headers."""


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


async def _nothing() -> None:
    pass


@dataclass(slots=True)
class FakeGateway:
    """Its record, and how it answers; ``open_gateway`` runs one."""

    url: str = ""
    rejects: list[Reject] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """What WAHA does not document."""
    answering_texts: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set, texts are received and recorded, and wait for their answer."""
    text_answers: list[Answer] = field(default_factory=list)
    """What to answer to the next texts; 201 when there is nothing."""
    silent_texts: int = 0
    """So many of the next texts get no answer."""
    at_text: Callable[[], Awaitable[None]] = _nothing
    """Called when a text has been recorded, before it is answered."""
    answering_rejects: asyncio.Event = field(default_factory=asyncio.Event)
    """The same for rejects."""
    every_third_reject_takes_s: float = 0.0
    """From its receipt to its answer; the others are answered at once."""

    def __post_init__(self) -> None:
        """Requests are answered until the test says otherwise."""
        self.answering_texts.set()
        self.answering_rejects.set()

    @property
    def texts_by_chat(self) -> Counter[str]:
        """How many texts each chat got."""
        return Counter(text.chat for text in self.texts)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if request.headers.get("X-Api-Key") != API_KEY:
            self.violations.append(f"{request.path} without the key")
        asked = (request.method, request.path)
        if request.method == "GET" and (found := _SESSION_PATH.fullmatch(request.path)):
            self._check_session(found["session"])
            return web.json_response({"name": found["session"], "status": "WORKING"})
        if request.method == "POST" and (found := _REJECT_PATH.fullmatch(request.path)):
            return await self._reject(found["session"], await request.json())
        if asked == ("POST", "/api/sendText"):
            return await self._text(await request.json())
        self.violations.append(f"{request.method} {request.path}")
        return web.Response(status=404)

    async def _reject(self, session: str, body: dict[str, str]) -> web.Response:
        self._check_session(session)
        self._check_fields("reject", body, {"from", "id"})
        self.rejects.append(Reject(session, body["id"], body["from"]))
        if len(self.rejects) % 3 == 0:
            await asyncio.sleep(self.every_third_reject_takes_s)
        await self.answering_rejects.wait()
        return web.Response(status=201)

    async def _text(self, body: dict[str, str]) -> web.Response:
        self._check_session(body["session"])
        self._check_fields("text", body, {"session", "chatId", "text", "id"})
        self.texts.append(Text(body["session"], body["chatId"], body["text"], body.get("id", "")))
        await self.at_text()
        if self.silent_texts:
            self.silent_texts -= 1
            await asyncio.Event().wait()
        await self.answering_texts.wait()
        if self.text_answers:
            status, answer, headers = self.text_answers.pop(0)
            return web.json_response(answer, status=status, headers=headers)
        return web.json_response({"id": f"true_{body['chatId']}_{body['id']}"}, status=201)

    def _check_session(self, session: str) -> None:
        if session != SESSION:
            self.violations.append(f"the session {session!r} is not here")

    def _check_fields(self, what: str, body: dict[str, str], documented: set[str]) -> None:
        if set(body) != documented:
            self.violations.append(f"a {what} with the fields {sorted(body)}")


@asynccontextmanager
async def open_gateway() -> AsyncIterator[FakeGateway]:
    """A gateway that listens on loopback until the block ends."""
    gateway = FakeGateway()
    async with serving(gateway.serve) as gateway.url:
        yield gateway
