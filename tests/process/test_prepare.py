"""What ``deploy/run`` and ``tests/run`` install on a bare machine, and what they say where they may
not."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from streams.settings import ROOT

TOOLS = (
    "bash",
    "cat",
    "sed",
    "head",
    "tr",
    "env",
    "touch",
    "chmod",
    "df",
    "awk",
    "dirname",
    "cksum",
    "basename",
    "rm",
    "mv",
    "mkdir",
    "cp",
)


class Machine:
    """A PATH with a few tools of this machine, and programs that write down how they are called."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.root = folder / "checkout"
        (self.root / ".venv" / "bin").mkdir(parents=True)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.program("python3", "exit 0")
        self.calls = folder / "calls"

    def program(self, name: str, body: str) -> None:
        """A program of this name; ``body`` is Bash."""
        file = self.bin / name
        file.write_text(f"#!/usr/bin/env bash\n{body}\n", encoding="utf-8")
        file.chmod(0o755)

    def is_root(self, *, yes: bool) -> None:
        """Whether the user is root."""
        self.program("id", f"echo {0 if yes else 1000}")

    def has_apt(self, *, java: str = "21.0.4") -> None:
        """There is an apt-get whose Java has this version."""
        where = self.bin
        self.program(
            "apt-get",
            f"""echo "apt-get $*" >>{self.calls}
            [[ "$*" == *update* ]] && exit 0
            printf '#!/usr/bin/env bash\\necho version \\\\"{java}\\\\" >&2\\n' >{where}/java
            touch {where}/mvn; chmod +x {where}/java {where}/mvn""",
        )

    def has_python(self) -> None:
        """A Python that makes environments, whose pip fails where ``pip-fails`` is there."""
        self.program(
            "python3",
            f"""echo "python $*" >>{self.calls}
            case "$*" in
              *--version) echo Python 3.11.0 ;;
              *"-m venv"*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
              *"pip install"*) [ ! -e {self.root}/pip-fails ] || exit 1 ;;
            esac""",
        )

    def prepare(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Make it ready, as ``deploy/run`` does."""
        return self.run("make_machine_ready", **environment)

    def install(self, *locks: str) -> list[str]:
        """Make .venv from locks; returns those that pip was called for, even if it failed."""
        for lock in locks:
            (self.root / lock).write_text(lock, encoding="utf-8")
        self.calls.unlink(missing_ok=True)
        self.run(f"make_venv {' '.join(str(self.root / lock) for lock in locks)}")
        lines = self.calls.read_text(encoding="utf-8").splitlines()
        return [line.rpartition("/")[2] for line in lines if "pip install" in line]

    def run(self, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Call one of prepare.sh's functions."""
        script = f"root={self.root}; source {ROOT}/deploy/prepare.sh; {command}; echo ok"
        return subprocess.run(  # noqa: S603 - our own script
            [str(self.bin / "bash"), "-euo", "pipefail", "-c", script],
            env={"PATH": str(self.bin), "HOME": os.environ["HOME"], **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def installed(self) -> list[str]:
        """The calls of apt-get that install."""
        lines = self.calls.read_text(encoding="utf-8").splitlines() if self.calls.exists() else []
        return [line for line in lines if " install " in line]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_root_gets_what_is_missing(machine: Machine) -> None:
    machine.is_root(yes=True)
    machine.has_apt()
    done = machine.prepare()
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
    assert machine.installed() == [
        "apt-get install -qq -y --no-install-recommends default-jre-headless maven"
    ]
    assert "installing for Ringfence: default-jre-headless maven" in done.stderr
    assert machine.prepare().returncode == 0
    assert len(machine.installed()) == 1, "once is enough"


def test_a_sudo_without_a_password_does_as_well(machine: Machine) -> None:
    machine.is_root(yes=False)
    machine.has_apt()
    machine.program("sudo", f'echo "sudo $*" >>{machine.calls}; shift; "$@"')
    machine.program("true", "exit 0")
    done = machine.prepare()
    assert done.returncode == 0, done.stderr
    assert len(machine.installed()) == 2, "sudo's call, and apt-get's own"


def test_who_may_not_install_is_told_how(machine: Machine) -> None:
    machine.is_root(yes=False)
    machine.has_apt()
    machine.program("sudo", "exit 1")
    done = machine.prepare()
    assert done.returncode == 3
    assert "sudo apt-get install default-jre-headless maven" in done.stderr
    assert "KAFKA_BOOTSTRAP_SERVERS" in done.stderr
    assert not machine.installed()


def test_a_system_without_apt_is_told_what_it_lacks(machine: Machine) -> None:
    machine.is_root(yes=True)
    done = machine.prepare()
    assert done.returncode == 3
    assert "there is no apt-get here" in done.stderr
    assert "Java 17" in done.stderr


def test_an_old_java_of_the_system_is_not_taken(machine: Machine) -> None:
    machine.is_root(yes=True)
    machine.has_apt(java="11.0.2")
    done = machine.prepare()
    assert done.returncode == 3
    assert "do not do for the local Kafka: default-jre-headless" in done.stderr


def test_a_cluster_needs_neither_java_nor_maven(machine: Machine) -> None:
    machine.is_root(yes=True)
    machine.has_apt()
    assert machine.prepare(KAFKA_BOOTSTRAP_SERVERS="kafka:9092").returncode == 0
    assert not machine.installed()


def test_a_machine_without_python_gets_one(machine: Machine) -> None:
    machine.is_root(yes=True)
    machine.has_apt()
    (machine.bin / "python3").unlink()
    assert machine.prepare(KAFKA_BOOTSTRAP_SERVERS="kafka:9092").returncode == 0
    assert machine.installed() == [
        "apt-get install -qq -y --no-install-recommends python3 python3-venv"
    ]


def test_each_lock_is_installed_once(machine: Machine) -> None:
    machine.has_python()
    assert machine.install("one.lock") == ["one.lock"]
    assert machine.install("one.lock", "two.lock") == ["two.lock"]
    assert machine.install("one.lock", "two.lock") == []
    assert machine.install("two.lock", "one.lock") == []


def test_after_a_cut_installation_all_locks_come_anew(machine: Machine) -> None:
    machine.has_python()
    machine.install("one.lock")
    failing = machine.root / "pip-fails"
    failing.touch()
    assert machine.install("one.lock", "two.lock") == ["two.lock"]
    failing.unlink()
    # whatever half a package the second left behind, the environment begins anew, with both
    assert machine.install("one.lock", "two.lock") == ["one.lock", "two.lock"]
    assert machine.install("one.lock", "two.lock") == []


class Peers:
    """The benchmark's peers, to be made in a machine's checkout from sources of its own."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.made = machine.root / ".cache" / "peers"
        sources = machine.root / "tests" / "bench" / "peers" / "java"
        sources.mkdir(parents=True)
        (sources / "Peer.java").touch()
        digest = hashlib.sha256(b"good\n").hexdigest()
        (sources / "jars.sha256").write_text(f"{digest}  one.jar\n", encoding="utf-8")
        for tool in ("sha256sum", "diff"):
            (machine.bin / tool).symlink_to(str(shutil.which(tool)))
        machine.program("javac", f'echo "javac $*" >>{machine.calls}; exit 0')

    def serve(self, jar: str) -> None:
        """What Maven copies."""
        self.machine.program(
            "mvn", f'all="$*"; lib="${{all##*=}}"; mkdir -p "$lib"; echo {jar} >"$lib/one.jar"'
        )

    def make(self) -> subprocess.CompletedProcess[str]:
        """All of it but Quix Streams, whose environment is made as that of any tool."""
        source = f"source {ROOT}/tests/bench/peers/prepare.sh"
        return self.machine.run(f"{source}; make_tool() {{ :; }}; make_peers")


@pytest.fixture
def peers(machine: Machine) -> Peers:
    return Peers(machine)


def test_the_peers_are_made_once(machine: Machine, peers: Peers) -> None:
    peers.serve("good")
    for _ in range(2):
        done = peers.make()
        assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
    assert (peers.made / "lib" / "one.jar").exists()
    assert machine.calls.read_text(encoding="utf-8").count("javac") == 1


def test_other_jars_than_the_listed_ones_are_not_run(machine: Machine, peers: Peers) -> None:
    peers.serve("bad")
    done = peers.make()
    assert done.returncode == 3
    assert "other jars came" in done.stderr
    assert not machine.calls.exists(), "nothing was compiled"
    assert list(peers.made.parent.iterdir()) == [], "nor is anything left behind"


def test_who_may_not_install_what_peers_need_is_told_how(machine: Machine, peers: Peers) -> None:
    (machine.bin / "javac").unlink()
    machine.is_root(yes=False)
    machine.has_apt()
    machine.program("sudo", "exit 1")
    done = peers.make()
    assert done.returncode == 3
    assert "sudo apt-get install default-jdk-headless maven" in done.stderr
