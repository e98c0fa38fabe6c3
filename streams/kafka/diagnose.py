"""Why a cluster does not take us in.

Aiokafka logs the cause and raises only that it could not connect.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from typing import Final

from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from streams.faust_driver.client_internals import exchange
from streams.kafka.connection import connection
from streams.settings import KafkaSettings

_ANSWER_MS: Final = 5_000


_LASTING: Final = (
    ssl.SSLCertVerificationError,
    AuthenticationFailedError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
"""What a broker that runs says to a configuration that is wrong; everything else may be a broker
that starts."""


@dataclass(frozen=True, slots=True)
class ConnectionRefusal:
    """Why a cluster does not take us in."""

    why: str
    """For people, with how to repair it."""
    lasting: bool
    """Waiting will not help."""


async def why_not(kafka: KafkaSettings) -> str:
    """The sentence of ``refusal``."""
    return (await refusal(kafka)).why


async def refusal(kafka: KafkaSettings) -> ConnectionRefusal:
    """Connect once more to each bootstrap server, and say why that fails.

    Takes some seconds for each at most; never raises for what a network or a cluster can do.
    """
    where = kafka.bootstrap_servers or ""
    options = connection(kafka)
    del options["bootstrap_servers"]
    # what is said here is said in our own words
    chatter = logging.getLogger("aiokafka")
    level = chatter.level
    chatter.setLevel(logging.CRITICAL)
    try:
        found = {await _refusal_at(kafka, server, options) for server in where.split(",")}
    finally:
        chatter.setLevel(level)
    whys = sorted({each.why for each in found})
    return ConnectionRefusal(
        f"Kafka at {where} does not take us in: {'; '.join(whys)}",
        any(each.lasting for each in found),
    )


async def _refusal_at(
    kafka: KafkaSettings, server: str, options: dict[str, object]
) -> ConnectionRefusal:
    host, _, port = server.strip().rpartition(":")
    try:
        async with asyncio.timeout(_ANSWER_MS / 1000):
            await exchange(host.strip("[]"), int(port), _ANSWER_MS, **options)
    except (KafkaError, OSError, TimeoutError, ValueError) as exc:
        return ConnectionRefusal(_explain(kafka, exc), isinstance(exc, _LASTING))
    return ConnectionRefusal("it did a moment ago, and does now; try again", lasting=False)


def _explain(kafka: KafkaSettings, exc: BaseException) -> str:
    speaks = f"look whether this port speaks {kafka.security_protocol} (kafka.security_protocol)"
    match exc:
        case ssl.SSLCertVerificationError():
            believed = kafka.ca_file or "the system's authorities"
            why = (
                f"its certificate is not believed ({exc.verify_message}, by {believed}): "
                "set kafka.ca_file right"
            )
        case ssl.SSLError():
            wants = "and wants kafka.certificate_file and kafka.key_file"
            why = f"TLS fails ({exc.reason or exc}): {speaks}, {wants}"
        case AuthenticationFailedError() | SaslAuthenticationFailed():
            why = f"it refuses kafka.username or kafka.password ({kafka.sasl_mechanism})"
        case UnsupportedSaslMechanismError():
            why = f"it does not offer kafka.sasl_mechanism {kafka.sasl_mechanism}"
        case ConnectionRefusedError():
            why = (
                "nothing listens there: check that it runs, and kafka.bootstrap_servers or "
                "KAFKA_BOOTSTRAP_SERVERS"
            )
        case TimeoutError():
            why = f"no answer within {_ANSWER_MS // 1000} s: {speaks}"
        case KafkaError() | ConnectionError():
            closed = f"it closes the connection ({type(exc).__name__})"
            why = f"{closed}: {speaks}, and wants kafka.certificate_file and kafka.key_file"
        case _:
            why = f"{exc}: check kafka.bootstrap_servers or KAFKA_BOOTSTRAP_SERVERS"
    return why
