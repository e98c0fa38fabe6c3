"""Topics and users as resources of Strimzi, the operator that runs Kafka on Kubernetes.

Does no IO.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml

from models.topics import TOPICS, layout_topic
from streams.kafka.acls import ROLES, Acl, Role, acls, changelogs
from streams.kafka.topics_admin import CHANGELOG_CONFIG
from streams.settings import KafkaSettings

_API: Final = "kafka.strimzi.io/v1"


def topics(kafka: KafkaSettings, cluster: str) -> Iterator[dict[str, Any]]:
    """A KafkaTopic for each topic of the registry, the layout's, and every table's changelog.

    ``cluster`` is the name of the Kafka resource that they belong to.
    """
    prefix = kafka.topic_prefix
    for topic in (*TOPICS, layout_topic(kafka.partitions)):
        yield _topic(
            kafka,
            cluster,
            topic.full_name(prefix),
            topic.partitions or kafka.partitions,
            topic.config(),
        )
    for name, partitions in changelogs(kafka).items():
        yield _topic(kafka, cluster, name, partitions, dict(CHANGELOG_CONFIG))


def users(kafka: KafkaSettings, cluster: str) -> Iterator[dict[str, Any]]:
    """A KafkaUser for each role with its ACLs; Strimzi makes its password, a Secret of its name."""
    for role in ROLES:
        yield _user(kafka, cluster, role)


def document(resources: Iterator[dict[str, Any]]) -> str:
    """The resources as one YAML file."""
    return yaml.safe_dump_all(resources, sort_keys=False, explicit_start=True)


def _topic(
    kafka: KafkaSettings, cluster: str, name: str, partitions: int, config: dict[str, str]
) -> dict[str, Any]:
    return {
        "apiVersion": _API,
        "kind": "KafkaTopic",
        # a name on Kubernetes is of small letters, and Kafka's need not be
        "metadata": _metadata(name.lower().replace("_", "-"), cluster),
        "spec": {
            "topicName": name,
            "partitions": partitions,
            "replicas": kafka.replication_factor,
            "config": {key: _number(value) for key, value in config.items()},
        },
    }


def _number(value: str) -> str | int:
    return int(value) if value.isdigit() else value


def _user(kafka: KafkaSettings, cluster: str, role: Role) -> dict[str, Any]:
    return {
        "apiVersion": _API,
        "kind": "KafkaUser",
        "metadata": _metadata(role.user, cluster),
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {
                "type": "simple",
                "acls": [_rule(each) for each in acls(kafka, role)],
            },
        },
    }


def _rule(acl: Acl) -> dict[str, Any]:
    if acl.resource == "cluster":
        resource = {"type": "cluster"}
    else:
        resource = {"type": acl.resource, "name": acl.name, "patternType": acl.pattern}
    return {
        "resource": resource,
        "operations": [str(each) for each in acl.operations],
    }


def _metadata(name: str, cluster: str) -> dict[str, Any]:
    return {
        "name": name,
        "labels": {"strimzi.io/cluster": cluster, "app.kubernetes.io/part-of": "ringfence"},
    }
