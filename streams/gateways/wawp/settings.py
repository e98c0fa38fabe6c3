"""What the configuration says of Wawp."""

from __future__ import annotations

from typing import Literal

from streams.common.setting_fields import GatewaySecret
from streams.gateways.settings import GatewaySettings


class WawpSettings(GatewaySettings):
    """Wawp."""

    provider: Literal["wawp"]
    access_token: GatewaySecret
    signature_header: str = "X-Wawp-Signature"
    """Wawp signs with HMAC-SHA256 but names no header in its documentation: set it to what
    arrives."""
