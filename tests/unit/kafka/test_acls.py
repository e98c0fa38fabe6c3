"""Who may do what on a cluster: the least, and all that is needed."""

from __future__ import annotations

import json

import pytest

from models.topics import REPLAYABLE, TOPICS, Component
from streams.kafka.acls import (
    ATTRITION,
    AUDITOR,
    DEAD_LETTERS,
    HEAD,
    OPERATOR,
    ROLES,
    WORKER,
    Operation,
    Role,
    acls,
    commands,
    rows,
)
from streams.settings import ROOT, KafkaSettings

KAFKA = KafkaSettings(topic_prefix="p.", partitions=4)


def may(role: Role, operation: Operation) -> set[str]:
    return {each.name for each in acls(KAFKA, role) if operation in each.operations}


def test_every_component_has_a_user_but_the_single_node_run() -> None:
    users = {each: {r.name for r in ROLES if each in r.components} for each in Component}
    assert {each for each, found in users.items() if not found} == {Component.UP}


def test_groups_and_changelogs_are_those_of_the_apps() -> None:
    golden = json.loads((ROOT / "tests" / "data" / "wire_names.json").read_text(encoding="utf-8"))
    for role, app in ((WORKER, golden), (ATTRITION, golden["attrition"])):
        assert set(role.changelogs("")) == set(app["changelogs"].values())
        assert role.group == app["app id"]


def test_nobody_is_given_a_resource_twice_or_for_nothing() -> None:
    for role in ROLES:
        found = [(each.resource, each.pattern, each.name) for each in acls(KAFKA, role)]
        assert len(found) == len(set(found)), role.name
        assert all(each.operations for each in acls(KAFKA, role))


def test_who_only_looks_changes_nothing() -> None:
    changing = {Operation.WRITE, Operation.CREATE, Operation.ALTER_CONFIGS}
    assert not any(changing & set(each.operations) for each in acls(KAFKA, AUDITOR))


def test_only_dead_letters_go_back_everywhere() -> None:
    every = {each.full_name("p.") for each in TOPICS}
    assert may(DEAD_LETTERS, Operation.WRITE) == every
    assert len(REPLAYABLE) == len(every) - 1
    assert "p.calls.decisions" not in may(OPERATOR, Operation.WRITE)


@pytest.mark.parametrize("role", [WORKER, ATTRITION], ids=lambda role: role.name)
def test_a_role_with_a_group_sees_every_topic(role: Role) -> None:
    everything = {each.name for each in acls(KAFKA, role)}
    assert {each.full_name("p.") for each in TOPICS} <= everything


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_user_sees_whose_layout_it_is(role: Role) -> None:
    (layout,) = (each for each in acls(KAFKA, role) if each.pattern == "prefix")
    assert layout.name == "p.ringfence.layout."
    assert Operation.DESCRIBE in layout.operations


def test_the_commands_allow_what_the_table_lists() -> None:
    allowed = set()
    for words in commands(KAFKA):
        said: dict[str, list[str]] = {}
        for word in words:
            if word.startswith("--"):
                values = said.setdefault(word, [])
            else:
                values.append(word)
        end = "*" if said["--resource-pattern-type"] == ["prefixed"] else ""
        resources = [
            (kind, name)
            for kind, default in (("topic", []), ("group", []), ("cluster", ["kafka-cluster"]))
            if f"--{kind}" in said
            for name in said[f"--{kind}"] or default
        ]
        allowed |= {
            (said["--allow-principal"][0], kind, name + end, ", ".join(said["--operation"]))
            for kind, name in resources
        }
    assert allowed == set(rows(KAFKA))
    assert all(len(row) == len(HEAD) for row in rows(KAFKA))
