"""Reads a gateway's answer, which may be JSON, XML, plain text or nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from streams.gateways.answer import GatewayAnswer

CALL_OVER = frozenset({400, 404, 409, 410})
"""Statuses by which a reject may say that the call is over (unless the body blames the request)."""

_SECONDS = re.compile(r"[0-9]{1,9}")


def parsed(body: bytes) -> Any:
    """The body as JSON, or None where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def words(body: bytes) -> str:
    """The start of the body's text in lower case, to search for a gateway's phrases."""
    return body[:4000].decode("utf-8", "replace").lower()


def retry_after_ms(headers: dict[str, str], now: datetime | None = None) -> int | None:
    """``Retry-After`` in ms: seconds or an HTTP date (RFC 9110, 10.2.3).

    None where it says nothing.
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return int(value) * 1000
    try:
        at = parsedate_to_datetime(value)
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
    if at.tzinfo is None:  # a zone of "-0000" is UTC of unknown origin
        at = at.replace(tzinfo=UTC)
    return max(0, round((at - (now or datetime.now(UTC))).total_seconds() * 1000))


def by_status(status: int, headers: dict[str, str]) -> GatewayAnswer:
    """What a status means where the body says nothing more special."""
    if status == 429:
        return GatewayAnswer(
            meaning="busy",
            status=status,
            reason="rate-limited",
            retry_after_ms=retry_after_ms(headers),
        )
    if status in {401, 403}:
        return GatewayAnswer(meaning="refused", status=status, reason="not-permitted")
    if status == 503:
        return GatewayAnswer(
            meaning="fault",
            status=status,
            reason="http-503",
            retry_after_ms=retry_after_ms(headers),
        )
    if status >= 500:
        return GatewayAnswer(meaning="fault", status=status, reason=f"http-{status}")
    return GatewayAnswer(meaning="refused", status=status, reason=f"http-{status}")
