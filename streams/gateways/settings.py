"""What the configuration says of every gateway, whatever its provider."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.policy import Duration
from streams.common.setting_fields import BaseUrl, Rotation, Section


class GatewaySettings(Section):
    """One gateway; each provider's class adds its credentials and its signature's header."""

    provider: str
    """The provider's name in ``registry.GATEWAYS``; a ``Literal`` in each provider's class."""
    base_url: BaseUrl
    webhook_secret: Rotation
    """Two while it is being changed: what is signed with either is believed."""
    timeout: Annotated[Duration, Field(le=60_000)] = 6_000
    """Of one HTTP request, in milliseconds; longer than the provider may take to answer."""
    max_connections: Annotated[int, Field(ge=1, le=1000)] = 32
    """Requests under way at once; one session of several gets three quarters of them at most."""
    signature_header: str
    """The webhook's header that carries the signature."""
