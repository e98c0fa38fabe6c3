"""The generated ACLs on a real broker: the whole pipeline runs under them, and nobody may do more.

The broker denies whatever is not allowed, to everybody.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    for_code,
)

from models.topics import CALLS_EVENTS, TOPICS
from streams.kafka.acls import (
    ATTRITION,
    AUDITOR,
    BRIDGE,
    DEAD_LETTERS,
    OPERATOR,
    ROLES,
    STATE,
    TOPICS_ROLE,
    WORKER,
    Operation,
    Role,
    acls,
    commands,
)
from streams.kafka.connection import connection
from streams.settings import ROOT, KafkaSettings, load_settings
from tests.support.guarded_kafka import STRANGER, GuardedKafka, prepared
from tests.support.parts import Parts, configuration, part, running
from tests.support.processes import environment, free_port
from tests.support.ringfence import SECRETS

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

PREFIX = "guarded."


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    with prepared(tmp_path_factory.mktemp("guarded")) as local:
        asyncio.run(local.start())
        local.allow(as_user(local, STRANGER))
        yield local


def as_user(cluster: GuardedKafka, user: str) -> KafkaSettings:
    return cluster.settings(user, topic_prefix=PREFIX, partitions=4)


@pytest.fixture(scope="module")
def config(cluster: GuardedKafka, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return configuration(
        tmp_path_factory.mktemp("parts"),
        cluster.guarded,
        free_port(),
        topic_prefix=PREFIX,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN",
        username="${KAFKA_USERNAME}",
        password="${KAFKA_PASSWORD}",
    )


def cli(
    cluster: GuardedKafka, config: Path, role: Role, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """One command of the command line, by a role's user."""
    return subprocess.run(  # noqa: S603 - our own command line, no shell
        [sys.executable, "-P", "-m", "streams.cli", *arguments, "--config", str(config)],
        env=environment(**cluster.environment(role), RINGFENCE_STATE_DIR=str(config.parent)),
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def parts(cluster: GuardedKafka, config: Path) -> AsyncIterator[Parts]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (SECRETS | cluster.environment(WORKER)).items():
            environment.setenv(name, value)
        environment.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
        settings = load_settings(config)
    applied = await asyncio.to_thread(cli, cluster, config, TOPICS_ROLE, "topics", "apply")
    assert applied.returncode == 0, applied.stderr
    state = {"RINGFENCE_STATE_DIR": str(config.parent)}
    admin = settings.bridge.admin_address
    bridge = part("bridge", config, admin, cluster.environment(BRIDGE) | state)
    worker = part("worker", config, settings.worker.listen, cluster.environment(WORKER) | state)
    async with running(settings, bridge, worker, as_user(cluster, AUDITOR.user)) as all_parts:
        yield all_parts


async def test_a_call_is_rejected_and_told_under_the_acls(
    cluster: GuardedKafka, config: Path, parts: Parts
) -> None:
    call = await parts.gateway.place_call(line="london", caller="447700900123@c.us")
    assert (await parts.outcome(call.id, "reject")).result == "accepted"
    assert (await parts.outcome(call.id, "text")).result == "accepted"
    assert (call.rejects_accepted, call.texts) == (1, 1)
    for role, *arguments in (
        (AUDITOR, "explain", call.id),
        (AUDITOR, "audit"),
        (AUDITOR, "topics", "check"),
        (TOPICS_ROLE, "topics", "check", "--acls"),
        (AUDITOR, "callbacks", "list"),
        (DEAD_LETTERS, "dlq", "list"),
        (OPERATOR, "lists", "add", "vip", "+447700900124"),
        (OPERATOR, "policy", "apply", str(config.parent / "policies")),
    ):
        done = await asyncio.to_thread(cli, cluster, config, role, *arguments)
        assert done.returncode == 0, f"{role.name} {arguments}: {done.stdout}{done.stderr}"


async def test_state_goes_elsewhere_under_the_acls(
    cluster: GuardedKafka, config: Path, parts: Parts
) -> None:
    elsewhere = with_prefix(config, "restored.")
    new = cluster.settings(STATE.user, topic_prefix="restored.", partitions=4)
    for arguments in commands(new, (TOPICS_ROLE, STATE)):
        await asyncio.to_thread(cluster.acls, *arguments)
    folder = str(config.parent / "backup")
    for role, at, *arguments in (
        (STATE, config, "state", "export", folder),
        (TOPICS_ROLE, elsewhere, "topics", "apply"),
        (STATE, elsewhere, "state", "import", folder, "--dry-run"),
        (STATE, elsewhere, "state", "import", folder),
    ):
        done = await asyncio.to_thread(cli, cluster, at, role, *arguments)
        assert done.returncode == 0, f"{role.name} {arguments}: {done.stdout}{done.stderr}"


def with_prefix(config: Path, prefix: str) -> Path:
    """The configuration beside it, with topics of another prefix."""
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    document["kafka"]["topic_prefix"] = prefix
    path = config.with_name("elsewhere.yaml")
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


async def test_attrition_follows_under_the_acls(
    cluster: GuardedKafka, config: Path, parts: Parts
) -> None:
    call = await parts.gateway.place_call(line="london", caller="447700900126@c.us")
    await parts.outcome(call.id, "reject")
    env = cluster.environment(ATTRITION) | {"RINGFENCE_STATE_DIR": str(config.parent)}
    attrition = part("attrition", config, parts.settings.attrition.listen, env)
    attrition.start()
    try:
        await attrition.until_ready()
        await attrition.stop()
    finally:
        attrition.kill()
    assert "Authorization" not in attrition.said()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
async def test_a_role_writes_and_reads_what_it_must_and_no_more(
    cluster: GuardedKafka, parts: Parts, role: Role
) -> None:
    kafka = as_user(cluster, role.user)
    allowed = {each.name: set(each.operations) for each in acls(kafka, role)}
    for topic in TOPICS:
        name = topic.full_name(PREFIX)
        may = allowed.get(name, set())
        wanted = Operation.READ in may
        assert await reads(kafka, name, wanted=wanted) == wanted, f"{role.name} reads {name}"
        # what the pipeline is to read again must not be made up; whether it may is known by then
        if Operation.WRITE not in may:
            assert not await writes(kafka, name), f"{role.name} writes {name}"


async def test_nobody_else_may_see_that_there_are_topics(
    cluster: GuardedKafka, parts: Parts
) -> None:
    kafka = as_user(cluster, STRANGER)
    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    try:
        assert await admin.list_topics() == []
    finally:
        await admin.close()


@pytest.mark.parametrize("role", [BRIDGE, OPERATOR, AUDITOR], ids=lambda role: role.name)
async def test_only_a_worker_joins_the_workers_group(
    cluster: GuardedKafka, parts: Parts, role: Role
) -> None:
    with pytest.raises((GroupAuthorizationFailedError, TopicAuthorizationFailedError)):
        await join(as_user(cluster, role.user), parts.settings.consumer_group)


@pytest.mark.parametrize("role", [BRIDGE, WORKER, OPERATOR, AUDITOR], ids=lambda role: role.name)
async def test_only_the_role_for_topics_makes_one(
    cluster: GuardedKafka, parts: Parts, role: Role
) -> None:
    admin = AIOKafkaAdminClient(**connection(as_user(cluster, role.user)))
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(f"{PREFIX}made-up", 1, 1)])
        faults = [for_code(code) for _, code, *_ in answer.topic_errors]
        assert faults == [TopicAuthorizationFailedError]
    finally:
        await admin.close()


