"""How soon the WhatsApp Business app answers by itself: what comes then proves no person."""

from __future__ import annotations

from typing import Final

SKEW_MS: Final = 2_000
"""A message's time is in whole seconds and by the gateway's clock."""

AFTER_CALL_MS: Final = 20_000
"""The WhatsApp Business app answers by itself: with its greeting or away message to a chat in which
something happens, for instance our text. Nothing on such a message says so (``WAProto.proto`` has
no field for it; wa-js, issue 3229), but it comes within seconds, and people need longer."""


def is_within(at_ms: int, since_ms: int, longest_ms: int) -> bool:
    """Whether a message may be the app's answer to what happened at ``since_ms``."""
    return -SKEW_MS <= at_ms - since_ms <= longest_ms
