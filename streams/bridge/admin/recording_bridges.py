"""``POST`` and ``GET /bridges/{id}/health``: which recording bridges can record a call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from aiohttp import web

from models import records
from models.presence import HEALTH_TTL_MS, BridgeHealth
from streams.bridge.admin.endpoint import (
    AnswerError,
    FieldError,
    answer,
    body_of,
    lines_of,
    not_found,
    not_now,
    record,
    refuse_others,
    ttl_of,
    whole,
)
from streams.bridge.publisher import Publisher
from streams.bridge.reference_follower import ReferenceFollower
from streams.common.clock import Clock
from streams.settings import RecordingBridgeSettings

SOURCE: Final = "/bridge/health"
_BRIDGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class RecordingDesk:
    """Reports of recording bridges, or of whoever watches them."""

    def __init__(
        self,
        known: ReferenceFollower,
        publisher: Publisher,
        lines: frozenset[str],
        configured: Mapping[str, RecordingBridgeSettings],
        clock: Clock,
    ) -> None:
        """``configured`` says of a bridge what its reports leave out."""
        self._known = known
        self._publisher = publisher
        self._lines = lines
        self._configured = configured
        self._clock = clock

    async def post(self, request: web.Request) -> web.Response:
        """Take a report; answered once it is durable."""
        bridge = _bridge(request)
        body = await body_of(request)
        self._require_known()
        now_ms = self._clock()
        health = self._reported(bridge, body, now_ms)
        await record(self._publisher, records.reference(health, SOURCE, now_ms))
        self._known.bridges.set(bridge, health)
        return _shown(health, now_ms)

    async def get(self, request: web.Request) -> web.Response:
        """What is known of a bridge now, and why it cannot record if it cannot."""
        bridge = _bridge(request)
        self._require_known()
        found = self._known.bridges.get(bridge)
        if found is None:
            return not_found("No recording bridge of this name was ever reported.")
        return _shown(found, self._clock())

    def _require_known(self) -> None:
        why = self._known.unready()
        if why is not None:
            raise AnswerError(not_now(f"Not yet: {why}. Send it again after 2 s."))

    def _reported(self, bridge: str, body: Mapping[str, Any], now_ms: int) -> BridgeHealth:
        refuse_others(body, "up", "lines", "active", "capacity", "detail", "ttl")
        up, detail = body.get("up"), body.get("detail", "")
        if not isinstance(up, bool):
            raise FieldError(field="up", hint="must be true or false")
        if not isinstance(detail, str) or len(detail) > 200:
            raise FieldError(field="detail", hint="must be a text of 200 characters at most")
        before, ours = self._known.bridges.get(bridge), self._configured.get(bridge)
        lines = lines_of(body, self._lines)
        if lines is None:
            found = ours or before
            if found is None:
                raise FieldError(
                    field="lines", hint='name the lines the bridge records, or ["*"] for all'
                )
            lines = found.lines
        capacity = whole(body, "capacity", 1)
        if capacity is None and "capacity" not in body:
            capacity = (
                before.capacity
                if before is not None
                else ours.capacity
                if ours is not None
                else None
            )
        ttl_ms = ttl_of(body)
        if ttl_ms is None:
            ttl_ms = (
                before.ttl_ms
                if before is not None
                else ours.ttl
                if ours is not None
                else HEALTH_TTL_MS
            )
        return BridgeHealth(
            bridge=bridge,
            up=up,
            lines=lines,
            active=whole(body, "active") or 0,
            capacity=capacity,
            detail=detail,
            at_ms=now_ms,
            ttl_ms=ttl_ms,
        )


def _shown(health: BridgeHealth, now_ms: int) -> web.Response:
    return answer(asdict(health) | {"fault": health.fault(now_ms), "age_ms": now_ms - health.at_ms})


def _bridge(request: web.Request) -> str:
    bridge = request.match_info["bridge"]
    if not _BRIDGE.fullmatch(bridge):
        raise FieldError(
            field="bridge", hint="must be 1 to 100 letters, digits and . _ -, such as sbc-1"
        )
    return bridge
