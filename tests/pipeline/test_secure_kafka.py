"""The whole of Ringfence on a Kafka with TLS and SASL, and what it says where the cluster does not
take it in."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from pydantic import SecretStr

from streams.bridge.server import Bridge
from streams.common.errors import ConfigurationError, EnvironmentFaultError
from streams.kafka import topics_admin
from streams.kafka.cluster import require
from streams.kafka.connection import connection
from streams.settings import ROOT, KafkaSettings, load_settings
from tests.support.ringfence import House, open_house, worker_process, write_config
from tests.support.secure_kafka import PASSWORD, USER, SecureKafka, prepared

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """A broker of this module's own."""
    with (
        prepared(tmp_path_factory.mktemp("secure")) as local,
        pytest.MonkeyPatch.context() as environment,
    ):
        asyncio.run(local.start())
        local.add_user()
        environment.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
        environment.setenv("TEST_KAFKA_PASSWORD", PASSWORD)
        environment.setenv("TEST_KAFKA_WRONG_PASSWORD", "wrong-password-of-the-tests")
        yield local


def by_password(cluster: SecureKafka, **changed: Any) -> KafkaSettings:
    given = {
        "bootstrap_servers": cluster.by_password,
        "security_protocol": "SASL_SSL",
        "username": USER,
        "password": SecretStr(PASSWORD),
        "ca_file": cluster.certificates.ca,
    }
    return KafkaSettings(**given | changed)


def by_certificate(cluster: SecureKafka, **changed: Any) -> KafkaSettings:
    given = {
        "bootstrap_servers": cluster.by_certificate,
        "security_protocol": "SSL",
        "ca_file": cluster.certificates.ca,
        "certificate_file": cluster.certificates.client,
        "key_file": cluster.certificates.client_key,
    }
    return KafkaSettings(**given | changed)


