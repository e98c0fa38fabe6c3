"""The claim: what the text sink stores of the last text to each caller of each line.

It is durable before the text is sent, so that no text is sent twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import orjson

from models.codec import decode
from streams.sink.context import Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One text to one caller of one line."""

    command_id: str
    claimed_at_ms: int
    ended: Ended | None = None
    """None: claimed, and what came of it is not known."""

    @property
    def may_have_told(self) -> bool:
        """Whether the caller may have got this text; the cool-down counts from it then."""
        return self.ended is None or self.ended.result in {"accepted", "unknown"}

    def forbids_another(self, now_ms: int, cooldown_ms: int) -> bool:
        """Whether the caller may have got this text inside the cool-down."""
        return self.may_have_told and now_ms - self.claimed_at_ms < cooldown_ms


Standing = Literal["free", "repeat", "interrupted", "cooling"]


def standing(claim: Claim | None, command_id: str, now_ms: int, cooldown_ms: int) -> Standing:
    """Where a text command stands.

    ``free``         it may be claimed and sent
    ``repeat``       it was done before: publish the same result again, send nothing
    ``interrupted``  it was claimed, and no result was remembered: whether it was sent is unknown
    ``cooling``      the caller may have got another text inside the cool-down
    """
    if claim is None:
        return "free"
    if claim.command_id == command_id:
        return "interrupted" if claim.ended is None else "repeat"
    if claim.forbids_another(now_ms, cooldown_ms):
        return "cooling"
    return "free"


def dump(claim: Claim) -> bytes:
    """The table's bytes."""
    return orjson.dumps(claim)


def load(raw: bytes) -> Claim:
    """The inverse of ``dump``; what a newer version added is passed over.

    Raises ``UndecodableError`` for another form.
    """
    claim: Claim = decode(Claim, raw)
    return claim