async def test_a_command_that_may_not_says_so(
    cluster: GuardedKafka, config: Path, parts: Parts
) -> None:
    done = await asyncio.to_thread(
        cli, cluster, config, AUDITOR, "lists", "add", "vip", "+447700900125"
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "kafka.username may not do that" in done.stderr


async def test_what_a_new_version_may_not_yet_is_told(
    cluster: GuardedKafka, config: Path, parts: Parts
) -> None:
    changed = (
        *("--allow-principal", f"User:{DEAD_LETTERS.user}", "--operation", "Write"),
        *("--topic", CALLS_EVENTS.full_name(PREFIX)),
    )
    await asyncio.to_thread(cluster.acls, "--remove", "--force", *changed)
    arguments = ("topics", "check", "--acls")
    done = await asyncio.to_thread(cli, cluster, config, TOPICS_ROLE, *arguments)
    await asyncio.to_thread(cluster.acls, "--add", *changed)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        (
            f"{DEAD_LETTERS.user}: may not Write on {CALLS_EVENTS.full_name(PREFIX)};"
            " `ringfence topics acls --commands` allows it"
        )
    ]
    denied = await asyncio.to_thread(cli, cluster, config, AUDITOR, *arguments)
    assert (denied.returncode, "may not see the cluster's ACLs" in denied.stderr) == (3, True)


async def join(kafka: KafkaSettings, group: str) -> None:
    """Become a member of the group, and leave it; raises where that is denied."""
    topic = CALLS_EVENTS.full_name(PREFIX)
    consumer = AIOKafkaConsumer(topic, group_id=group, **connection(kafka))
    try:
        await consumer.start()
    finally:
        await consumer.stop()


async def reads(kafka: KafkaSettings, topic: str, *, wanted: bool) -> bool:
    """Whether a fetch from the topic is allowed.

    One that is denied says so as soon as it is answered, of one that is allowed from an empty topic
    nothing is heard: a denial is waited for unless the fetch is ``wanted``.
    """
    wait_ms = 50 if wanted else 20_000
    consumer = AIOKafkaConsumer(group_id=None, **connection(kafka))
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    try:
        await consumer.start()
        await consumer.seek_to_beginning(partition)
        await consumer.getmany(partition, timeout_ms=wait_ms)
    except TopicAuthorizationFailedError:
        return False
    finally:
        await consumer.stop()
    return True


async def writes(kafka: KafkaSettings, topic: str) -> bool:
    """Whether a record is taken."""
    producer = AIOKafkaProducer(acks="all", **connection(kafka))
    await producer.start()
    try:
        with suppress(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, b"made up", partition=0)
            return True
    finally:
        await producer.stop()
    return False
