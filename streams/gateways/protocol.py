"""What a gateway is to the rest of Ringfence: capabilities, settings, webhooks in, requests out.

A provider is one package that builds one ``Gateway`` of these parts, and one line in ``registry``.
Its part of the simulator is in its module ``simulated``; see ``streams.simulator.protocol``.
Nothing here does IO: ``client`` sends the requests, the bridge receives the webhooks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

from models.commands import BlockCaller, RejectCall, SendText, UnblockCaller
from streams.gateways.answer import GatewayAnswer
from streams.gateways.reading import LinePlace, WebhookEvent
from streams.gateways.settings import GatewaySettings

SettingsT = TypeVar("SettingsT", bound=GatewaySettings)

Digest = Literal["sha256", "sha512"]

Health = Literal["works", "session-down", "away"]
"""
``works``         the gateway answers, and nothing says that the session cannot act
``session-down``  the gateway answers, and says that the session is not connected
``away``          what came is not the gateway's answer
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider can do, as its documentation says. Each has its sentence in the documents."""

    rejects_one_call: bool = field(metadata={"means": "rejects one call, by its id"})
    reports_ends: bool = field(metadata={"means": "reports that a call stopped ringing"})
    reports_answers: bool = field(metadata={"means": "reports that somebody picked up"})
    tells_by_hand: bool = field(
        metadata={"means": "reports texts that somebody of the line wrote on the phone, as such"}
    )
    takes_message_id: bool = field(metadata={"means": "lets the sender choose a text's id"})
    blocks: bool = field(metadata={"means": "blocks a contact, and unblocks it"})


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


class Requests(Protocol):
    """Commands to requests, and answers to their meaning, for one configured gateway.

    No method does IO, and none raises for anything that a gateway may answer.
    """

    idle_s: float
    """How long an idle connection may be reused: less than the server keeps it open."""

    def reject(self, command: RejectCall) -> Request:
        """The request that rejects the call; ``caller_raw`` goes back as the gateway gave it.

        Where the provider writes phone numbers instead of JIDs, ``read_webhook`` makes the JID, and
        the requests undo that.
        """

    def text(self, command: SendText, text: str) -> Request:
        """The request that sends the caller one text."""

    def message_id(self, command: SendText) -> str | None:
        """The id that the gateway is asked to give the text, by which it is found again.

        None where it takes none.
        """

    def block(self, command: BlockCaller | UnblockCaller) -> Request | None:
        """The request that blocks the contact, or unblocks it.

        None where the gateway is not known to offer it.
        """

    def health(self, session: str) -> Request:
        """A harmless request that keeps a connection warm and tells whether the session works."""

    def read_health(self, status: int, body: bytes) -> Health:
        """What the answer to a health request means."""

    def read_reject(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """What the answer to a reject means."""

    def read_block(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """What the answer to a block or an unblock means."""

    def read_text(self, status: int, body: bytes, headers: dict[str, str]) -> GatewayAnswer:
        """What the answer to a text means."""


class ReadWebhook(Protocol):
    """Reads the body of a webhook whose signature is right."""

    def __call__(
        self, body: bytes, places: Mapping[str, LinePlace], received_at_ms: int
    ) -> list[WebhookEvent]:
        """The body's events in order; ``places`` are the gateway's lines by webhook session.

        Never raises: whatever is wrong is returned as ``Refused``, a body that is no JSON too.
        Repeatable, without IO.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway(Generic[SettingsT]):
    """One provider."""

    title: str
    """Its name for people."""
    capabilities: Capabilities
    settings: type[SettingsT]
    digest: Digest
    """The HMAC of the webhook's raw body, hexadecimal, in the settings' ``signature_header``."""
    read_webhook: ReadWebhook
    requests: Callable[[SettingsT], Requests]
