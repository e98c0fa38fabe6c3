"""What the conformance suite is given of one gateway. All numbers are fictional."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from streams.gateways.reading import Ignored, Refused
from streams.gateways.registry import GATEWAYS
from streams.gateways.settings import GatewaySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One documented answer and what it means."""

    name: str
    status: int
    body: bytes
    meaning: str
    reason: str | None
    message_id: str | None = None


def answer(
    status: int,
    body: bytes,
    meaning: str,
    reason: str | None,
    name: str,
    message_id: str | None = None,
) -> Answer:
    """One documented answer, in a line."""
    return Answer(
        name=name,
        status=status,
        body=body,
        meaning=meaning,
        reason=reason,
        message_id=message_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySample:
    """One gateway's test data: ``SAMPLE`` of the module that is called as its ``provider`` is."""

    settings: GatewaySettings
    """With ``my-secret-key`` as its webhook secret."""
    vectors: Sequence[tuple[bytes, str]]
    """Bodies, and the signature that ``my-secret-key`` gives them, worked out elsewhere."""
    webhooks: Sequence[tuple[Mapping[str, Any], str | Ignored | Refused, Mapping[str, Any]]]
    """Documented bodies, what each says, and some of its fields.

    What it says is an event's ``type``, or the whole reading of one that is ignored or refused. The
    session that they name is ``default``; an offer is among them."""
    clock_ms: int | None = 1
    """How exact its webhooks' own times are: 1000 for whole seconds. None: they have none."""
    rejects: Sequence[Answer]
    texts: Sequence[Answer]
    blocks: Sequence[Answer] = ()
    """Empty where it does not block."""
    not_working: str
    """What it means for a reject that the session does not work."""


def samples() -> dict[str, GatewaySample]:
    """The sample of every gateway of the registry, by ``provider``; each must have one."""
    return {
        name: cast("GatewaySample", import_module(f"tests.support.gateways.{name}").SAMPLE)
        for name in GATEWAYS
    }
