"""What deploy/ starts: its processes exist, get what their configuration names, and no more.

What tools say of the same files, `tests/run operations` asks.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

from streams.cli.main import cli, version
from streams.kafka.acls import ROLES
from streams.policy_admin.files import read_folder
from streams.settings import load_settings
from tests.support.deployment import (
    COMPOSE,
    DEPLOY,
    GENERATED,
    KUBERNETES,
    SYSTEMD,
    Process,
    compose,
    kubernetes,
    manifests,
    referenced,
    units,
)

PROCESSES: Final = (*kubernetes(), *compose(), *units())
CONFIGURATIONS: Final = sorted({each.config for each in PROCESSES})
WITH_SECRETS: Final = {"bridge", "worker", "gateway-sim"}
"""What reads its configuration with the gateways' secrets; others do without."""

every = pytest.mark.parametrize("process", PROCESSES, ids=lambda each: each.where)


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_generated_files_are_as_generated(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == GENERATED[path](), "run `tests/run documents`"


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.parent.name)
def test_a_configuration_is_whole(path: Path) -> None:
    settings = load_settings(path, offline=True)
    assert settings.kafka.bootstrap_servers
    assert "0.0.0.0:8080" in settings.bridge.listen


def test_kubernetes_starts_with_the_same_policies() -> None:
    settings = load_settings(KUBERNETES / "base" / "ringfence.yaml", offline=True)
    files, _ = read_folder(settings)
    assert [each.key for each in files] == ["*"]
    ours, theirs = settings.policies / "default.yaml", DEPLOY / "policies" / "default.yaml"
    assert ours.read_text(encoding="utf-8") == theirs.read_text(encoding="utf-8")


@every
def test_a_process_is_a_command_with_these_options(process: Process) -> None:
    command: click.Command = cli
    arguments = list(process.arguments)
    while isinstance(command, click.Group):
        command = command.commands[arguments.pop(0)]
    # parses, and runs nothing
    with command.make_context(command.name, arguments, resilient_parsing=False) as context:
        assert context.params["config"]


@every
def test_a_process_gets_the_variables_that_it_reads(process: Process) -> None:
    wanted = referenced(process.config)
    if process.name not in WITH_SECRETS:
        wanted &= {"KAFKA_USERNAME", "KAFKA_PASSWORD"}
    assert wanted - process.variables == set()


@every
def test_a_process_has_its_own_user_on_kafka(process: Process) -> None:
    if process.user is None:
        return
    wanted = {"audit": "ringfence-auditor"}.get(process.name, f"ringfence-{process.name}")
    assert process.user == wanted
    assert wanted in {role.user for role in ROLES}


def test_only_workers_have_the_gateways_keys() -> None:
    # a placeholder in the clear, where the configuration names the key
    for process in (*kubernetes(), *units()):
        text = str(process.detail)
        if process.name != "worker":
            assert "ringfence-gateways" not in text
            assert "gateways.env" not in text
    for unit in sorted(SYSTEMD.glob("*.service")):
        lines = unit.read_text(encoding="utf-8")
        assert ("gateways.env" in lines) == (unit.stem == "ringfence-worker")


def ports(process: Process) -> dict[str, int]:
    return {each["name"]: each["containerPort"] for each in process.detail["ports"]}


@pytest.mark.parametrize("process", [*kubernetes()], ids=lambda each: each.where)
def test_a_pod_is_watched_and_bounded(process: Process) -> None:
    container: dict[str, Any] = process.detail
    settings = load_settings(process.config, offline=True)
    there = {
        "bridge": settings.bridge.admin_address,
        "worker": settings.worker.listen,
        "attrition": settings.attrition.listen,
        "audit": process.arguments[-1],
    }[process.name]
    for probe, path in (
        ("startupProbe", "/health/live"),
        ("livenessProbe", "/health/live"),
        ("readinessProbe", "/health/ready"),
    ):
        asked = container[probe]["httpGet"]
        assert (asked["path"], ports(process)[asked["port"]]) == (path, int(there.split(":")[1]))
    # a limit of CPU would hold a process back while a call rings
    assert set(container["resources"]["limits"]) == {"memory"}
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}


@pytest.mark.parametrize("process", [*kubernetes()], ids=lambda each: each.where)
def test_a_pod_may_do_nothing_but_its_work(process: Process) -> None:
    pod, container = process.detail["pod"], process.detail["securityContext"]
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    writable = {
        each["mountPath"]
        for each in process.detail["volumeMounts"]
        if any(v["name"] == each["name"] and "emptyDir" in v for v in pod["volumes"])
    }
    assert writable == {"/tmp", "/var/lib/ringfence"}  # noqa: S108 - in the pod


def test_workers_alone_go_out() -> None:
    policies = {
        document["metadata"]["name"]: document["spec"]
        for _, document in manifests(KUBERNETES / "base")
        if document["kind"] == "NetworkPolicy"
    }
    nothing = policies.pop("ringfence-nothing")
    assert (nothing["policyTypes"], nothing.keys() & {"ingress", "egress"}) == (
        ["Ingress", "Egress"],
        set(),
    )
    out = {
        name: spec["podSelector"]["matchLabels"].get("app.kubernetes.io/component")
        for name, spec in policies.items()
        if "egress" in spec
    }
    assert out == {"ringfence-kafka": None, "ringfence-gateways": "worker"}


@pytest.mark.parametrize("process", [*compose()], ids=lambda each: each.where)
def test_a_service_of_compose_may_do_nothing_but_its_work(process: Process) -> None:
    service = process.detail
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_only_people_see_listens_on_loopback() -> None:
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))["services"]
    opened = {name: each["ports"] for name, each in services.items() if "ports" in each}
    assert opened.pop("bridge") == ["8080:8080"]
    assert all(port.startswith("127.0.0.1:") for each in opened.values() for port in each)


def test_every_process_is_scraped() -> None:
    scraped = yaml.safe_load((COMPOSE / "prometheus.yaml").read_text(encoding="utf-8"))
    targets = {
        target
        for each in scraped["scrape_configs"][0]["static_configs"]
        for target in each["targets"]
    }
    settings = load_settings(COMPOSE / "ringfence.yaml", offline=True)
    audit = next(each for each in compose() if each.name == "audit").arguments[-1]
    wanted = {
        "bridge": settings.bridge.admin_address,
        "worker": settings.worker.listen,
        "attrition": settings.attrition.listen,
        "audit": audit,
    }
    assert targets == {f"{name}:{at.split(':')[1]}" for name, at in wanted.items()}


@pytest.mark.parametrize("process", [*units()], ids=lambda each: each.where)
def test_a_unit_is_watched_and_starts_what_is_installed(process: Process) -> None:
    unit = process.detail
    assert (unit["Type"], unit["WatchdogSec"], unit["Restart"]) == ("notify", "30", "always")
    assert unit["ExecStart"].startswith("/opt/ringfence/.venv/bin/python -P -m streams.cli ")
    assert int(unit["TimeoutStopSec"]) > 14  # a worker's own limit, and its hard exit


def test_the_version_is_the_images_tag() -> None:
    named = {
        found
        for path in (COMPOSE / "compose.yaml", KUBERNETES / "base" / "kustomization.yaml")
        for found in re.findall(
            r"(?:ringfence:|newTag: )([0-9.]+)", path.read_text(encoding="utf-8")
        )
    }
    assert named == {version()}
