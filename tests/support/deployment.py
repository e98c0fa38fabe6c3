"""What stands in deploy/: which process runs how, with which variables, and what is generated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from streams.kafka import strimzi
from streams.settings import ROOT, load_settings
from tests.support.dashboards.files import DASHBOARDS, path_of
from tests.support.monitoring import prometheus_rule

DEPLOY: Final = ROOT / "deploy"
KUBERNETES: Final = DEPLOY / "kubernetes"
COMPOSE: Final = DEPLOY / "compose"
SYSTEMD: Final = DEPLOY / "systemd"

_NAME: Final = re.compile(r"\$\{(\w+)\}")


def _generated(make: Callable[..., Iterator[dict[str, Any]]]) -> Callable[[], str]:
    def render() -> str:
        kafka = load_settings(KUBERNETES / "base" / "ringfence.yaml", offline=True).kafka
        head = "# Written by `tests/run documents` out of the registry of topics.\n"
        return head + strimzi.document(make(kafka, "kafka"))

    return render


GENERATED: Final[dict[Path, Callable[[], str]]] = {
    KUBERNETES / "strimzi" / "topics.yaml": _generated(strimzi.topics),
    KUBERNETES / "strimzi" / "users.yaml": _generated(strimzi.users),
    KUBERNETES / "monitoring" / "rules.yaml": prometheus_rule,
    **{path_of(each): each.render for each in DASHBOARDS},
}
"""Whole files that are generated, and how."""


def write_generated() -> list[Path]:
    """Write them anew; returns those that changed."""
    changed = []
    for path, render in GENERATED.items():
        text = render()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One of Ringfence's processes as a file starts it."""

    where: str
    config: Path
    arguments: tuple[str, ...]
    variables: frozenset[str]
    """Environment variables that it gets."""
    user: str | None = None
    """Who it is on Kafka; None where the cluster asks for nobody."""
    detail: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)
    """The container, service or unit as the file says it."""

    @property
    def name(self) -> str:
        return self.arguments[0]


def referenced(config: Path) -> set[str]:
    """The environment variables that a configuration names, comments left out."""
    lines = config.read_text(encoding="utf-8").splitlines()
    return {name for line in lines for name in _NAME.findall(line.partition("#")[0])}


def manifests(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every resource of the YAML files in a folder, kustomizations left out."""
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if document.get("kind", "Kustomization") != "Kustomization":
                yield path, document


def kubernetes() -> Iterator[Process]:
    """The containers of the base."""
    base = KUBERNETES / "base"
    secrets = secrets_of_kubernetes()
    for path, document in manifests(base):
        template = document.get("spec", {}).get("template", {}).get("spec", {})
        for container in template.get("containers", ()):
            env = {each["name"]: each for each in container["env"]}
            named = [each["secretRef"]["name"] for each in container.get("envFrom", ())]
            given = {key for secret in named for key in secrets[secret]}
            yield Process(
                where=f"{path.name}/{container['name']}",
                config=base / "ringfence.yaml",
                arguments=tuple(container["args"]),
                variables=frozenset(env) | given,
                user=env["KAFKA_USERNAME"]["value"],
                detail=container | {"pod": template},
            )


def secrets_of_kubernetes() -> dict[str, set[str]]:
    """The keys of each Secret, as the documents say to make it."""
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    made = re.findall(
        r"create secret generic (\S+) \\\n((?:  --from-literal=\w+=\S+(?: \\)?\n)+)", text
    )
    return {name: set(re.findall(r"--from-literal=(\w+)=", keys)) for name, keys in made}


def compose() -> Iterator[Process]:
    """The services that run Ringfence's image."""
    document = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
    for name, service in document["services"].items():
        if not service["image"].startswith("ringfence:"):
            continue
        files = [COMPOSE / f"{each}.example" for each in service.get("env_file", ())]
        given = {
            line.partition("=")[0]
            for path in files
            for line in path.read_text(encoding="utf-8").splitlines()
            if "=" in line and not line.startswith("#")
        }
        yield Process(
            where=f"compose/{name}",
            config=COMPOSE / "ringfence.yaml",
            arguments=tuple(service["command"]),
            variables=frozenset(given | service.get("environment", {}).keys()),
            detail=service,
        )


def units() -> Iterator[Process]:
    """The units of systemd."""
    for path in sorted(SYSTEMD.glob("*.service")):
        lines = path.read_text(encoding="utf-8").splitlines()
        pairs = [line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")]
        given = dict(
            word.split("=", 1)
            for key, value in pairs
            if key == "Environment"
            for word in value.split()
        )
        files = [Path(value).name for key, value in pairs if key == "EnvironmentFile"]
        keys = {
            line.partition("=")[0]
            for name in files
            for line in (SYSTEMD / f"{name}.example").read_text(encoding="utf-8").splitlines()
            if "=" in line and not line.startswith("#")
        }
        command = next(value for key, value in pairs if key == "ExecStart").split()
        yield Process(
            where=path.name,
            config=SYSTEMD / "ringfence.yaml",
            arguments=tuple(command[command.index("streams.cli") + 1 :]),
            variables=frozenset(given) | keys,
            user=given["KAFKA_USERNAME"],
            detail={key: value for key, value in pairs if not key.startswith("Environment")},
        )
