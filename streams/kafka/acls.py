"""Who may do what on a cluster with an authorizer: the least that each process needs.

Generated from the registry: what a process reads and writes stands there alone. Every process has a
user of its own, so that a stolen password of the bridge decides no call, and a command that only
looks can change nothing. Does no IO.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final, Literal

from models.topics import (
    LAYOUT_NAME,
    TOPICS,
    Component,
    layout_topic,
    may_write,
    read_by,
)
from streams.settings import KafkaSettings


class Operation(StrEnum):
    """An operation as Kafka's authorizer names it. Read, Write, Alter imply Describe."""

    READ = "Read"
    WRITE = "Write"
    CREATE = "Create"
    DESCRIBE = "Describe"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    ALTER_CONFIGS = "AlterConfigs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acl:
    """What is allowed on one resource; everything else is denied."""

    resource: Literal["topic", "group", "cluster"]
    name: str
    """Of the cluster, Kafka's own name for it, whichever it is."""
    pattern: Literal["literal", "prefix"] = "literal"
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A process, or a kind of command, with a user of its own on the cluster."""

    name: str
    what: str
    components: tuple[Component, ...]
    group: str | None = None
    """Its consumer group behind the prefix, which is also the beginning of its changelogs."""
    tables: tuple[str, ...] = ()
    """Tables whose changelogs it keeps."""
    administers: bool = False
    """Whether it creates topics and changes their settings."""
    looks: bool = False
    """Whether it may see the settings of every topic."""
    restores: bool = False
    """Whether it reads and writes the changelogs of every role's tables."""

    @property
    def user(self) -> str:
        """The principal's name on the cluster, without ``User:``."""
        return f"ringfence-{self.name}"

    def changelogs(self, prefix: str) -> tuple[str, ...]:
        """The full names of its tables' changelogs, as Faust builds them."""
        return tuple(f"{prefix}{self.group}-{table}-changelog" for table in self.tables)


BRIDGE: Final = Role(
    name="bridge",
    what="`ringfence bridge`: webhooks and facts in",
    components=(Component.BRIDGE,),
)
WORKER: Final = Role(
    name="worker",
    what="`ringfence worker`: decides, rejects, sends texts",
    components=(
        Component.SCREENING,
        Component.CONVERSATIONS,
        Component.CALL_SESSIONS,
        Component.REJECT_SINK,
        Component.TEXT_SINK,
        Component.WORKER,
    ),
    group="ringfence",
    tables=("conversations", "recent-calls", "call-sessions", "texts"),
)
ATTRITION: Final = Role(
    name="attrition",
    what="`ringfence attrition`: follows what rejected callers do next",
    components=(Component.ATTRITION,),
    group="ringfence-attrition",
    tables=("episodes",),
)
TOPICS_ROLE: Final = Role(
    name="topics",
    what="`ringfence topics apply`: creates topics and sets their settings; reads no record",
    components=(),
    administers=True,
)
_COMMANDS: Final = tuple(
    each for each in Component if each not in {*BRIDGE.components, *WORKER.components, Component.UP}
)
OPERATOR: Final = Role(
    name="operator",
    what="people's commands: policies, lists, contacts, callbacks, and all that look",
    components=tuple(
        each for each in _COMMANDS if each not in {Component.DEAD_LETTERS, Component.STATE}
    ),
    looks=True,
)
DEAD_LETTERS: Final = Role(
    name="dead-letters",
    what="`ringfence dlq`: puts a dead letter back where it came from, on any topic",
    components=(Component.DEAD_LETTERS,),
)
STATE: Final = Role(
    name="state",
    what="`ringfence state`: all that is not in code, out of a cluster and into an empty one",
    components=(Component.STATE,),
    restores=True,
)
AUDITOR: Final = Role(
    name="auditor",
    what="commands that only look: `audit`, `explain` and the like; `topics check`",
    components=tuple(each for each in _COMMANDS if not may_write(each)),
    looks=True,
)

CLUSTER: Final = "kafka-cluster"
"""What Kafka calls itself as a resource."""

ROLES: Final = (BRIDGE, WORKER, ATTRITION, TOPICS_ROLE, OPERATOR, DEAD_LETTERS, STATE, AUDITOR)
"""``ringfence up`` is a whole Ringfence in one process group, for one machine: it has no role."""


