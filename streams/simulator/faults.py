"""Faults that can be dialled in: which, where, how often."""

from __future__ import annotations

import random
from dataclasses import field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

RequestFault = Literal[
    "latency",
    "status",
    "rate_limited",
    "hang",
    "drop",
    "half_answer",
    "reachout",
    "session_down",
    "engine_cannot",
    "unreachable",
]
"""
``latency``       the answer takes longer: ``delay_ms``, or lognormal around it with ``sigma``
``status``        an error of the number ``status``: in the gateway's own shape, or a proxy's page
                  where the gateway never gives that number
``rate_limited``  429 with ``Retry-After`` of ``retry_after_s``
``hang``          no answer until the client gives up (``delay_ms`` at most, where it is set)
``drop``          the connection is closed without an answer
``half_answer``   the answer breaks off in the middle
``reachout``      a text meets WhatsApp's reputation limit: 500 with "server returned error 463"
``session_down``  the session is not WORKING, for this request: said after the gateway's wait
``engine_cannot`` the engine has no such function
``unreachable``   a text meets a person whom the engine cannot reach, and is not sent
"""

WebhookFault = Literal["webhook_twice", "webhook_late", "webhook_disorder"]
"""
``webhook_twice``     the event is delivered again within a second, with the same event id
``webhook_late``      the first delivery comes ``delay_ms`` late
``webhook_disorder``  an offer's webhook is held back until the call's end was delivered
"""

Operation = Literal["reject", "text", "block", "unblock", "session", "webhook"]


@checked(slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class GatewayFault:
    """One dial. It applies with ``probability``, and ``count`` times at most where that is set."""

    kind: RequestFault | WebhookFault
    gateway: str = "*"
    operation: Operation | Literal["*"] = "*"
    """``*`` is rejects and texts for a request's fault. A webhook's fault needs none."""
    event: str = "*"
    """A webhook's fault: only for this event."""
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    count: Annotated[int, Field(ge=1)] | None = None
    acts: bool = False
    """Whether the gateway does what was asked before the fault: ``status``, ``hang``, ``drop``,
    ``half_answer`` (a half answer looks the same to the client either way)."""
    status: Annotated[int, Field(ge=400, le=599)] = 500
    delay_ms: Annotated[int, Field(ge=0)] | None = None
    sigma: Annotated[float, Field(ge=0, le=5)] = 0.0
    """Of a lognormal latency whose median is ``delay_ms``; 0 is a fixed one."""
    retry_after_s: Annotated[int, Field(ge=0)] = 1
    applied: int = field(default=0, init=False)
    """How often it has been applied."""

    @property
    def spent(self) -> bool:
        """Whether its count is used up."""
        return self.count is not None and self.applied >= self.count

    def delay_s(self, rng: random.Random) -> float:
        """Seconds to wait, drawn anew each time."""
        median = (self.delay_ms or 0) / 1000
        return median * rng.lognormvariate(0, self.sigma) if self.sigma else median


class FaultBoard:
    """All dials of a simulator, asked for each request and each webhook."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._faults: list[GatewayFault] = []

    @property
    def faults(self) -> tuple[GatewayFault, ...]:
        """What is dialled in and not used up."""
        return tuple(fault for fault in self._faults if not fault.spent)

    def set(self, *faults: GatewayFault) -> None:
        """Replace every dial; none at all makes the gateways sound again."""
        self._faults = list(faults)

    def add(self, *faults: GatewayFault) -> None:
        """Turn on more dials."""
        self._faults += faults

    def for_request(self, gateway: str, operation: Operation) -> tuple[float, GatewayFault | None]:
        """Seconds of latency, and the fault (the first dialled wins) for one request."""
        delay, chosen = 0.0, None
        for fault in self._faults:
            if fault.kind.startswith("webhook_") or not _covers(fault, gateway, operation):
                continue
            if fault.kind in {"reachout", "unreachable"} and operation != "text":
                continue
            if fault.kind == "latency":
                if self._strikes(fault):
                    delay += fault.delay_s(self._rng)
            elif chosen is None and self._strikes(fault):
                chosen = fault
        return delay, chosen

    def for_webhook(self, gateway: str, event: str) -> dict[str, GatewayFault]:
        """``webhook_twice`` and ``webhook_late`` for one webhook, by kind."""
        found: dict[str, GatewayFault] = {}
        for fault in self._faults:
            if (
                fault.kind in {"webhook_twice", "webhook_late"}
                and fault.gateway in {"*", gateway}
                and fault.event in {"*", event}
                and fault.kind not in found
                and self._strikes(fault)
            ):
                found[fault.kind] = fault
        return found

    def holds_offer(self, gateway: str) -> bool:
        """Whether this offer's webhook is held back (``webhook_disorder``)."""
        return any(
            fault.kind == "webhook_disorder"
            and fault.gateway in {"*", gateway}
            and self._strikes(fault)
            for fault in self._faults
        )

    def _strikes(self, fault: GatewayFault) -> bool:
        if fault.spent or (fault.probability < 1 and self._rng.random() >= fault.probability):
            return False
        fault.applied += 1
        return True


def _covers(fault: GatewayFault, gateway: str, operation: Operation) -> bool:
    wanted = {"reject", "text"} if fault.operation == "*" else {fault.operation}
    return fault.gateway in {"*", gateway} and operation in wanted
