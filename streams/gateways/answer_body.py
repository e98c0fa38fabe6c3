"""Reads a gateway's answer, which may be JSON, XML, plain text, a proxy's page or nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson

from streams.gateways.answer import GatewayAnswer

_SECONDS = re.compile(r"[0-9]{1,9}")

_CALL_OVER: Final = re.compile(
    r"\bcall \S{1,200} (not found|is not incoming ring)\b|\bcall_is_not_incoming_ring\b"
)
"""What wa-js throws for a call that does not ring any more (its ``call/functions/reject.ts``)."""

_RECIPIENT: Final = re.compile(
    r"\bno lid found for \S{1,200} from server\b"  # whatsmeow: waha#1714, #2094, #2214
    r"|\blid is missing in chat table\b"  # WhatsApp Web: waha#1824, #1905
    r"|\bno lid for user\b"  # WhatsApp Web: waha#1881
    r"|\bexists\W{1,4}false\b"  # Baileys' look-up of a number
    r"|\bis not (?:registered )?on whatsapp\b"
)
"""What the engines throw, before they send anything, where one recipient cannot be reached."""

UNRECOGNISED: Final = "answer-not-recognised"
"""The reason where a success status came with a body that the provider does not send: a log-in page
of a proxy, for example."""

RECIPIENT_UNREACHABLE: Final = "recipient-unreachable"
"""The reason where the gateway works and cannot reach this one person."""


def parsed(body: bytes) -> Any:
    """The body as JSON, or None where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def words(body: bytes) -> str:
    """The start of the body's text in lower case, to search for a gateway's phrases."""
    return body[:4000].decode("utf-8", "replace").lower()


def says_call_over(said: str) -> bool:
    """Whether an engine's words, in lower case, say that the call does not ring any more."""
    return _CALL_OVER.search(said) is not None


def blames_recipient(said: str) -> bool:
    """Whether an engine's words, in lower case, say that this one recipient cannot be reached."""
    return _RECIPIENT.search(said) is not None


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


def not_its_own(status: int, headers: dict[str, str]) -> GatewayAnswer:
    """What an answer means that is not in the provider's own form.

    Something between us and the gateway wrote it, or the gateway is failing: whether it acted is
    not known. Only 429 means the same from everybody (RFC 6585).
    """
    if status == 429:
        return GatewayAnswer(
            meaning="busy",
            status=status,
            reason="rate-limited",
            retry_after_ms=retry_after_ms(headers),
        )
    return GatewayAnswer(
        meaning="fault",
        status=status,
        reason=UNRECOGNISED if 200 <= status < 300 else f"http-{status}",
        retry_after_ms=retry_after_ms(headers) if status == 503 else None,
        by_gateway=False,
    )


def by_status(status: int, headers: dict[str, str]) -> GatewayAnswer:
    """What the status of the provider's own error means where its words say nothing special."""
    if status in {401, 403}:
        return GatewayAnswer(meaning="refused", status=status, reason="not-permitted")
    if 400 <= status < 500 and status != 429:
        return GatewayAnswer(meaning="refused", status=status, reason=f"http-{status}")
    return replace(not_its_own(status, headers), by_gateway=True)
