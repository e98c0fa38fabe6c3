"""The configuration: one YAML file, checked as a whole, secrets only by reference.

A secret is written ``${NAME}`` (an environment variable) or ``file:PATH`` (its first line); a
literal secret is refused, so that a configuration can be committed and printed.
"""

from __future__ import annotations

import os
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from models.policy import DAY_MS, Duration, Locale, Zone
from streams.common.errors import ConfigurationError
from streams.common.setting_fields import (
    OFFLINE,
    WITHOUT_GATEWAY_SECRETS,
    BaseUrl,
    BootstrapServers,
    Name,
    Secret,
    Section,
    Tokens,
    checked_bootstrap,
)
from streams.common.yaml_source import YamlSource
from streams.gateways.registry import GATEWAYS
from streams.gateways.settings import GatewaySettings

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: Ringfence runs from it, or from the same tree in an image."""

DEFAULT_CONFIG = ROOT / "deploy" / "ringfence.yaml"
STATE_DIR = Path(os.environ.get("RINGFENCE_STATE_DIR") or ROOT / ".ringfence").resolve()
"""Ignored by git: the local broker's data, logs, and the files of the current run."""


LONGEST_HORIZON_MS: Final = 13 * DAY_MS
"""Messages are kept for two weeks: what lies within a longer horizon could not be counted again."""

_ADMIN_APART: Final = 1000
_LAST_PORT: Final = 65_535


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > _LAST_PORT:
        msg = "an address is HOST:PORT, such as 127.0.0.1:8080"
        raise ValueError(msg)
    return value


