"""Topics on the cluster, made and kept as ``models.topics`` says: compare, create, set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from models.policy import DAY_MS
from models.topics import TOPICS, Topic, layout_topic
from streams.common.errors import EnvironmentFaultError
from streams.common.table import table
from streams.kafka.cluster import require
from streams.kafka.connection import connection
from streams.kafka.layout import refuse_other_layout
from streams.settings import KafkaSettings

CHANGELOG_CONFIG: Final[Mapping[str, str]] = {
    "cleanup.policy": "compact",
    "segment.ms": "3600000",
    "min.cleanable.dirty.ratio": "0.2",
}
"""A changelog's settings on the brokers. A start reads all of it, and only closed segments are
compacted: by Kafka's defaults the last one is a gigabyte or a week (Kafka 4.3, topic configs)."""

_REQUEST_MS: Final = 15_000
_Setting = Literal["partitions", "surplus", "replication", "config"]
_VISIBLE_SECONDS: Final = 15.0
_SET_ON_TOPIC: Final = 1
"""DescribeConfigs' source of a value that was set on the topic itself (DYNAMIC_TOPIC_CONFIG)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing about a topic that is not as the registry or the configuration wants it."""

    topic: str
    """Or another resource that an ACL is about."""
    what: Literal["missing", "partitions", "surplus", "replication", "config", "acl"]
    """``surplus``: more partitions than keys are placed on, which is no harm."""
    setting: str
    """The config's name on the broker, an ACL's user; for the others a word for people."""
    wanted: str
    found: str

    def describe(self) -> str:
        """A sentence for people: what is wrong, and who repairs it how."""
        match self.what:
            case "missing":
                return f"{self.topic}: is missing; `ringfence topics apply` creates it"
            case "config":
                return (
                    f"{self.topic}: {self.setting} is {self.found}, wanted {self.wanted}; "
                    "`ringfence topics apply` sets it"
                )
            case "partitions":
                return (
                    f"{self.topic}: has {self.found} partitions, wanted {self.wanted}; add the "
                    "missing ones with `ringfence kafka tool kafka-topics --alter "
                    f"--topic {self.topic} --partitions {self.wanted}`"
                )
            case "surplus":
                return (
                    f"{self.topic}: has {self.found} partitions, wanted {self.wanted}; keys are "
                    "placed by kafka.partitions, so that the others stay empty: nothing to do"
                )
            case "acl":
                return (
                    f"{self.setting}: may not {self.wanted} on {self.topic}; `ringfence topics acls"
                    " --commands` allows it"
                )
            case "replication":
                return (
                    f"{self.topic}: has {self.found} replicas, wanted {self.wanted}; move them "
                    "with "
                    "`ringfence kafka tool kafka-reassign-partitions`, or set "
                    "kafka.replication_factor: "
                    f"{self.found}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What ``apply`` did, and what it left for people."""

    created: tuple[str, ...]
    repaired: tuple[Difference, ...]
    left: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTopic:
    """One topic as the cluster has it."""

    partitions: int
    replicas: int
    config: dict[str, str]
    """The values in force, for the settings asked about."""
    own: dict[str, str]
    """The values set on the topic itself, all of them."""


async def check(kafka: KafkaSettings, topics: Sequence[Topic] = TOPICS) -> list[Difference]:
    """Every difference between registry and cluster; empty when all is well.

    Raises ``EnvironmentFaultError`` when the cluster does not answer or refuses.
    """
    topics = (*topics, layout_topic(kafka.partitions))
    async with admin_client(kafka) as admin:
        refuse_other_layout(kafka, await admin.list_topics())
        return _compare(kafka, topics, await _look(admin, kafka, topics))


async def found(kafka: KafkaSettings, topics: Sequence[Topic] = TOPICS) -> dict[str, ClusterTopic]:
    """The registry's topics as the cluster has them, by registry name.

    Those missing are left out.
    """
    async with admin_client(kafka) as admin:
        return await _look(admin, kafka, topics)


def listing(
    kafka: KafkaSettings, there: dict[str, ClusterTopic], topics: Sequence[Topic] = TOPICS
) -> Iterator[str]:
    """The registry as lines of text in columns, beside what ``found`` says of the cluster."""
    rows = [("TOPIC", "PARTITIONS", "KEPT", "KEY", "WRITTEN BY", "READ BY")]
    for topic in topics:
        real = there.get(topic.name)
        kept = (
            "latest per key" if topic.cleanup == "compact" else f"{topic.retention_ms // DAY_MS} d"
        )
        partitions = "missing" if real is None else str(real.partitions)
        writers, readers = ", ".join(topic.writers), ", ".join(topic.readers)
        rows.append(
            (topic.full_name(kafka.topic_prefix), partitions, kept, topic.key, writers, readers)
        )
    return table(rows)


def listing_json(
    kafka: KafkaSettings, there: dict[str, ClusterTopic], topics: Sequence[Topic] = TOPICS
) -> list[dict[str, Any]]:
    """As ``listing``, for other programs; ``partitions`` is null where the topic is missing."""
    return [
        {
            "topic": topic.full_name(kafka.topic_prefix),
            "name": topic.name,
            "partitions": there[topic.name].partitions if topic.name in there else None,
            "cleanup": topic.cleanup,
            "retention_ms": topic.retention_ms if topic.cleanup == "delete" else None,
            "key": topic.key,
            "what": topic.what,
            "written_by": list(topic.writers),
            "read_by": list(topic.readers),
        }
        for topic in topics
    ]


async def apply(kafka: KafkaSettings, topics: Sequence[Topic] = TOPICS) -> Applied:
    """Create what is missing and set configs that differ; partitions and replicas stay untouched.

    May be repeated, and run by several at once. Returns when every topic has a leader for each
    partition. Leaves the layout topic. Raises ``EnvironmentFaultError`` when the cluster does not
    answer or refuses, and ``LayoutError`` where another version laid the topics out.
    """
    topics = (*topics, layout_topic(kafka.partitions))
    async with admin_client(kafka) as admin:
        refuse_other_layout(kafka, await admin.list_topics())
        there = await _look(admin, kafka, topics)
        created = await _create(
            admin, kafka, [topic for topic in topics if topic.name not in there]
        )
        await _until_led(admin, kafka, topics)
        differences = _compare(kafka, topics, await _look_at_all(admin, kafka, topics))
        repaired = tuple(each for each in differences if each.what == "config")
        names = {each.topic for each in repaired}
        await _set_configs(
            admin,
            kafka,
            [topic for topic in topics if topic.full_name(kafka.topic_prefix) in names],
        )
        await _until_set(admin, kafka, topics)
    left = tuple(each for each in differences if each.what != "config")
    return Applied(created=tuple(created), repaired=repaired, left=left)


@asynccontextmanager
async def admin_client(
    kafka: KafkaSettings, in_vain: str = "could not administer the topics"
) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started client, closed when the block ends.

    Raises ``EnvironmentFaultError``, with ``in_vain`` as what Kafka did, where no broker answers or
    one refuses, in the block too.
    """
    await require(kafka)
    admin = AIOKafkaAdminClient(**connection(kafka), request_timeout_ms=_REQUEST_MS)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, TimeoutError) as exc:
        msg = f"Kafka at {kafka.bootstrap_servers} {in_vain}: {exc}"
        raise EnvironmentFaultError(msg) from exc
    finally:
        await admin.close()


async def _look(
    admin: AIOKafkaAdminClient, kafka: KafkaSettings, topics: Sequence[Topic]
) -> dict[str, ClusterTopic]:
    by_full_name = {topic.full_name(kafka.topic_prefix): topic for topic in topics}
    described = {
        each["topic"]: each["partitions"]
        for each in await admin.describe_topics(list(by_full_name))
        if each["error_code"] == 0
    }
    # asked for all values: setting one must send back what else was set on the topic
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=None) for name in described]
    answers = await admin.describe_configs(resources) if resources else []
    result: dict[str, ClusterTopic] = {}
    for answer in answers:
        for code, message, _kind, name, entries, *_ in answer.resources:
            if code == UnknownTopicOrPartitionError.errno:
                # created or deleted a moment ago, and this broker is not the one that described it
                continue
            _refuse(code, f"{name}: {message}")
            topic = by_full_name[name]
            values = {entry[0]: str(entry[1]) for entry in entries}
            result[topic.name] = ClusterTopic(
                partitions=len(described[name]),
                replicas=min((len(each["replicas"]) for each in described[name]), default=0),
                config={key: values.get(key, "") for key in topic.config()},
                own={entry[0]: str(entry[1]) for entry in entries if entry[3] == _SET_ON_TOPIC},
            )
    return result


async def _look_at_all(
    admin: AIOKafkaAdminClient, kafka: KafkaSettings, topics: Sequence[Topic]
) -> dict[str, ClusterTopic]:
    """As ``_look``, for topics that are there.

    Each request goes to any broker, and one may lag behind.
    """
    deadline = time.monotonic() + _VISIBLE_SECONDS
    while True:
        there = await _look(admin, kafka, topics)
        lacking = [
            topic.full_name(kafka.topic_prefix) for topic in topics if topic.name not in there
        ]
        if not lacking:
            return there
        if time.monotonic() > deadline:
            msg = (
                f"these topics are not shown {_VISIBLE_SECONDS:.0f} s after their creation: "
                f"{', '.join(lacking)}"
            )
            raise EnvironmentFaultError(msg)
        await asyncio.sleep(0.05)


def _compare(
    kafka: KafkaSettings, topics: Sequence[Topic], there: dict[str, ClusterTopic]
) -> list[Difference]:
    differences = []
    for topic in topics:
        name = topic.full_name(kafka.topic_prefix)
        real = there.get(topic.name)
        if real is None:
            differences.append(
                Difference(
                    topic=name, what="missing", setting="topic", wanted="there", found="missing"
                )
            )
            continue
        wanted_count = topic.partitions or kafka.partitions
        kind: _Setting = "surplus" if real.partitions > wanted_count else "partitions"
        pairs: list[tuple[_Setting, str, str, str]] = [
            (kind, "partitions", str(wanted_count), str(real.partitions)),
            ("replication", "replicas", str(kafka.replication_factor), str(real.replicas)),
        ]
        pairs += [("config", key, value, real.config[key]) for key, value in topic.config().items()]
        differences += [
            Difference(topic=name, what=what, setting=setting, wanted=wanted, found=is_now)
            for what, setting, wanted, is_now in pairs
            if wanted != is_now
        ]
    return differences


async def _create(
    admin: AIOKafkaAdminClient, kafka: KafkaSettings, topics: Sequence[Topic]
) -> list[str]:
    if not topics:
        return []
    answer = await admin.create_topics(
        [
            NewTopic(
                topic.full_name(kafka.topic_prefix),
                topic.partitions or kafka.partitions,
                kafka.replication_factor,
                topic_configs=topic.config(),
            )
            for topic in topics
        ],
        timeout_ms=_REQUEST_MS,
    )
    created = []
    for name, code, message in answer.topic_errors:
        # somebody else who applies at the same time was first
        if code != TopicAlreadyExistsError.errno:
            _refuse(code, f"{name}: {message}")
            created.append(name)
    return created


async def _until_led(
    admin: AIOKafkaAdminClient, kafka: KafkaSettings, topics: Sequence[Topic]
) -> None:
    names = [topic.full_name(kafka.topic_prefix) for topic in topics]
    deadline = time.monotonic() + _VISIBLE_SECONDS
    while True:
        described = await admin.describe_topics(names)
        waiting = [each["topic"] for each in described if not _led(each)]
        if not waiting:
            return
        if time.monotonic() > deadline:
            msg = (
                f"these topics have no leader {_VISIBLE_SECONDS:.0f} s after their creation: "
                f"{', '.join(waiting)}"
            )
            raise EnvironmentFaultError(msg)
        await asyncio.sleep(0.05)


def _led(described: dict[str, Any]) -> bool:
    parts = described["partitions"]
    return (
        described["error_code"] == 0
        and bool(parts)
        and all(p["error_code"] == 0 and p["leader"] >= 0 for p in parts)
    )


async def _until_set(
    admin: AIOKafkaAdminClient, kafka: KafkaSettings, topics: Sequence[Topic]
) -> None:
    # the controller has taken the change; the broker that we ask may lag behind it
    deadline = time.monotonic() + _VISIBLE_SECONDS
    while any(
        each.what == "config" for each in _compare(kafka, topics, await _look(admin, kafka, topics))
    ):
        if time.monotonic() > deadline:
            msg = (
                f"the topics' settings are not in force {_VISIBLE_SECONDS:.0f} s after Kafka took "
                "them; try again"
            )
            raise EnvironmentFaultError(msg)
        await asyncio.sleep(0.05)


async def create_compacted(kafka: KafkaSettings, partitions: Mapping[str, int]) -> None:
    """Create compacted topics (full name to number of partitions), such as tables' changelogs.

    What is there stays as it is. May be repeated, and run by several at once; does not wait until
    the brokers show the topics. Raises ``EnvironmentFaultError`` as ``apply``.
    """
    async with admin_client(kafka) as admin:
        missing = partitions.keys() - set(await admin.list_topics())
        if not missing:
            return
        answer = await admin.create_topics(
            [
                NewTopic(
                    name,
                    partitions[name],
                    kafka.replication_factor,
                    topic_configs=dict(CHANGELOG_CONFIG),
                )
                for name in sorted(missing)
            ],
            timeout_ms=_REQUEST_MS,
        )
        for name, code, message in answer.topic_errors:
            if code != TopicAlreadyExistsError.errno:
                _refuse(code, f"{name}: {message}")


async def _set_configs(
    admin: AIOKafkaAdminClient, kafka: KafkaSettings, topics: Sequence[Topic]
) -> None:
    if not topics:
        return
    there = await _look_at_all(admin, kafka, topics)
    resources = [
        # this request replaces all that was set on the topic, so what others set goes along
        ConfigResource(
            ConfigResourceType.TOPIC,
            topic.full_name(kafka.topic_prefix),
            configs={**there[topic.name].own, **topic.config()},
        )
        for topic in topics
    ]
    for answer in await admin.alter_configs(resources):
        for code, message, _kind, name in answer.resources:
            _refuse(code, f"{name}: {message}")


def _refuse(code: int, message: str) -> None:
    if code != 0:
        msg = f"Kafka refused ({for_code(code).__name__}): {message}"
        raise EnvironmentFaultError(msg)
