"""``POST`` and ``GET /presence/{agent}``: which human agents can take a call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final, cast, get_args

from aiohttp import web

from models import records
from models.presence import AgentStatus, Presence
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
from streams.bridge.error_response import error
from streams.bridge.publisher import Publisher
from streams.bridge.reference_follower import ReferenceFollower
from streams.common.clock import Clock

SOURCE: Final = "/bridge/presence"
STATUSES: Final = get_args(AgentStatus)
_AGENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")


class PresenceDesk:
    """Reports of agents' clients.

    A status, what they can take, or only that they are still there.
    """

    def __init__(
        self, known: ReferenceFollower, publisher: Publisher, lines: frozenset[str], clock: Clock
    ) -> None:
        self._known = known
        self._publisher = publisher
        self._lines = lines
        self._clock = clock

    async def post(self, request: web.Request) -> web.Response:
        """Take a report; answered once it is durable. What it leaves out stays as it was."""
        agent = _agent(request)
        body = await body_of(request)
        self._require_known()
        now_ms = self._clock()
        said = reported(agent, self._known.desk.get(agent), body, self._lines, now_ms)
        # known at once: a heartbeat right after a logout must not bring the agent back
        self._known.desk.set(agent, said)
        merged = self._known.desk.get(agent) or said
        await record(self._publisher, records.reference(merged, SOURCE, now_ms))
        return self._shown(merged, now_ms)

    async def get(self, request: web.Request) -> web.Response:
        """What is known of an agent now."""
        agent = _agent(request)
        self._require_known()
        found = self._known.desk.get(agent)
        return (
            not_found("No agent of this name was ever reported.")
            if found is None
            else self._shown(found, self._clock())
        )

    def _require_known(self) -> None:
        why = self._known.unready()
        if why is not None:
            raise AnswerError(not_now(f"Not yet: {why}. Send it again after 2 s."))

    def _shown(self, presence: Presence, now_ms: int) -> web.Response:
        alive = {"alive": presence.alive(now_ms), "free": presence.free(now_ms)}
        return answer(asdict(presence) | alive | {"age_ms": now_ms - presence.heartbeat_at_ms})


def reported(
    agent: str, known: Presence | None, body: Mapping[str, Any], lines: frozenset[str], now_ms: int
) -> Presence:
    """The agent's record after a report.

    Raises ``FieldError`` for what cannot be used, ``AnswerError`` (409) for a heartbeat of an agent
    who never said a status. A heartbeat does not change the status: who logged out stays so.
    """
    refuse_others(body, "status", "lines", "capacity", "active_calls", "ttl")
    status = body.get("status")
    if status is not None and status not in STATUSES:
        raise FieldError(field="status", hint=f"must be one of {', '.join(STATUSES)}")
    taken, capacity, active = (
        lines_of(body, lines),
        whole(body, "capacity"),
        whole(body, "active_calls"),
    )
    ttl_ms = ttl_of(body)
    if known is None:
        if status is None:
            detail = (
                "Nothing is known of this agent: say a status first, "
                'such as {"status": "online", "lines": ["*"]}.'
            )
            raise AnswerError(error(409, "no-status", detail))
        if taken is None and status != "offline":
            raise FieldError(
                field="lines", hint='name the lines the agent takes calls of, or ["*"] for all'
            )
        known = Presence(
            agent=agent, status="offline", lines=taken or (), status_at_ms=0, heartbeat_at_ms=now_ms
        )
    if status is not None:
        # later than what it replaces, even where another bridge's clock runs ahead
        at_ms = max(now_ms, known.status_at_ms + 1)
        known = replace(known, status=cast("AgentStatus", status), status_at_ms=at_ms)
    return replace(
        known,
        lines=known.lines if taken is None else taken,
        capacity=known.capacity if capacity is None else capacity,
        active_calls=known.active_calls if active is None else active,
        ttl_ms=known.ttl_ms if ttl_ms is None else ttl_ms,
        heartbeat_at_ms=now_ms,
    )


def _agent(request: web.Request) -> str:
    agent = request.match_info["agent"]
    if not _AGENT.fullmatch(agent):
        raise FieldError(
            field="agent",
            hint="must be 1 to 100 letters, digits and . _ @ + -, such as anna@example.com",
        )
    return agent