Role = Literal["crm", "presence", "bridges"]
"""Whose token it is: of contacts, of agents' presence, of recording bridges."""
Address = Annotated[str, AfterValidator(_address)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class KafkaSettings(Section):
    """Which cluster, and how topics are laid out on it."""

    bootstrap_servers: BootstrapServers | None = None
    """None: the local broker that ``ringfence`` starts itself."""
    topic_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = ""
    replication_factor: Annotated[int, Field(strict=True, ge=1, le=9)] = 1
    partitions: Annotated[int, Field(strict=True, ge=1, le=256)] = 8
    """Of every topic; tables follow, and keys are placed by it. Another one than the topics were
    made for is refused."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: Name | None = None
    password: Secret | None = None
    ca_file: Path | None = None
    """Of the authority that signed the brokers' certificates; without it the system's are
    believed."""
    certificate_file: Path | None = None
    key_file: Path | None = None
    """Our own certificate and its key (PEM), where the cluster wants one."""

    @model_validator(mode="after")
    def _is_whole(self) -> KafkaSettings:
        tls, sasl = (
            self.security_protocol.endswith("SSL"),
            self.security_protocol.startswith("SASL"),
        )
        if sasl and not (self.username and self.password):
            msg = f"security_protocol {self.security_protocol} needs username and password"
            raise ValueError(msg)
        if (self.certificate_file is None) != (self.key_file is None):
            msg = "certificate_file and key_file belong together: name both or neither"
            raise ValueError(msg)
        for name, path in (("ca_file", self.ca_file), ("certificate_file", self.certificate_file)):
            if path is not None and not tls:
                msg = (
                    f"{name} is for TLS, and security_protocol is {self.security_protocol}:"
                    " set it to SSL or SASL_SSL"
                )
                raise ValueError(msg)
        return self


class BridgeSettings(Section):
    """The webhook server."""

    listen: Address = "127.0.0.1:8080"
    """Where the gateways' webhooks arrive, and facts. Of its health it says the status alone."""
    admin_listen: Address | None = None
    """Health with its reasons, and metrics. None: on 127.0.0.1, a thousand ports above ``listen``
    (9080)."""
    max_body_bytes: Annotated[int, Field(strict=True, ge=1024, le=32 * 1024 * 1024)] = (
        8 * 1024 * 1024
    )
    """Of a webhook that is read; of larger ones, up to four times as much, only the signature is
    worked out, and what is signed is kept as a dead letter. A photo within a message has a few
    MB."""
    content_encodings: tuple[Literal["gzip", "deflate"], ...] = ("gzip",)
    """In which a webhook's body may be packed; none: ``[]``. WAHA and Wawp pack nothing, a proxy
    may."""
    replay_window: Annotated[Duration, Field(ge=600_000)] | None = None
    """Webhooks whose envelope is older are kept on ``calls.dlq`` and acted on no further. None:
    there is no such age. Ten minutes at least: gateways repeat a webhook for minutes when the
    bridge was away."""
    tokens: dict[Role, Tokens] = Field(default_factory=dict)
    """Bearer tokens of the endpoints for contacts, presence and recording bridges."""

    @property
    def admin_address(self) -> str:
        """``admin_listen``, or what stands for it."""
        if self.admin_listen is not None:
            return self.admin_listen
        port = int(self.listen.rpartition(":")[2])
        if port:
            port += _ADMIN_APART if port + _ADMIN_APART <= _LAST_PORT else -_ADMIN_APART
        return f"127.0.0.1:{port}"


class WorkerSettings(Section):
    """The process that decides and acts."""

    listen: Address = "127.0.0.1:8081"
    """Health and metrics."""
    session_timeout: Annotated[Duration, Field(ge=1000, le=300_000)] = 2_500
    """How long Kafka waits before it gives a dead worker's partitions to another. A cluster's own
    minimum (group.min.session.timeout.ms) is 6 s by default; the local broker allows 1 s."""


class AttritionSettings(Section):
    """The process that follows what rejected callers do next."""

    listen: Address = "127.0.0.1:8083"
    """Health and metrics."""
    horizons: Annotated[
        tuple[Annotated[Duration, Field(ge=1000)], ...],
        Field(min_length=1, max_length=8),
    ] = (DAY_MS, 7 * DAY_MS)
    """So long after a reject it is said whether the caller came back. Within the longest one, later
    rejects of the caller on the line only count."""
    lateness: Annotated[Duration, Field(ge=1000, le=600_000)] = 60_000
    """How much later than its time a record may come to its topic: a producer waits half a minute
    for a broker, and clocks of machines differ. Everything is said so much later."""

    @model_validator(mode="after")
    def _horizons_can_be_counted(self) -> AttritionSettings:
        if max(self.horizons) > LONGEST_HORIZON_MS:
            msg = (
                "horizons has one that is longer than 13d: messages are kept for two weeks, and"
                " what lies behind them cannot be counted again"
            )
            raise ValueError(msg)
        if len(set(self.horizons)) < len(self.horizons):
            msg = "horizons names one twice: name each once, such as [24h, 7d]"
            raise ValueError(msg)
        return self


if TYPE_CHECKING:
    AnyGateway = GatewaySettings
else:
    AnyGateway = Annotated[
        reduce(or_, (gateway.settings for gateway in GATEWAYS.values())),
        Field(discriminator="provider"),
    ]


class LineSettings(Section):
    """One WhatsApp account on one gateway session."""

    gateway: Identifier
    session: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """As the gateway's requests name it: WAHA's session name, Wawp's instance id."""
    webhook_session: str | None = None
    """As the gateway's webhooks name it, where that differs (``default`` in Wawp's samples)."""
    time_zone: Zone = "UTC"
    locale: Locale = "en"
    title: (
        Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)] | None
    ) = None
    """What texts call the line (``{line}``); its name in this file where nothing is written."""

    @property
    def in_webhooks(self) -> str:
        """The session by which webhooks name this line."""
        return self.webhook_session or self.session


class RecordingBridgeSettings(Section):
    """A recording bridge whose health is asked for over HTTP, by every bridge process."""

    health_url: BaseUrl
    """Any 2xx means up; a JSON answer may give ``active`` and ``capacity``."""
    lines: Annotated[tuple[str, ...], Field(min_length=1)]
    """The lines it records; ``*`` for all."""
    every: Annotated[Duration, Field(ge=1000)] = 10_000
    timeout: Annotated[Duration, Field(le=60_000)] = 2_000
    ttl: Duration = 30_000
    """Not heard of for so long, it counts as down."""
    capacity: Annotated[int, Field(strict=True, ge=1)] | None = None
    """Calls at once, where the answer does not say."""

    @model_validator(mode="after")
    def _is_heard_of_in_time(self) -> RecordingBridgeSettings:
        if self.ttl <= self.every + self.timeout:
            msg = (
                "ttl must be longer than every and timeout together, or a bridge in good health"
                " counts as down"
            )
            raise ValueError(msg)
        return self


