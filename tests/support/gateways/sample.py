"""What the conformance suite is given of one gateway. All numbers are fictional."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySample:
    """One gateway's test data; the suite asks the registry which gateways there are."""

    settings: GatewaySettings
    """With ``my-secret-key`` as its webhook secret."""
    vectors: Sequence[tuple[bytes, str]]
    """Bodies, and the signature that ``my-secret-key`` gives them, worked out elsewhere."""
    webhooks: Sequence[tuple[Mapping[str, Any], str, Mapping[str, Any]]]
    """Documented bodies, the type of what each says, and some of its fields."""
    rejects: Sequence[Answer]
    texts: Sequence[Answer]
    blocks: Sequence[Answer] = ()
    not_working: str
    """What it means for a reject that the session does not work."""
