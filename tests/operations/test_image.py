"""The image: built as an operations engineer builds it, and run as a cluster runs it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from streams.settings import ROOT, KafkaSettings
from tests.operations.image import BUILD_S, USER, Image, built
from tests.support.parts import configuration, part, running, settings_of
from tests.support.processes import free_port
from tests.support.ringfence import SECRETS

pytestmark = pytest.mark.timeout(BUILD_S + 120)

MOST_MIB = 300


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("image")
    # pytest's folders are their owner's alone, and the image runs as somebody else
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    return built(folder)


def test_it_is_small_and_whole(image: Image) -> None:
    files = [path for path in image.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in files) < MOST_MIB * 1024**2
    assert image.run("--version", mounts={}).stdout.startswith("ringfence 0.")
    assert not [str(path) for path in files if "tests" in path.relative_to(image.root).parts]


@pytest.mark.parametrize("name", ["pip", "pip3", "java", "gcc", "apt-get", "curl"])
def test_what_an_intruder_would_like_is_not_there(image: Image, name: str) -> None:
    assert not list(image.root.rglob(f"bin/{name}"))


def test_no_module_installs_and_no_broker_is_in_it(image: Image) -> None:
    site = next(image.root.glob("opt/ringfence/.venv/lib/python3*/site-packages"))
    assert not [each.name for each in site.iterdir() if re.match(r"(pip|setuptools)\b", each.name)]
    assert not list(image.root.rglob("*.jar"))


def test_it_is_nobodys_and_writes_one_folder(image: Image) -> None:
    assert image.config["User"] == "10001:10001"
    assert list(image.config["Volumes"]) == ["/var/lib/ringfence"]
    writable = [
        path
        for path in image.root.rglob("*")
        if not path.is_symlink()
        and path.stat().st_mode & 0o002
        and path.relative_to(image.root).parts[0] not in {"tmp", "dev"}
        and path.relative_to(image.root).parts[:2] not in {("var", "tmp"), ("run", "lock")}
    ]
    assert writable == []


def test_the_list_of_its_contents_is_complete(image: Image) -> None:
    contents = json.loads(image.contents.read_text(encoding="utf-8"))
    found = {each["purl"].partition("?")[0] for each in contents["components"]}
    lock = (ROOT / "deploy" / "requirements.lock").read_text(encoding="utf-8")
    locked = re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", lock, flags=re.MULTILINE)
    # a marker may leave a package out here; each one that is there is of the lock
    installed = {purl for purl in found if purl.startswith("pkg:pypi/")}
    assert installed <= {f"pkg:pypi/{name}@{version}" for name, version in locked}
    assert len(installed) > 40
    assert any(purl.startswith("pkg:deb/debian/python3.") for purl in found)


def test_the_list_of_its_contents_is_cyclonedx(image: Image) -> None:
    python = ROOT / ".cache" / "operations" / "bin" / "python"
    done = subprocess.run(  # noqa: S603 - our own command line, no shell
        [python, "-c", _IS_CYCLONEDX, image.contents],
        text=True,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "None"), done.stdout + done.stderr


_IS_CYCLONEDX = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
with open(sys.argv[1]) as file:
    print(JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read()))
"""


async def test_bridge_and_worker_from_it_reject_a_call(
    image: Image, kafka: KafkaSettings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("config")
    config = configuration(
        folder,
        str(kafka.bootstrap_servers),
        free_port(),
        topic_prefix=kafka.topic_prefix,
        partitions=kafka.partitions,
    )
    for each in (folder, *folder.rglob("*")):
        each.chmod(0o755)
    settings = settings_of(config)
    mounts = {folder: "/etc/ringfence"}
    assert "-changelog: created" in image.run("topics", "apply", mounts=mounts).stdout
    assert "all topics are as they should be" in image.run("topics", "check", mounts=mounts).stdout
    env = {**image.env, **SECRETS}
    bridge, worker = (
        part(name, config, health, env, image.command(name, mounts=mounts))
        for name, health in (
            ("bridge", settings.bridge.admin_address),
            ("worker", settings.worker.listen),
        )
    )
    with pytest.MonkeyPatch.context() as environment:
        for name, value in SECRETS.items():
            environment.setenv(name, value)
        settings = settings_of(config)
    async with running(settings, bridge, worker, kafka) as parts:
        call = await parts.gateway.place_call(line="london", caller="447700900123@c.us")
        assert (await parts.outcome(call.id, "reject")).result == "accepted"
        assert (await parts.outcome(call.id, "text")).result == "accepted"
        assert (call.rejects_accepted, call.texts) == (1, 1)
        for process in (parts.bridge, parts.worker):
            assert_has_no_privileges(process.pid)


def assert_has_no_privileges(pid: int) -> None:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    for line in (rf"Uid:\s+{USER}\s.*", r"NoNewPrivs:\s+1", r"CapEff:\s+0+"):
        assert re.search(f"^{line}$", status, flags=re.MULTILINE), status