class Settings(Section):
    """The whole configuration."""

    kafka: KafkaSettings = KafkaSettings()
    bridge: BridgeSettings = BridgeSettings()
    worker: WorkerSettings = WorkerSettings()
    attrition: AttritionSettings = AttritionSettings()
    policies: Path = Path("policies")
    """A folder of YAML files, one per line or ``*``; relative to the configuration file."""
    gateways: dict[Identifier, AnyGateway]
    lines: dict[Identifier, LineSettings]
    recording_bridges: dict[Identifier, RecordingBridgeSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _recording_bridges_match_lines(self) -> Settings:
        for name, bridge in self.recording_bridges.items():
            unknown = sorted(set(bridge.lines) - self.lines.keys() - {"*"})
            if unknown:
                known = ", ".join(sorted(self.lines)) or "none"
                msg = (
                    f"recording bridge {name!r} records {', '.join(unknown)}, not under lines"
                    f" (there: {known})"
                )
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _gateways_have_their_own_secrets(self) -> Settings:
        owners: dict[str, str] = {}
        for name, gateway in self.gateways.items():
            for secret in {each.get_secret_value() for each in gateway.webhook_secret} - {""}:
                other = owners.setdefault(secret, name)
                if other != name:
                    msg = (
                        f"gateways {other!r} and {name!r} have the same webhook_secret, so that one"
                        " signed webhook counts at both, and its call is rejected twice: give each"
                        " a secret of its own"
                    )
                    raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _lines_match_gateways(self) -> Settings:
        seen: dict[tuple[str, str], str] = {}
        for name, line in self.lines.items():
            if line.gateway not in self.gateways:
                known = ", ".join(sorted(self.gateways)) or "none"
                msg = (
                    f"line {name!r} names the gateway {line.gateway!r}, which is not under gateways"
                    f" (there: {known})"
                )
                raise ValueError(msg)
            key = (line.gateway, line.in_webhooks)
            if key in seen:
                msg = (
                    f"lines {seen[key]!r} and {name!r} have the same gateway and webhook session,"
                    " so that webhooks cannot be told apart: give each its own session,"
                    " webhook_session or gateway"
                )
                raise ValueError(msg)
            seen[key] = name
        return self

    def line_for(self, gateway: str, webhook_session: str) -> str | None:
        """The line whose webhooks carry this session, or None."""
        for name, line in self.lines.items():
            if line.gateway == gateway and line.in_webhooks == webhook_session:
                return name
        return None

    @property
    def attrition_group(self) -> str:
        """The consumer group of attrition, and the prefix of its changelog topics."""
        return f"{self.kafka.topic_prefix}ringfence-attrition"

    @property
    def consumer_group(self) -> str:
        """The worker's consumer group, and the prefix of its changelog topics."""
        return f"{self.kafka.topic_prefix}ringfence"


def load_settings(
    path: Path = DEFAULT_CONFIG, *, gateway_secrets: bool = True, offline: bool = False
) -> Settings:
    """Read and check the configuration; ``KAFKA_BOOTSTRAP_SERVERS`` overrides its cluster.

    Commands that only talk to Kafka do without ``gateway_secrets``: those that are not there are
    empty then. What is ``offline`` needs no secret at all.

    Raises ``ConfigurationError`` that lists every fault with file, line, key and fix. No secret
    is in the message, nor in the ``repr`` of what is returned.
    """
    document = YamlSource(path, tags=GATEWAYS)
    data: Any = document.data if document.data is not None else {}
    if not isinstance(data, dict):
        msg = (
            f"{path}:1: a configuration is a mapping with the keys kafka, bridge, policies,"
            " gateways, lines"
        )
        raise ConfigurationError(msg)
    context = None if gateway_secrets else WITHOUT_GATEWAY_SECRETS
    try:
        settings = Settings.model_validate(data, context=OFFLINE if offline else context)
    except ValidationError as exc:
        raise document.refuse(exc) from None
    cluster = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "").strip()
    if cluster:
        try:
            servers = checked_bootstrap(cluster)
        except ValueError as exc:
            msg = f"the environment variable KAFKA_BOOTSTRAP_SERVERS: {exc}"
            raise ConfigurationError(msg) from None
        kafka = settings.kafka.model_copy(update={"bootstrap_servers": servers})
        settings = settings.model_copy(update={"kafka": kafka})
    if not settings.policies.is_absolute():
        settings = settings.model_copy(
            update={"policies": path.resolve().parent / settings.policies}
        )
    return settings