def in_file(cluster: SecureKafka, password: str) -> dict[str, Any]:
    """The same as a configuration file says it."""
    return {
        "security_protocol": "SASL_SSL",
        "username": USER,
        "password": password,
        "ca_file": str(cluster.certificates.ca),
    }


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def house(
    cluster: SecureKafka, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("house")
    before = open_files()
    async with open_house(
        cluster.by_password, folder, **in_file(cluster, "${TEST_KAFKA_PASSWORD}")
    ) as running:
        yield running
    # TLS says goodbye after close() has returned; a loop that ends before that leaves the
    # connection open
    async with asyncio.timeout(10):
        # asyncio tells nobody when a transport is gone
        while open_files() > before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def open_files() -> int:
    """How many sockets and pipes the running loop watches."""
    watched: int = len(asyncio.get_running_loop()._selector.get_map())  # type: ignore[attr-defined]
    return watched


def cli(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command of the command line."""
    return subprocess.run(  # noqa: S603 - our own command line, no shell
        [sys.executable, "-m", "streams.cli", *arguments, "--config", str(house.config)],
        cwd=ROOT,
        env=os.environ | {"RINGFENCE_STATE_DIR": str(house.config.parent)},
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )


async def test_one_call_from_webhook_to_confirmation(house: House) -> None:
    call = await house.gateway.place_call(line="london", caller=house.caller())
    assert (await house.outcome(call.id, "text")).result == "accepted"
    await house.outcome(call.id, "reject", "confirmed")
    assert (call.rejects_accepted, call.texts) == (1, 1)
    for arguments, said in (
        (("topics", "apply"), "changelog"),
        (("topics", "check"), "as they should be"),
        (("topics", "list"), "calls.decisions"),
        (("explain", call.id), "rejected"),
        (("audit",), "1 offer"),
    ):
        done = await asyncio.to_thread(cli, house, *arguments)
        assert (done.returncode, said in done.stdout) == (0, True), done.stdout + done.stderr
        assert PASSWORD not in done.stdout + done.stderr


async def test_the_other_ways_in_that_the_configuration_offers(cluster: SecureKafka) -> None:
    for kafka in (by_password(cluster, sasl_mechanism="PLAIN"), by_certificate(cluster)):
        await require(kafka)
        await topics_admin.found(kafka)


WRONG = "wrong-password-of-the-tests"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"password": SecretStr(WRONG)}, "refuses kafka.username or kafka.password"),
        (
            {"password": SecretStr(WRONG), "sasl_mechanism": "PLAIN"},
            "refuses kafka.username or kafka.password",
        ),
        ({"username": "somebody"}, "refuses kafka.username or kafka.password"),
        ({"sasl_mechanism": "SCRAM-SHA-256"}, "does not offer kafka.sasl_mechanism SCRAM-SHA-256"),
        ({"ca_file": None}, "its certificate is not believed"),
        ({"ca_file": "stranger.pem"}, "its certificate is not believed"),
        (
            {"security_protocol": "SASL_PLAINTEXT", "ca_file": None},
            "look whether this port speaks SASL_PLAINTEXT",
        ),
        ({"bootstrap_servers": "127.0.0.1:1"}, "nothing listens there"),
        ({"bootstrap_servers": "no-such-host.invalid:9092"}, "check kafka.bootstrap_servers"),
    ],
)
async def test_who_is_not_taken_in_learns_why(
    cluster: SecureKafka, changed: dict[str, Any], said: str
) -> None:
    if changed.get("ca_file") == "stranger.pem":
        changed = {"ca_file": cluster.certificates.folder / "stranger.pem"}
    with pytest.raises(EnvironmentFaultError) as caught:
        await require(by_password(cluster, **changed))
    assert said in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert WRONG not in str(caught.value)


async def test_no_certificate_or_tls_to_a_plain_port_is_explained(
    cluster: SecureKafka,
) -> None:
    with pytest.raises(EnvironmentFaultError, match=r"kafka\.certificate_file"):
        await require(by_certificate(cluster, certificate_file=None, key_file=None))
    with pytest.raises(EnvironmentFaultError, match="look whether this port speaks SSL"):
        await require(by_certificate(cluster, bootstrap_servers=cluster.bootstrap))


async def test_files_that_are_no_certificates_are_named(
    cluster: SecureKafka, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for changed, said in (
        ({"ca_file": empty}, r"kafka\.ca_file: .*empty\.pem"),
        ({"ca_file": tmp_path / "none.pem"}, r"kafka\.ca_file: .*none\.pem"),
        ({"certificate_file": empty}, r"kafka\.certificate_file"),
        (
            {"key_file": cluster.certificates.folder / "ca.key"},
            r"kafka\.certificate_file and kafka\.key_file",
        ),
    ):
        with pytest.raises(ConfigurationError, match=said):
            connection(by_certificate(cluster, **changed))


async def test_a_bridge_and_a_worker_that_are_not_taken_in_say_so(
    cluster: SecureKafka, tmp_path: Path
) -> None:
    wrong = in_file(cluster, "${TEST_KAFKA_WRONG_PASSWORD}")
    config = write_config(tmp_path, cluster.by_password, "http://127.0.0.1:1", **wrong)
    settings = load_settings(config)
    async with Bridge(settings) as bridge, aiohttp.ClientSession(bridge.admin_url) as http:
        async with asyncio.timeout(20):
            while True:
                async with http.get("/health/ready") as answer:
                    reason = (await answer.json())["reason"]
                if "refuses" in reason:
                    break
                await asyncio.sleep(0.05)
    assert "refuses kafka.username or kafka.password" in reason
    log = tmp_path / "worker.log"
    worker = worker_process(config, settings, log)
    worker.start()
    with pytest.raises(
        EnvironmentFaultError, match=r"(?s)exit code 3.*refuses kafka\.username or kafka\.password"
    ):
        await worker.until_ready()
    worker.kill()
    assert "wrong-password-of-the-tests" not in log.read_text()
