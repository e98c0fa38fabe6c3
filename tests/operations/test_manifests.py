"""What deploy/ holds, as the tools that will read it see it: their libraries, schemas and types."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from streams.settings import ROOT
from tests.support.dashboards.files import DASHBOARDS, FOLDER
from tests.support.deployment import COMPOSE, DEPLOY, KUBERNETES, SYSTEMD

HERE = Path(__file__).parent
TOOLS = ROOT / ".cache" / "operations"
"""``tests/run operations`` makes it: Python's tools, Go's and Java's."""
OVERLAYS = ("base", "strimzi", "monitoring")
FOREIGN = {"kafka.strimzi.io/v1", "monitoring.coreos.com/v1"}
"""Kinds that others define."""

pytestmark = pytest.mark.timeout(600)


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command line, no shell
        command, cwd=cwd, text=True, capture_output=True, check=False
    )


def tool(name: str) -> Path:
    path = TOOLS / "bin" / name
    assert path.exists(), f"{path} is missing: `tests/run operations` makes it"
    return path


@pytest.fixture(scope="module", params=OVERLAYS)
def rendered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An overlay as kustomize applies it."""
    done = run(tool("manifests"), "kustomize", KUBERNETES / request.param)
    assert (done.returncode, done.stderr) == (0, "")
    path = tmp_path_factory.mktemp("rendered") / f"{request.param}.yaml"
    path.write_text(done.stdout, encoding="utf-8")
    return path


def test_kubernetes_takes_every_resource(rendered: Path, tmp_path: Path) -> None:
    documents = list(yaml.safe_load_all(rendered.read_text(encoding="utf-8")))
    ours = [each for each in documents if each["apiVersion"] not in FOREIGN]
    assert len(ours) > 15
    path = tmp_path / "ours.yaml"
    path.write_text(yaml.safe_dump_all(ours), encoding="utf-8")
    done = run(tool("kubernetes-validate"), "--strict", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_resource_is_in_the_namespace(rendered: Path) -> None:
    documents = yaml.safe_load_all(rendered.read_text(encoding="utf-8"))
    outside = [
        each["metadata"]["name"]
        for each in documents
        if each["kind"] != "Namespace" and each["metadata"].get("namespace") != "ringfence"
    ]
    assert outside == []


def test_grafanas_sidecar_finds_every_dashboard(rendered: Path) -> None:
    documents = yaml.safe_load_all(rendered.read_text(encoding="utf-8"))
    found = [
        json.loads(text)["uid"]
        for each in documents
        if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
        for text in each["data"].values()
    ]
    wanted = DASHBOARDS if rendered.stem == "monitoring" else ()
    assert sorted(found) == sorted(each.uid for each in wanted)


def test_strimzi_knows_every_field(rendered: Path) -> None:
    jars = f"{TOOLS / 'strimzi'}/*"
    done = run("java", "-cp", jars, HERE / "strimzi" / "Check.java", rendered)
    assert done.returncode == 0, done.stderr
    count = 0 if rendered.stem == "base" else 1
    assert done.stdout.count("Kafka 1\n") == count
    assert ("KafkaUser" in done.stdout, "KafkaTopic" in done.stdout) == (bool(count),) * 2


def test_a_field_that_strimzi_does_not_know_is_found(tmp_path: Path) -> None:
    users = (KUBERNETES / "strimzi" / "users.yaml").read_text(encoding="utf-8")
    path = tmp_path / "users.yaml"
    path.write_text(users.replace("patternType", "pattern", 1), encoding="utf-8")
    done = run("java", "-cp", f"{TOOLS / 'strimzi'}/*", HERE / "strimzi" / "Check.java", path)
    assert (done.returncode, "pattern is no field" in done.stderr) == (1, True)


def test_compose_loads_the_file(tmp_path: Path) -> None:
    schema = run(
        tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec",
        COMPOSE / "compose.yaml",
    )  # fmt: skip
    assert schema.returncode == 0, schema.stdout
    # with the files that a person fills in
    shutil.copytree(COMPOSE, tmp_path / "compose")
    for each in (tmp_path / "compose").glob("*.example"):
        each.rename(each.with_suffix(""))
    done = run(tool("manifests"), "compose", tmp_path / "compose" / "compose.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    services = json.loads(done.stdout)["services"]
    assert "/etc/prometheus/rules.yaml" in done.stdout
    provider = yaml.safe_load((COMPOSE / "grafana" / "dashboards.yaml").read_text(encoding="utf-8"))
    folder = provider["providers"][0]["options"]["path"]
    mounted = {each["target"]: each["source"] for each in services["grafana"]["volumes"]}
    assert Path(mounted[folder]) == (tmp_path / "monitoring" / "dashboards")
    assert FOLDER.relative_to(DEPLOY) == Path("monitoring") / "dashboards"
    assert {
        "kafka",
        "topics",
        "bridge",
        "worker",
        "attrition",
        "audit",
        "gateways",
    } <= services.keys()
    assert services["bridge"]["environment"]["WAHA_API_KEY"] == "not-for-the-bridge"
    assert services["worker"]["depends_on"]["topics"]["condition"] == (
        "service_completed_successfully"
    )


def test_the_image_is_described_as_it_should_be() -> None:
    done = run(tool("hadolint"), DEPLOY / "container" / "Containerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_systemd_understands_the_units_and_lets_them_do_little(tmp_path: Path) -> None:
    paths = []
    for unit in sorted(SYSTEMD.glob("*.service")):
        paths.append(tmp_path / unit.name)
        text = unit.read_text(encoding="utf-8").replace("/opt/ringfence", str(ROOT))
        paths[-1].write_text(text, encoding="utf-8")
    verified = run("systemd-analyze", "verify", *paths)
    # it warns with exit code 0
    assert (verified.returncode, verified.stderr) == (0, "")
    for path in paths:
        rated = run("systemd-analyze", "security", "--offline=true", "--threshold=20", path)
        assert rated.returncode == 0, rated.stdout[-2000:]


def test_what_a_person_wrote_is_kept(tmp_path: Path) -> None:
    assert run(SYSTEMD / "install", "--into", tmp_path).returncode == 0
    settings = tmp_path / "etc" / "ringfence"
    (settings / "ringfence.yaml").write_text("# mine\n", encoding="utf-8")
    again = run(SYSTEMD / "install", "--into", tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert (settings / "ringfence.yaml").read_text(encoding="utf-8") == "# mine\n"
    secrets = sorted(settings.glob("*.env"))
    assert len(secrets) == 6
    assert {each.stat().st_mode & 0o777 for each in secrets} == {0o600}
    units = {each.name for each in (tmp_path / "etc" / "systemd" / "system").iterdir()}
    assert units == {each.name for each in SYSTEMD.glob("*.service")}
