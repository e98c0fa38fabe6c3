"""Every gateway that Ringfence knows, by the ``provider`` of its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from streams.gateways.protocol import Capabilities, Gateway
from streams.gateways.settings import GatewaySettings
from streams.gateways.waha import WAHA
from streams.gateways.wawp import WAWP

GATEWAYS: Final[Mapping[str, Gateway[Any]]] = {
    "waha": WAHA,
    "wawp": WAWP,
}


def gateway_of(settings: GatewaySettings) -> Gateway[Any]:
    """The provider of a configured gateway; raises ``KeyError`` for one that is not registered."""
    return GATEWAYS[settings.provider]


def capability_table() -> str:
    """What each gateway can do, as a Markdown table that ends with a newline."""
    gateways = GATEWAYS.values()
    rows = [
        ["capability", "it", *(gateway.title for gateway in gateways)],
        ["---"] * (len(GATEWAYS) + 2),
        ["`provider`", "is written so in the configuration", *(f"`{name}`" for name in GATEWAYS)],
        [
            "`digest`",
            "signs its webhooks with",
            *(f"HMAC-{gateway.digest.upper()}" for gateway in gateways),
        ],
    ]
    for each in fields(Capabilities):
        answers = (
            "yes" if getattr(gateway.capabilities, each.name) else "no" for gateway in gateways
        )
        rows.append([f"`{each.name}`", each.metadata["means"], *answers])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
