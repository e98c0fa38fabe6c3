"""Why a cluster does not take us in, in words that say what to do."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
from aiokafka.errors import (
    AuthenticationFailedError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from streams.kafka import diagnose
from streams.kafka.diagnose import refusal, why_not
from streams.settings import KafkaSettings


def free_port() -> int:
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        port: int = each.getsockname()[1]
        return port


async def test_a_port_where_nothing_listens_is_said() -> None:
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")
    found = await refusal(kafka)
    assert "nothing listens there" in found.why
    assert str(kafka.bootstrap_servers) in found.why
    assert not found.lasting
    assert await why_not(kafka) == found.why


async def test_a_server_that_closes_at_once_may_want_tls() -> None:
    async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await refusal(KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"))
    assert "look whether this port speaks PLAINTEXT" in found.why
    assert not found.lasting


async def test_a_server_that_is_silent_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "_ANSWER_MS", 50)
    gone = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await refusal(KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"))
        gone.set()
    assert "PLAINTEXT" in found.why
    assert not found.lasting


async def test_each_server_that_fails_otherwise_is_named() -> None:
    async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        where = f"127.0.0.1:{port},127.0.0.1:{free_port()}"
        found = await refusal(KafkaSettings(bootstrap_servers=where))
    assert "nothing listens there" in found.why
    assert "closes the connection" in found.why


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (ssl.SSLCertVerificationError("no"), "set kafka.ca_file right"),
        (ssl.SSLError("no"), "TLS fails"),
        (AuthenticationFailedError("no"), "refuses kafka.username or kafka.password"),
        (SaslAuthenticationFailed("no"), "refuses kafka.username or kafka.password"),
        (UnsupportedSaslMechanismError("no"), "does not offer kafka.sasl_mechanism"),
        (OSError("name or service not known"), "check kafka.bootstrap_servers"),
    ],
)
def test_an_error_is_explained_by_what_to_look_at(error: Exception, hint: str) -> None:
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "self-signed certificate"
    elif isinstance(error, ssl.SSLError):
        error.reason = "WRONG_VERSION_NUMBER"
    assert hint in diagnose._explain(KafkaSettings(bootstrap_servers="k:9"), error)
