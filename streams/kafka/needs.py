"""What this version needs of a cluster beside the registry's topics: changelogs, and ACLs.

``topics check`` asks before an upgrade: nothing here changes anything but ``create_changelogs``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    SecurityDisabled,
    for_code,
)

from streams.common.errors import EnvironmentFaultError
from streams.faust_driver.client_internals import every_acl
from streams.kafka.acls import ROLES, Acl, Operation, Role, acls, changelogs
from streams.kafka.cluster import require
from streams.kafka.connection import connection
from streams.kafka.topics_admin import Difference, create_compacted
from streams.settings import KafkaSettings

_REQUEST_MS: Final = 15_000
_VISIBLE_S: Final = 15.0
_ALLOW: Final = 3
_RESOURCES: Final = {2: "topic", 3: "group", 4: "cluster"}
_PATTERNS: Final = {3: "literal", 4: "prefix"}
_OPERATIONS: Final = {
    2: frozenset(Operation),
    3: frozenset({Operation.READ, Operation.DESCRIBE}),
    4: frozenset({Operation.WRITE, Operation.DESCRIBE}),
    5: frozenset({Operation.CREATE}),
    8: frozenset({Operation.DESCRIBE}),
    10: frozenset({Operation.DESCRIBE_CONFIGS}),
    11: frozenset({Operation.ALTER_CONFIGS, Operation.DESCRIBE_CONFIGS}),
}
"""Kafka's numbers, and what each allows."""

Allowed = dict[tuple[str, str, str, str], set[Operation]]
"""What is allowed, by user, resource, pattern and name."""


async def check_changelogs(kafka: KafkaSettings) -> list[Difference]:
    """The tables' changelogs that are missing, or have other partitions than their tables.

    Raises ``EnvironmentFaultError`` when the cluster does not answer or refuses.
    """
    wanted = changelogs(kafka)
    async with _admin(kafka) as admin:
        described = await admin.describe_topics(list(wanted))
    there = {
        each["topic"]: len(each["partitions"]) for each in described if each["error_code"] == 0
    }
    found = []
    for name, partitions in wanted.items():
        if name not in there:
            found.append(
                Difference(
                    topic=name, what="missing", setting="topic", wanted="there", found="missing"
                )
            )
        elif there[name] != partitions:
            found.append(
                Difference(
                    topic=name,
                    what="partitions",
                    setting="partitions",
                    wanted=str(partitions),
                    found=str(there[name]),
                )
            )
    return found


async def create_changelogs(kafka: KafkaSettings) -> list[str]:
    """Create the changelogs that are missing, and return their names; may be repeated.

    Returns when the brokers show them. A worker creates its own too; where it may not, this is what
    does. Raises as ``check_changelogs``.
    """
    missing = await _missing(kafka)
    await create_compacted(kafka, dict.fromkeys(missing, kafka.partitions))
    deadline = time.monotonic() + _VISIBLE_S
    while unseen := await _missing(kafka):
        if time.monotonic() > deadline:
            msg = f"these changelogs are not shown after their creation: {', '.join(unseen)}"
            raise EnvironmentFaultError(msg)
        await asyncio.sleep(0.05)
    return missing


async def _missing(kafka: KafkaSettings) -> list[str]:
    return [each.topic for each in await check_changelogs(kafka) if each.what == "missing"]


async def check_acls(
    kafka: KafkaSettings, roles: Iterable[Role] = ROLES
) -> list[Difference] | None:
    """What the cluster does not allow though a role needs it.

    None where the cluster has no authorizer: everybody may do everything then. Raises
    ``EnvironmentFaultError`` where this user may not see the ACLs.
    """
    async with _admin(kafka) as admin:
        answer = await every_acl(admin)
    error = for_code(answer.error_code)
    if error is SecurityDisabled:
        return None
    if error is ClusterAuthorizationFailedError:
        msg = (
            "this user may not see the cluster's ACLs: run it as ringfence-topics, or as one who"
            " may Describe the cluster"
        )
        raise EnvironmentFaultError(msg)
    if answer.error_code:
        msg = f"Kafka does not show its ACLs ({error.__name__}): {answer.error_message}"
        raise EnvironmentFaultError(msg)
    allowed = _allowed(answer.resources)
    return [
        Difference(
            topic=f"{each.name}*" if each.pattern == "prefix" else each.name,
            what="acl",
            setting=role.user,
            wanted=", ".join(lacking),
            found="denied",
        )
        for role in roles
        for each in acls(kafka, role)
        if (lacking := [op for op in each.operations if not _covers(allowed, role, each, op)])
    ]


def _allowed(
    resources: Iterable[tuple[int, str, int, list[tuple[str, str, int, int]]]],
) -> Allowed:
    found: Allowed = {}
    for kind, name, pattern, entries in resources:
        for principal, host, operation, permission in entries:
            # what holds for some hosts only, or denies, is more than can be judged here
            if permission == _ALLOW and host == "*" and kind in _RESOURCES:
                at = (principal, _RESOURCES[kind], _PATTERNS.get(pattern, ""), name)
                found.setdefault(at, set()).update(_OPERATIONS.get(operation, ()))
    return found


def _covers(allowed: Allowed, role: Role, acl: Acl, operation: Operation) -> bool:
    for (principal, resource, pattern, name), operations in allowed.items():
        if (
            principal in {f"User:{role.user}", "User:*"}
            and resource == acl.resource
            and operation in operations
            and (
                (pattern == "literal" and name == "*")
                or (pattern == acl.pattern and name == acl.name)
                or (pattern == "prefix" and acl.name.startswith(name))
            )
        ):
            return True
    return False


@asynccontextmanager
async def _admin(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    await require(kafka)
    admin = AIOKafkaAdminClient(**connection(kafka), request_timeout_ms=_REQUEST_MS)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, TimeoutError) as exc:
        msg = f"Kafka at {kafka.bootstrap_servers} could not be asked: {exc}"
        raise EnvironmentFaultError(msg) from exc
    finally:
        await admin.close()
