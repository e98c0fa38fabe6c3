"""Topics and users as Strimzi's resources."""

from __future__ import annotations

import re

import yaml

from models.topics import CALLS_DECISIONS, TOPICS
from streams.kafka import strimzi
from streams.kafka.acls import ROLES, changelogs
from streams.settings import KafkaSettings

KAFKA = KafkaSettings(topic_prefix="Acme_", partitions=4, replication_factor=3)


def test_every_topic_is_one_with_a_name_that_kubernetes_takes() -> None:
    made = list(strimzi.topics(KAFKA, "events"))
    full = {each.full_name("Acme_") for each in TOPICS}
    full |= {"Acme_ringfence.layout.1.4", *changelogs(KAFKA)}
    assert {each["spec"]["topicName"] for each in made} == full
    names = [each["metadata"]["name"] for each in made]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name) for name in names)
    decisions = next(e for e in made if e["spec"]["topicName"] == "Acme_calls.decisions")
    assert decisions["spec"]["partitions"] == 4
    assert decisions["spec"]["replicas"] == 3
    assert decisions["spec"]["config"]["retention.ms"] == CALLS_DECISIONS.retention_ms


def test_a_topic_that_is_read_in_order_keeps_its_one_partition() -> None:
    made = {each["spec"]["topicName"]: each["spec"] for each in strimzi.topics(KAFKA, "events")}
    assert made["Acme_policies"]["partitions"] == 1


def test_every_role_is_a_user_of_the_cluster() -> None:
    made = list(yaml.safe_load_all(strimzi.document(strimzi.users(KAFKA, "events"))))
    assert [each["metadata"]["name"] for each in made] == [role.user for role in ROLES]
    assert {each["metadata"]["labels"]["strimzi.io/cluster"] for each in made} == {"events"}
    rules = made[0]["spec"]["authorization"]["acls"]
    assert {"resource", "operations"} == set(rules[0])
    assert rules[-1]["resource"] == {
        "type": "topic", "name": "Acme_ringfence.layout.", "patternType": "prefix",
    }  # fmt: skip
