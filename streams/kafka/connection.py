"""How any client of Ringfence reaches the configured cluster: addresses, TLS, credentials."""

from __future__ import annotations

import ssl
from typing import Any

from streams.common.errors import ConfigurationError
from streams.settings import KafkaSettings


def connection(kafka: KafkaSettings) -> dict[str, Any]:
    """The keyword arguments by which any aiokafka client reaches the configured cluster.

    Raises as ``tls``.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        options["ssl_context"] = tls(kafka)
    if kafka.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = kafka.sasl_mechanism
        options["sasl_plain_username"] = kafka.username
        options["sasl_plain_password"] = (
            kafka.password.get_secret_value() if kafka.password else None
        )
    return options


def tls(kafka: KafkaSettings) -> ssl.SSLContext:
    """The TLS context: CA bundle and client certificate.

    Raises ``ConfigurationError`` for a file that cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=kafka.ca_file)
    except (OSError, ssl.SSLError) as exc:
        msg = (
            f"kafka.ca_file: {kafka.ca_file} holds no certificate in PEM form that can be read "
            f"({exc})"
        )
        raise ConfigurationError(msg) from None
    if kafka.certificate_file is not None and kafka.key_file is not None:
        try:
            # an empty passphrase: OpenSSL would ask for one on the terminal
            context.load_cert_chain(kafka.certificate_file, kafka.key_file, password="")
        except (OSError, ssl.SSLError) as exc:
            msg = (
                f"kafka.certificate_file and kafka.key_file: {kafka.certificate_file} and "
                f"{kafka.key_file} are no certificate and its key, without a passphrase, in PEM "
                f"form ({exc})"
            )
            raise ConfigurationError(msg) from None
    return context
