"""What the configuration says of a WAHA server."""

from __future__ import annotations

from typing import Literal

from streams.common.setting_fields import GatewaySecret
from streams.gateways.settings import GatewaySettings


class WahaSettings(GatewaySettings):
    """A WAHA server."""

    provider: Literal["waha"]
    api_key: GatewaySecret
    signature_header: str = "X-Webhook-Hmac"
