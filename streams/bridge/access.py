"""Who may use the bridge's protected endpoints.

Bearer tokens by role, and limits for those who ask too often.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import ipaddress
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from streams.bridge.error_response import error
from streams.bridge.metrics import BridgeMetrics
from streams.bridge.token_bucket import TokenBucket
from streams.common.errors import ConfigurationError
from streams.common.setting_fields import Tokens
from streams.settings import Role

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ROLE_BURST: Final = 500
ROLE_PER_S: Final = 100.0
"""Requests of one role: 1,000 agents who say every 10 s that they are there. More would take the
webhooks' time."""

FAILED_BURST: Final = 10
FAILED_PER_S: Final = 1 / 6
"""Failed attempts of one peer: enough for a person with the wrong token, useless for guessing."""

_BEARER: Final = "bearer "


class Access:
    """Checks tokens. ``require`` wraps a handler of aiohttp.

    ``web.put("/x", access.require("crm")(handler))``.

    A right token is let in however many wrong ones came from the same address: behind a load
    balancer all have one, and whoever keeps presence away from us makes us reject calls.
    """

    def __init__(
        self,
        tokens: Mapping[Role, Tokens],
        metrics: BridgeMetrics,
        *,
        seconds: Callable[[], float] = time.monotonic,
        on_admitted: Callable[[web.Request], None] = lambda _request: None,
    ) -> None:
        """``seconds`` is a clock that never goes back.

        ``on_admitted`` is called with each request that has shown a right token.

        Raises ``ConfigurationError`` where a token is empty.
        """
        self._known: list[tuple[bytes, Role]] = []
        for role, secrets in tokens.items():
            for secret in secrets:
                token = secret.get_secret_value()
                if not token:
                    msg = (
                        f"bridge.tokens.{role} is empty: give it a token, "
                        "made with `openssl rand -hex 32`"
                    )
                    raise ConfigurationError(msg)
                self._known.append((_digest(token), role))
        self._metrics = metrics
        self._on_admitted = on_admitted
        self._requests = TokenBucket(burst=ROLE_BURST, per_s=ROLE_PER_S, seconds=seconds)
        self._failures = TokenBucket(burst=FAILED_BURST, per_s=FAILED_PER_S, seconds=seconds)

    def require(self, role: Role) -> Callable[[Handler], Handler]:
        """Let a handler see only requests with a token of this role.

        Others get 401, 403 or 429 with JSON.
        """

        def protect(handler: Handler) -> Handler:
            @functools.wraps(handler)
            async def protected(request: web.Request) -> web.StreamResponse:
                refusal = self.refusal(role, request.headers.get("Authorization"), request.remote)
                if refusal is not None:
                    return refusal
                self._on_admitted(request)
                return await handler(request)

            return protected

        return protect

    def refusal(
        self, role: Role, authorization: str | None, peer: str | None
    ) -> web.Response | None:
        """The answer to a request that may not be served, or None.

        Counts the request; does not block.
        """
        roles = self._roles(authorization)
        if role in roles:
            wait_s = self._requests.acquire(role)
            self._metrics.admitted(role, "limited" if wait_s else "admitted")
            return (
                _limited("too-many-requests", f"More than {ROLE_PER_S:.0f} requests/s.", wait_s)
                if wait_s
                else None
            )
        wait_s = self._failures.acquire(_network(peer))
        if wait_s:
            self._metrics.admitted(role, "blocked")
            return _limited(
                "too-many-attempts",
                "Too many requests from this address without a right token.",
                wait_s,
            )
        if roles:
            self._metrics.admitted(role, "forbidden")
            detail = (
                f"This token is for {' and '.join(sorted(roles))}; use one of bridge.tokens.{role}."
            )
            return error(403, "forbidden", detail)
        self._metrics.admitted(role, "unauthorized")
        fault = (
            "The header Authorization is missing"
            if authorization is None
            else "The token is not valid"
        )
        detail = (
            f"{fault}; send `Authorization: Bearer <token>` with a token of bridge.tokens.{role}."
        )
        return error(401, "unauthorized", detail, {"WWW-Authenticate": "Bearer"})

    def _roles(self, authorization: str | None) -> set[Role]:
        given = authorization or ""
        if given[: len(_BEARER)].lower() != _BEARER:
            return set()
        presented = _digest(given[len(_BEARER) :].strip())
        # all of them are compared, so that the time tells nothing of which, or how much of it, was
        # right
        fits = [(hmac.compare_digest(known, presented), role) for known, role in self._known]
        return {role for fit, role in fits if fit}


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _network(peer: str | None) -> str:
    """Whom to count attempts for: an IPv4 address, or the /64 that one IPv6 host has to itself."""
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:
        return peer or ""
    if address.version == 6:
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)


def _limited(code: str, fault: str, wait_s: float) -> web.Response:
    seconds = max(1, math.ceil(wait_s))
    return error(429, code, f"{fault} Try again in {seconds} s.", {"Retry-After": str(seconds)})
