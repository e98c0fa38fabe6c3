"""Types of configuration values that several sections share: secrets, tokens, base URLs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
)

SHORTEST_TOKEN: Final = 20
"""Characters. Whoever may guess does so 10 times and then once in 6 s: no token of this length is
found."""

_HOST: Final = re.compile(r"[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?\]")
"""A name or an IPv4 address, or an IPv6 address in brackets."""

WITHOUT_GATEWAY_SECRETS: Final = "without gateway secrets"
"""The validation context in which a gateway's secret may be missing: it is empty then."""

OFFLINE: Final = "offline"
"""The validation context of what reaches neither gateways nor a cluster: a secret or name that is
not there is ``UNREAD`` then."""

UNREAD: Final = "not-read"
"""Stands for what is not needed and not there."""


def _gateway_secret(value: object, info: ValidationInfo) -> object:
    try:
        return _read(value)
    except ValueError:
        if info.context in {WITHOUT_GATEWAY_SECRETS, OFFLINE} and _is_reference(value):
            return ""
        raise


def _secret(value: object, info: ValidationInfo) -> object:
    try:
        return _read(value)
    except ValueError:
        if info.context == OFFLINE and _is_reference(value):
            return UNREAD
        raise


def _name(value: object, info: ValidationInfo) -> object:
    return _secret(value, info) if _is_reference(value) else value


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("${", "file:"))


def _read(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.startswith("${") and value.endswith("}"):
        name = value[2:-1]
        found = os.environ.get(name, "").strip()
        if not found:
            msg = f"the environment variable {name} is not set; export it before the start"
            raise ValueError(msg)
        return found
    if value.startswith("file:"):
        path = Path(value.removeprefix("file:")).expanduser()
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as exc:
            msg = f"the secret file {path} cannot be read ({exc.strerror})"
            raise ValueError(msg) from None
        except UnicodeDecodeError:
            msg = f"the secret file {path} is no UTF-8 text"
            raise ValueError(msg) from None
        if not lines or not lines[0].strip():
            msg = f"the secret file {path} is empty"
            raise ValueError(msg)
        return lines[0].strip()
    msg = "a secret is written ${NAME} for an environment variable or file:PATH, never in the clear"
    raise ValueError(msg)


def _rotation(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


def _long_enough(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if secret and len(secret) < SHORTEST_TOKEN:
        msg = (
            f"a token has {SHORTEST_TOKEN} characters at least: "
            "make one with `openssl rand -hex 32`"
        )
        raise ValueError(msg)
    return value


def checked_bootstrap(value: str) -> str:
    """Kafka's bootstrap servers as every client of it wants them, without blanks.

    Raises ``ValueError`` that says the form. A part with an ``@`` is not quoted: it may hold a
    password.
    """
    servers = [each.strip() for each in value.split(",")]
    for server in servers:
        host, colon, port = server.rpartition(":")
        sound = (
            _HOST.fullmatch(host) and port.isascii() and port.isdigit() and 0 < int(port) < 65536
        )
        if not (colon and sound):
            what = "a part with an @" if "@" in server else repr(server)
            if "://" in server:
                wrong = f"{what} has a scheme in front, which Kafka's clients do not know"
            elif _HOST.fullmatch(server):
                wrong = f"{what} has no port (Kafka's usual one is 9092)"
            else:
                wrong = f"{what} is no HOST:PORT"
            msg = (
                f"{wrong}: brokers are written HOST:PORT, several with commas between, such as"
                " kafka-1.example:9092,kafka-2.example:9092"
            )
            raise ValueError(msg)
    return ",".join(servers)


def _base_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        msg = "a base URL is http:// or https:// with a host, such as http://127.0.0.1:3000"
        raise ValueError(msg)
    if "@" in parts.netloc or parts.query or parts.fragment:
        msg = "a base URL has no credentials, query or fragment; secrets have keys of their own"
        raise ValueError(msg)
    return value.rstrip("/")


Secret = Annotated[SecretStr, BeforeValidator(_secret)]
Name = Annotated[str, BeforeValidator(_name)]
"""In the clear, or a reference as of a secret: processes share a file then, and not a name."""
GatewaySecret = Annotated[SecretStr, BeforeValidator(_gateway_secret)]
Rotation = Annotated[
    tuple[GatewaySecret, ...], BeforeValidator(_rotation), Field(min_length=1, max_length=2)
]
"""One secret, or during a change two: the new one first, then the one that is still valid."""
Token = Annotated[GatewaySecret, AfterValidator(_long_enough)]
Tokens = Annotated[tuple[Token, ...], BeforeValidator(_rotation), Field(min_length=1, max_length=2)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
BootstrapServers = Annotated[str, AfterValidator(checked_bootstrap)]


class Section(BaseModel):
    """A part of the configuration file: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
