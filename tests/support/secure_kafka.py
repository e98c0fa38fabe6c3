"""A local Kafka that wants TLS, and who its clients are: by password on one port, by certificate on
another."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from streams.local_kafka import tools
from streams.local_kafka.broker import LocalKafka, free_ports
from streams.local_kafka.state import BrokerFiles

USER, PASSWORD = "ringfence-test", "kafka-password-of-the-tests"

_LOGIN = "org.apache.kafka.common.security"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM form, made anew for each broker."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def client(self) -> Path:
        return self.folder / "client.pem"

    @property
    def client_key(self) -> Path:
        return self.folder / "client.key"

    def make(self) -> None:
        """An authority, the broker's certificate for 127.0.0.1, and a client's."""
        self.folder.mkdir()
        self._authority("ca")
        self._authority("stranger")
        for name in ("broker", "client"):
            self._signed(name)
        store = (self.folder / "broker.key").read_text() + (self.folder / "broker.pem").read_text()
        (self.folder / "broker.store.pem").write_text(store, encoding="utf-8")

    def _authority(self, name: str) -> None:
        self._openssl(
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            f"/CN={name} of the tests",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.pem",
        )

    def _signed(self, name: str) -> None:
        (self.folder / "names").write_text("subjectAltName=IP:127.0.0.1\n", encoding="utf-8")
        self._openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name} of the tests",
            "-keyout", f"{name}.key", "-out", f"{name}.csr",
        )  # fmt: skip
        self._openssl(
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "names",
            "-out",
            f"{name}.pem",
        )

    def _openssl(self, *arguments: str) -> None:
        # our own command line, no shell; openssl is among what tests/run installs
        command = ["openssl", *arguments]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)  # noqa: S603


class SecureKafka(LocalKafka):
    """A broker with three ports: plain for itself, TLS with SASL, TLS with client certificates."""

    def __init__(self, folder: Path) -> None:
        super().__init__(BrokerFiles(folder / "kafka"))
        self.certificates = Certificates(folder / "certificates")
        self.by_password = ""
        self.by_certificate = ""

    @override
    def _render(self, port: int, controller: int) -> Path:
        properties = super()._render(port, controller)
        passwords, certificates = free_ports(2)
        self.by_password = f"127.0.0.1:{passwords}"
        self.by_certificate = f"127.0.0.1:{certificates}"
        secure = f"PASSWORDS://{self.by_password},CERTIFICATES://{self.by_certificate}"
        store, ca = self.certificates.folder / "broker.store.pem", self.certificates.ca
        with properties.open("a", encoding="utf-8") as file:
            # of two equal keys the later one counts
            file.write(
                f"listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},"
                f"{secure}\n"
                f"advertised.listeners=BROKER://127.0.0.1:{port},{secure}\n"
                "listener.security.protocol.map="
                "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,PASSWORDS:SASL_SSL,CERTIFICATES:SSL\n"
                f"ssl.keystore.type=PEM\nssl.keystore.location={store}\n"
                f"ssl.truststore.type=PEM\nssl.truststore.location={ca}\n"
                "listener.name.certificates.ssl.client.auth=required\n"
                "listener.name.passwords.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN\n"
                "listener.name.passwords.scram-sha-512.sasl.jaas.config="
                f"{_LOGIN}.scram.ScramLoginModule required;\n"
                f"listener.name.passwords.plain.sasl.jaas.config={_LOGIN}.plain.PlainLoginModule "
                "required"
                f' user_{USER}="{PASSWORD}";\n'
            )
        return properties

    def add_user(self) -> None:
        """Make the SCRAM user, over the plain port."""
        change = f"SCRAM-SHA-512=[password={PASSWORD}]"
        arguments = (
            "--alter",
            "--add-config",
            change,
            "--entity-type",
            "users",
            "--entity-name",
            USER,
        )
        command = tools.command(tools.find("kafka-configs"), arguments, self.bootstrap, print)
        # as above
        subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603


@contextmanager
def prepared(folder: Path) -> Iterator[SecureKafka]:
    """A broker that is ready to start; it ends with the block."""
    local = SecureKafka(folder)
    local.certificates.make()
    local.prepare(print)
    try:
        yield local
    finally:
        local.stop()
