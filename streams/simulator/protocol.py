"""A provider's part of the simulator: how it reads requests, words answers, writes webhooks.

Each provider's class is called as ``SimulatedWaha`` is, and stands in the module ``simulated`` of
its package in ``streams.gateways``. It is loaded by that name, so that no process but a simulator
ever loads it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import import_module
from typing import Any, Literal, Protocol, cast

import orjson

from streams.gateways.settings import GatewaySettings
from streams.settings import Settings
from streams.simulator.options import AnswerWhenOver, CallEventName, Retries
from streams.simulator.payloads import Payload
from streams.simulator.session_state import Call, Engine, Session, SimulatedMessage

Asked = Literal["reject", "text", "session", "block", "unblock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A well-formed request: what it names, and people by JID whatever the provider writes."""

    kind: Asked
    method: str
    path: str
    session: str | None
    """None: the request does not name it, as a reject by the call's id alone."""
    call_id: str = ""
    caller: str | None = None
    """Of a reject; None: the request does not name the caller."""
    chat: str = ""
    """Whom a text or a block is about."""
    text: str = ""
    message_key: str | None = None
    """The message id that the client chose, where the gateway takes one."""
    body: dict[str, Any] = field(default_factory=dict)
    """As received, without credentials."""
    violation: str | None = None
    """Something the documentation does not show, though the gateway lets it pass."""


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(
        cls, status: int, body: Any, headers: Mapping[str, str] | None = None
    ) -> SimulatedAnswer:
        """An answer whose body is this object."""
        return cls(status, orjson.dumps(body), headers=headers or {})


def proxy_page(status: int) -> SimulatedAnswer:
    """What a proxy before a gateway answers in its place, as nginx words it."""
    title = f"{status} {HTTPStatus(status).phrase}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return SimulatedAnswer(status, page.encode(), "text/html")


class RefusedError(Exception):
    """A request that the gateway turns down before it does anything; always a violation."""

    def __init__(
        self, answer: SimulatedAnswer, kind: str, violation: str, session: str | None = None
    ) -> None:
        super().__init__(violation)
        self.answer = answer
        self.kind = kind
        self.violation = violation
        self.session = session


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came over the wire."""

    method: str
    path: str
    """Below the gateway's base URL, without the query."""
    query: str
    headers: Mapping[str, str]
    body: bytes


