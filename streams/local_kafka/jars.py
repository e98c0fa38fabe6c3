"""Apache Kafka's jars: fetched once by Maven from Maven Central, kept in the checkout's cache."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

from streams.common.errors import EnvironmentFaultError
from streams.settings import ROOT

POM = ROOT / "deploy" / "kafka" / "pom.xml"
CACHE = ROOT / ".cache" / "kafka"
JAVA_MINIMUM = 17
"""Kafka 4's broker and tools need Java 17 (its documentation, "Java Version")."""

_HINT = (
    "install it, e.g. `apt-get install default-jre-headless maven`, or set KAFKA_BOOTSTRAP_SERVERS"
)
_FETCH_SECONDS = 600

Report = Callable[[str], None]
"""Takes one line for the person who waits."""


def kafka_version() -> str:
    """The version that the pom names."""
    # the pom is our own file
    found = ET.parse(POM).getroot().findtext(".//{*}kafka.version")  # noqa: S314
    if found is None:
        msg = f"{POM}: the property kafka.version is missing"
        raise EnvironmentFaultError(msg)
    return found


def java() -> str:
    """The path of a Java that Kafka runs on; raises ``EnvironmentFaultError`` with what to do."""
    path = shutil.which("java")
    if path is None:
        msg = (
            f"Java is not installed, and the local Kafka needs Java {JAVA_MINIMUM} or newer: "
            f"{_HINT}"
        )
        raise EnvironmentFaultError(msg)
    # the program that the path just named
    answer = subprocess.run(  # noqa: S603
        [path, "-version"], capture_output=True, text=True, check=False
    )
    found = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    if answer.returncode != 0 or found is None:
        said = (answer.stderr or answer.stdout).strip()[:300]
        msg = f"`{path} -version` does not name a version: {said}; {_HINT}"
        raise EnvironmentFaultError(msg)
    if int(found[1]) < JAVA_MINIMUM:
        msg = (
            f"{path} is Java {found[1]}, and the local Kafka needs Java {JAVA_MINIMUM} or newer: "
            f"{_HINT}"
        )
        raise EnvironmentFaultError(msg)
    return path


def ensure_jars(progress: Report, *, cache: Path = CACHE) -> Path:
    """The folder with Kafka's jars, fetched by Maven if it is not there yet.

    Blocks for seconds to minutes the first time. May be repeated and run twice at once: the folder
    appears under its name only when it is whole. Raises ``EnvironmentFaultError`` where Maven is
    missing or fails.
    """
    folder = cache / kafka_version()
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        msg = f"Maven (mvn) is not installed, and fetches the local Kafka: {_HINT}"
        raise EnvironmentFaultError(msg)
    progress(f"fetching Apache Kafka {folder.name} from Maven Central, once (about 45 MB)")
    cache.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=cache))
    try:
        _copy_dependencies(maven, half)
        _publish(half, folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return folder


def _copy_dependencies(maven: str, folder: Path) -> None:
    command = [
        maven,
        "-B",
        "-q",
        "-f",
        str(POM),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={folder}",
    ]
    try:
        # our own command line, no shell
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS
        )
    except subprocess.TimeoutExpired:
        msg = (
            f"Maven did not fetch Kafka's jars within {_FETCH_SECONDS} s: look at the network, "
            "then start again"
        )
        raise EnvironmentFaultError(msg) from None
    if done.returncode != 0 or not any(folder.glob("kafka_*.jar")):
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[:12])
        msg = (
            "Maven could not fetch Kafka's jars; look at the network or Maven's settings.xml:\n"
            f"{said}"
        )
        raise EnvironmentFaultError(msg)


def _publish(half: Path, folder: Path) -> None:
    try:
        half.rename(folder)
    except OSError:
        # another process was first; its folder is as whole as ours
        if not folder.is_dir():
            raise
