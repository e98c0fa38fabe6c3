"""A local Kafka with an authorizer, where everybody has a password and nobody may do anything that
the registry's ACLs do not allow."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr
from typing_extensions import override

from streams.kafka.acls import ROLES, Role, commands
from streams.local_kafka import tools
from streams.local_kafka.broker import LocalKafka, free_ports
from streams.local_kafka.state import BrokerFiles
from streams.settings import KafkaSettings

STRANGER = "ringfence-stranger"
"""A user whom no ACL names."""


def password(user: str) -> str:
    """A user's password on the cluster."""
    return f"{user}-password-of-the-tests"


class GuardedKafka(LocalKafka):
    """A broker with two ports: one for itself and the administrator of the cluster, who may do
    everything, and one with SASL for all others."""

    def __init__(self, folder: Path) -> None:
        super().__init__(BrokerFiles(folder / "kafka"))
        self.guarded = ""

    @override
    def _render(self, port: int, controller: int) -> Path:
        properties = super()._render(port, controller)
        (guarded,) = free_ports(1)
        self.guarded = f"127.0.0.1:{guarded}"
        users = " ".join(
            f'user_{user}="{password(user)}"' for user in (*(r.user for r in ROLES), STRANGER)
        )
        own = f"BROKER://127.0.0.1:{port}"
        with properties.open("a", encoding="utf-8") as file:
            # of two equal keys the later one counts
            file.write(
                "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
                "allow.everyone.if.no.acl.found=false\n"
                # whoever comes by the broker's own port has no name
                "super.users=User:ANONYMOUS\n"
                f"listeners={own},CONTROLLER://127.0.0.1:{controller},GUARDED://{self.guarded}\n"
                f"advertised.listeners={own},GUARDED://{self.guarded}\n"
                "listener.security.protocol.map="
                "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_PLAINTEXT\n"
                "listener.name.guarded.sasl.enabled.mechanisms=PLAIN\n"
                "listener.name.guarded.plain.sasl.jaas.config="
                "org.apache.kafka.common.security.plain.PlainLoginModule required"
                f" {users};\n"
            )
        return properties

    def allow(self, kafka: KafkaSettings) -> None:
        """Apply the ACLs of all roles, as `ringfence topics acls --commands` prints them."""
        for arguments in commands(kafka):
            self.acls(*arguments)

    def acls(self, *arguments: str) -> None:
        """Kafka's own tool for ACLs, as the administrator of the cluster."""
        command = tools.command(tools.find("kafka-acls"), arguments, self.bootstrap, print)
        # our own command line, no shell
        subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603

    def settings(self, user: str, **given: object) -> KafkaSettings:
        """The cluster as a user reaches it."""
        return KafkaSettings.model_validate(
            {
                "bootstrap_servers": self.guarded,
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "PLAIN",
                "username": user,
                "password": SecretStr(password(user)),
                **given,
            }
        )

    def environment(self, role: Role) -> dict[str, str]:
        """Who a process is on the cluster, for a configuration that names it so."""
        return {"KAFKA_USERNAME": role.user, "KAFKA_PASSWORD": password(role.user)}


@contextmanager
def prepared(folder: Path) -> Iterator[GuardedKafka]:
    """A broker that is ready to start; it ends with the block."""
    local = GuardedKafka(folder)
    local.prepare(print)
    try:
        yield local
    finally:
        local.stop()
