"""What the endpoints for facts have in common.

A JSON object in, Kafka's acknowledgement, a JSON object out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from models.policy import DAY_MS, parse_duration
from models.records import Record
from streams.bridge.error_response import BODY_S, JSON, error
from streams.bridge.publisher import Publisher, UnavailableError

MAX_BODY: Final = 65_536
"""Bytes of a fact; the largest honest one has under 5 kB."""

RETRY_AFTER: Final = {"Retry-After": "2"}

LONGEST_TTL_MS: Final = DAY_MS

_MOST: Final = 1_000_000
"""No agent has so many calls, and no bridge."""

EndpointHandler = Callable[[web.Request], Awaitable[web.Response]]


class FieldError(Exception):
    """A field of a request cannot be used; ``hint`` says why and how to fix it."""

    def __init__(self, *, field: str, hint: str) -> None:
        super().__init__(hint)
        self.field = field
        self.hint = hint


class AnswerError(Exception):
    """Ends a request with this answer."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__()
        self.answer = answer


def endpoint(handler: EndpointHandler) -> EndpointHandler:
    """Turn what a handler raises into answers: 400 with field and hint, 503 with Retry-After."""

    async def answered(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except FieldError as fault:
            return error(400, "invalid", f"{fault.field}: {fault.hint}", field=fault.field)
        except AnswerError as ending:
            return ending.answer
        except UnavailableError as exc:
            return not_now(f"Not recorded: {exc}. Send it again after 2 s.")

    return answered


def answer(value: Mapping[str, object], status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, body=orjson.dumps(value), content_type=JSON)


def not_now(why: str) -> web.Response:
    """503: the same request will do later."""
    return error(503, "unavailable", why, RETRY_AFTER)


def not_found(what: str) -> web.Response:
    """404 for a key of which nothing is known."""
    return error(404, "unknown", what)


async def body_of(request: web.Request) -> dict[str, Any]:
    """The request's JSON object, empty where there is no body; raises ``AnswerError``."""
    detail = f"The body is larger than {MAX_BODY} bytes; one fact is much smaller."
    if (request.content_length or 0) > MAX_BODY:
        raise AnswerError(error(413, "too-large", detail))
    try:
        async with asyncio.timeout(BODY_S):
            raw = await request.content.read(MAX_BODY + 1)
            while not request.content.at_eof() and len(raw) <= MAX_BODY:
                raw += await request.content.read(MAX_BODY + 1)
    except TimeoutError:
        raise AnswerError(
            error(408, "slow", f"The body did not come within {BODY_S:.0f} s.")
        ) from None
    except (web.RequestPayloadError, BadHttpMessage) as exc:
        detail = (
            f"The body could not be read ({type(exc).__name__}); "
            "check Content-Encoding and Content-Length."
        )
        raise AnswerError(error(400, "unreadable", detail)) from None
    if len(raw) > MAX_BODY:
        raise AnswerError(error(413, "too-large", detail))
    if not raw.strip():
        return {}
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise AnswerError(error(400, "not-json", f"The body is not JSON ({exc}).")) from None
    if not isinstance(value, dict):
        raise AnswerError(
            error(400, "not-json", 'The body must be a JSON object, such as {"status": "online"}.')
        )
    return value


def refuse_others(body: Mapping[str, object], *known: str) -> None:
    """Raise ``FieldError`` for a field that is not ``known``.

    A misspelt one must not be passed over.
    """
    for field in body:
        if field not in known:
            raise FieldError(
                field=field[:40], hint=f"is not a field here; there are {', '.join(known)}"
            )


def whole(body: Mapping[str, object], field: str, least: int = 0) -> int | None:
    """A whole number of a body, None where it is missing or null."""
    value = body.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
        raise FieldError(field=field, hint=f"must be a whole number from {least} to {_MOST}")
    return value


def lines_of(body: Mapping[str, object], known: frozenset[str]) -> tuple[str, ...] | None:
    """The lines of a body, None where they are missing; each must be configured, or ``*``."""
    value = body.get("lines")
    if value is None:
        return None
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise FieldError(
            field="lines", hint='must be a list of lines, such as ["london"], or ["*"] for all'
        )
    if set(value) - known - {"*"}:
        there = ", ".join(sorted(known)) or "none"
        raise FieldError(
            field="lines",
            hint=f"names a line that is not under lines in the configuration ({there})",
        )
    return tuple(dict.fromkeys(value))


def ttl_of(body: Mapping[str, object]) -> int | None:
    """The time to live of a body in ms, None where it is missing."""
    value = body.get("ttl")
    if value is None:
        return None
    try:
        ms = parse_duration(value) if isinstance(value, str) else None
    except ValueError:
        ms = None
    if not isinstance(ms, int) or not 0 < ms <= LONGEST_TTL_MS:
        raise FieldError(field="ttl", hint='must be a duration up to a day, such as "90s"')
    return ms


async def record(publisher: Publisher, *records: Record) -> None:
    """Write, and return once all is durable; raises ``UnavailableError``."""
    await publisher.deliver(list(records))
