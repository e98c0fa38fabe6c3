"""What the configuration says of a WAHA server."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.policy import Duration
from streams.common.setting_fields import GatewaySecret
from streams.gateways.settings import GatewaySettings


class WahaSettings(GatewaySettings):
    """A WAHA server."""

    provider: Literal["waha"]
    api_key: GatewaySecret
    timeout: Annotated[Duration, Field(le=60_000)] = 12_000
    """WAHA itself waits up to 10 s for a session to work (since 2025-02), and then answers."""
    signature_header: str = "X-Webhook-Hmac"
