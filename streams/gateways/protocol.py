"""The seam between the sinks and a gateway: build a request, read its answer. Pure.

A provider is one module with one class that has these methods; ``GatewayClient`` does the IO.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from models.commands import BlockCaller, RejectCall, SendText, UnblockCaller
from streams.gateways.answer import GatewayAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, relative to the gateway's base URL.

    ``body`` is sent as these very bytes.
    """

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    """Body and headers may hold a key: never printed."""


class Provider(Protocol):
    """How one provider is spoken to. Pure; never raises for anything a gateway may answer."""

    idle_s: float
    """How long an idle connection may be reused: less than the server keeps it open."""

    def reject(self, command: RejectCall) -> Request:
        """The request that rejects the call; ``from`` verbatim as the gateway gave it."""

    def text(self, command: SendText, text: str) -> Request:
        """The request that sends the caller one text."""

    def message_id(self, command: SendText) -> str | None:
        """The id that the gateway is asked to give the text, by which it is found again.

        None where it takes none.
        """

    def block(self, command: BlockCaller | UnblockCaller) -> Request | None:
        """The request that blocks the contact or takes that back.

        None where the gateway is not known to offer it.
        """

    def health(self, session: str) -> Request:
        """A harmless request that keeps a connection warm and tells whether the session works."""

    def read_reject(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """What the answer to a reject means."""

    def read_block(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """What the answer to a block, or to its end, means."""

    def read_text(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """What the answer to a text means."""
