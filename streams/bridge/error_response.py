"""The one shape of every error answer, for programs and for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
from aiohttp import web

JSON: Final = "application/json"

BODY_S: Final = 10.0
"""For a body to come: a half-sent one must not hold a connection for ever."""


def error(
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    *,
    field: str | None = None,
) -> web.Response:
    """An error's answer: ``code`` is for programs, ``detail`` says what is wrong and how to fix it.

    ``field`` names the request's field that is wrong, if one is.
    """
    place = {} if field is None else {"field": field}
    body = orjson.dumps({"error": code, **place, "detail": detail})
    return web.Response(status=status, body=body, content_type=JSON, headers=headers)