class SimulatedGateway(Protocol):
    """How one configured gateway behaves. No method does IO or has state."""

    retries: Retries
    """How its webhooks are repeated."""
    numbers_only: bool = False
    """Whether it names people by phone number alone; nobody shows a LID there."""
    waits_for_session: bool
    """Whether it holds a request back until the session works, for a while."""

    def usual_engine(self, nth: int) -> Engine:
        """The engine of the provider's nth line in the configuration, from 0.

        Any of them where the provider has no engines.
        """

    def ended_mix(self, engine: Engine) -> Mapping[AnswerWhenOver, float]:
        """How a reject of a call that is over is answered, with shares."""

    def ignores_caller(self, session: Session) -> bool:
        """Whether a reject finds its call by the id alone, whatever caller it names."""

    def reports(self, call: Call, event: CallEventName, *, api: bool) -> bool:
        """Whether there is a webhook of this event. ``api``: it follows from our own reject."""

    def reports_outgoing(self, session: Session) -> bool:
        """Whether the line's own calls are reported like incoming ones."""

    def invents_events(self, session: Session) -> bool:
        """Whether a reject of a call that is over is echoed, and the engine fills chats itself."""

    def offer_events(self, call: Call) -> int:
        """How many events one call's offer makes."""

    def envelope(self, session: Session, event: str, payload: Payload, at_ms: int) -> Payload:
        """One webhook's body as an object, with an id of its own where the provider gives one.

        ``event`` is the simulator's name (``EventName``); a provider with other names writes its
        own.
        """

    def call_payload(
        self, call: Call, event: CallEventName, at_ms: int, *, api: bool = False
    ) -> Payload:
        """A call's event. ``api``: it follows from our own reject."""

    def message_payload(self, message: SimulatedMessage) -> Payload:
        """A message, the same for ``message`` and ``message.any``."""

    def status_payload(self, session: Session) -> Payload:
        """The session's state, which has just changed."""

    def webhook_headers(self, body: bytes, event_at_ms: int) -> dict[str, str]:
        """The headers of a webhook, its signature among them; every retry carries the same."""

    def read(self, received: Received) -> Ask:
        """Understand a request; raises ``RefusedError`` for one that the provider turns down."""

    def rejected(self, ask: Ask) -> SimulatedAnswer:
        """The reject was carried out."""

    def blocked(self, ask: Ask) -> SimulatedAnswer:
        """The contact was blocked, or unblocked."""

    def sent(self, ask: Ask, message: SimulatedMessage) -> SimulatedAnswer:
        """The text was sent."""

    def info(self, ask: Ask, session: Session) -> SimulatedAnswer:
        """The session's state."""

    def unknown_session(self, ask: Ask) -> SimulatedAnswer:
        """There is no such session, after the wait where the gateway waits for one."""

    def not_working(self, ask: Ask, session: Session, status: str) -> SimulatedAnswer:
        """The session is there and cannot act."""

    def call_not_found(self, ask: Ask, session: Session) -> SimulatedAnswer:
        """The engine says that there is no such call (any more)."""

    def call_error(self, ask: Ask, session: Session) -> SimulatedAnswer:
        """The engine says in another way that the call does not ring."""

    def engine_cannot(self, ask: Ask, session: Session) -> SimulatedAnswer | None:
        """The engine has no such function; None where the provider knows no such answer."""

    def unreachable(self, ask: Ask, session: Session) -> SimulatedAnswer | None:
        """The engine cannot write to this one person, and has sent nothing.

        None where the provider knows no such answer.
        """

    def failed(
        self, ask: Ask, session: Session | None, status: int, rng: random.Random
    ) -> SimulatedAnswer:
        """An error without a reason, as from a proxy or a bug."""

    def rate_limited(self, ask: Ask, retry_after_s: int) -> SimulatedAnswer:
        """429."""

    def reachout(self, ask: Ask, session: Session | None) -> SimulatedAnswer:
        """The text meets WhatsApp's reputation limit, error 463."""


def json_object(body: bytes, content_type: str) -> dict[str, Any] | str:
    """The body as an object, or what is wrong with it."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return "the content type is not application/json"
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "the body is not JSON"
    return data if isinstance(data, dict) else "the body is no JSON object"


def field_faults(
    data: Mapping[str, Any], required: Mapping[str, type], optional: Mapping[str, type]
) -> list[str]:
    """One sentence per missing, empty, mistyped or unknown field."""
    faults = [
        f"property {name} should not exist"
        for name in data
        if name not in required and name not in optional
    ]
    for name, kind in required.items():
        if data.get(name) is None or data[name] == "":
            faults.append(f"{name} should not be empty")
        elif not isinstance(data[name], kind):
            faults.append(f"{name} must be a {_WORDS[kind]}")
    faults += [
        f"{name} must be a {_WORDS[kind]}"
        for name, kind in optional.items()
        if data.get(name) is not None and not isinstance(data[name], kind)
    ]
    return faults


_WORDS: Mapping[type, str] = {str: "string", bool: "boolean value"}


def simulated(settings: GatewaySettings) -> SimulatedGateway:
    """The simulated part of a configured gateway."""
    module = import_module(f"streams.gateways.{settings.provider}.simulated")
    kind = getattr(module, f"Simulated{settings.provider.capitalize()}")
    return cast("SimulatedGateway", kind(settings))


def simulated_gateways(settings: Settings) -> dict[str, SimulatedGateway]:
    """The simulated part of every gateway of a configuration, by name."""
    return {name: simulated(gateway) for name, gateway in settings.gateways.items()}