def changelogs(kafka: KafkaSettings) -> dict[str, int]:
    """The changelogs of all roles' tables, by full name, and their partitions."""
    return {
        name: kafka.partitions for role in ROLES for name in role.changelogs(kafka.topic_prefix)
    }


def acls(kafka: KafkaSettings, role: Role) -> tuple[Acl, ...]:
    """Everything that a role may do on the configured cluster, one entry a resource.

    Topics in the registry's order, then the layout's, changelogs, and the consumer group.
    """
    prefix = kafka.topic_prefix
    found = [*_topics(prefix, role)]
    # all parts look for another version's layout at their start, so that the end of its name is
    # open
    found.append(
        Acl(
            resource="topic",
            name=f"{prefix}{LAYOUT_NAME}.",
            pattern="prefix",
            operations=(
                (Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS)
                if role.looks
                else (Operation.DESCRIBE,)
            ),
        )
    )
    if role.administers:
        names = (layout_topic(kafka.partitions).full_name(prefix), *changelogs(kafka))
        found += [_administered(name) for name in names]
        # to compare all this with what the cluster allows
        found.append(
            Acl(resource="cluster", name=CLUSTER, operations=(Operation.DESCRIBE,)),
        )
    if role.looks:
        found += [
            Acl(resource="topic", name=name, operations=(Operation.DESCRIBE,))
            for name in changelogs(kafka)
        ]
    kept = changelogs(kafka) if role.restores else role.changelogs(prefix)
    found += [
        Acl(resource="topic", name=name, operations=(Operation.READ, Operation.WRITE))
        for name in kept
    ]
    if role.group is not None:
        found.append(
            Acl(resource="group", name=f"{prefix}{role.group}", operations=(Operation.READ,))
        )
    return tuple(found)


def _topics(prefix: str, role: Role) -> Iterator[Acl]:
    reads = {topic.name for each in role.components for topic in read_by(each)}
    writes = {topic.name for each in role.components for topic in may_write(each)}
    for topic in TOPICS:
        name = topic.full_name(prefix)
        if role.administers:
            yield _administered(name)
            continue
        operations = [
            *((Operation.READ,) if topic.name in reads else ()),
            *((Operation.WRITE,) if topic.name in writes else ()),
        ]
        if role.looks:
            operations += [Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS]
        elif role.group is not None and not operations:
            # a worker starts when every topic of the registry is there
            operations.append(Operation.DESCRIBE)
        if operations:
            yield Acl(resource="topic", name=name, operations=tuple(operations))


def _administered(name: str) -> Acl:
    return Acl(
        resource="topic",
        name=name,
        operations=(
            Operation.CREATE,
            Operation.DESCRIBE,
            Operation.DESCRIBE_CONFIGS,
            Operation.ALTER_CONFIGS,
        ),
    )


def commands(kafka: KafkaSettings, roles: Iterable[Role] = ROLES) -> list[list[str]]:
    """The arguments of ``kafka-acls`` that allow it all, one list a call; may be repeated.

    Each call names one user and resources that are allowed the same.
    """
    made = []
    for role in roles:
        entries = sorted(acls(kafka, role), key=_alike)
        for alike, group in groupby(entries, key=_alike):
            _, pattern, operations = alike
            made.append(
                [
                    "--add",
                    "--allow-principal",
                    f"User:{role.user}",
                    *(word for each in operations for word in ("--operation", each)),
                    "--resource-pattern-type",
                    "prefixed" if pattern == "prefix" else pattern,
                    *(word for each in group for word in _named(each)),
                ]
            )
    return made


def _named(acl: Acl) -> tuple[str, ...]:
    return ("--cluster",) if acl.resource == "cluster" else (f"--{acl.resource}", acl.name)


def _alike(acl: Acl) -> tuple[str, str, tuple[Operation, ...]]:
    return acl.resource, acl.pattern, acl.operations


def rows(kafka: KafkaSettings, roles: Iterable[Role] = ROLES) -> Iterator[tuple[str, ...]]:
    """User, resource, name and operations, for a table with the head ``HEAD``."""
    for role in roles:
        for each in acls(kafka, role):
            name = f"{each.name}*" if each.pattern == "prefix" else each.name
            yield f"User:{role.user}", each.resource, name, ", ".join(each.operations)


HEAD: Final = ("PRINCIPAL", "RESOURCE", "NAME", "ALLOWED")
