"""Kafka's own command-line tools, run from the jars of the local broker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from streams.common.errors import ConfigurationError
from streams.local_kafka.jars import Report, ensure_jars, java

_OPTIONS = frozenset(
    {"--bootstrap-server", "--bootstrap-controller", "--broker-list", "--zookeeper"}
)
_NO_BROKER_NEEDED = frozenset({"--help", "-h", "--version"})
_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=ERROR")
"""A tool lives for seconds: start fast, and print no log."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: its main class, and where it takes ``--bootstrap-server``."""

    main: str
    broker: Literal["first", "last", "never"] = "first"
    """``last``: behind its sub-command."""


_TOOLS = "org.apache.kafka.tools."

TOOLS: Final = {
    "kafka-acls": Tool(f"{_TOOLS}AclCommand"),
    "kafka-broker-api-versions": Tool(f"{_TOOLS}BrokerApiVersionsCommand"),
    "kafka-client-metrics": Tool(f"{_TOOLS}ClientMetricsCommand"),
    "kafka-cluster": Tool(f"{_TOOLS}ClusterTool", "last"),
    "kafka-configs": Tool("kafka.admin.ConfigCommand"),
    "kafka-console-consumer": Tool(f"{_TOOLS}consumer.ConsoleConsumer"),
    "kafka-console-producer": Tool(f"{_TOOLS}ConsoleProducer"),
    "kafka-consumer-groups": Tool(f"{_TOOLS}consumer.group.ConsumerGroupCommand"),
    "kafka-consumer-perf-test": Tool(f"{_TOOLS}ConsumerPerformance"),
    "kafka-delete-records": Tool(f"{_TOOLS}DeleteRecordsCommand"),
    "kafka-dump-log": Tool(f"{_TOOLS}DumpLogSegments", "never"),
    "kafka-features": Tool(f"{_TOOLS}FeatureCommand"),
    "kafka-get-offsets": Tool(f"{_TOOLS}GetOffsetShell"),
    "kafka-groups": Tool(f"{_TOOLS}GroupsCommand"),
    "kafka-leader-election": Tool(f"{_TOOLS}LeaderElectionCommand"),
    "kafka-log-dirs": Tool(f"{_TOOLS}LogDirsCommand"),
    "kafka-metadata-quorum": Tool(f"{_TOOLS}MetadataQuorumCommand"),
    "kafka-producer-perf-test": Tool(f"{_TOOLS}ProducerPerformance"),
    "kafka-reassign-partitions": Tool(f"{_TOOLS}reassign.ReassignPartitionsCommand"),
    "kafka-storage": Tool("kafka.tools.StorageTool", "never"),
    "kafka-topics": Tool(f"{_TOOLS}TopicCommand"),
    "kafka-transactions": Tool(f"{_TOOLS}TransactionsCommand"),
}
"""By the names of the scripts in Kafka's ``bin`` folder, without ``.sh``."""


def find(name: str) -> Tool:
    """The tool of that name, with or without ``.sh``.

    Raises ``ConfigurationError`` that lists them.
    """
    tool = TOOLS.get(name.removesuffix(".sh"))
    if tool is None:
        msg = f"no Kafka tool is called {name!r}; there are: {', '.join(TOOLS)}"
        raise ConfigurationError(msg)
    return tool


def needs_broker(tool: Tool, arguments: Sequence[str]) -> bool:
    """Whether the broker's address is to be filled in."""
    given = {argument.partition("=")[0] for argument in arguments}
    return tool.broker != "never" and not given & (_OPTIONS | _NO_BROKER_NEEDED)


def command(
    tool: Tool, arguments: Sequence[str], bootstrap: str | None, progress: Report
) -> list[str]:
    """The command line to execute; fetches the jars where they are missing, which blocks."""
    broker = [] if bootstrap is None else ["--bootstrap-server", bootstrap]
    placed = [*broker, *arguments] if tool.broker == "first" else [*arguments, *broker]
    return [java(), *_JVM, "-cp", f"{ensure_jars(progress)}/*", tool.main, *placed]
