"""Java and the broker's jars: what is missing is named, and what was fetched is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.common.errors import EnvironmentFaultError
from streams.local_kafka import jars

TOUCH_A_JAR = 'for a; do case $a in -DoutputDirectory=*) touch "${a#*=}/kafka_x.jar";; esac; done'


def say(_line: str) -> None:
    """Progress is for people."""


def a_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_missing_java_is_named_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        EnvironmentFaultError, match=r"Java is not installed.*KAFKA_BOOTSTRAP_SERVERS"
    ):
        jars.java()


def test_old_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_program(tmp_path / "java", "echo 'openjdk version \"11.0.2\"' >&2")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(EnvironmentFaultError, match=r"Java 11.*needs Java 17"):
        jars.java()


def test_missing_maven_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFaultError, match="Maven"):
        jars.ensure_jars(say, cache=tmp_path / "cache")


def test_failed_fetch_leaves_no_half_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    # as an interrupted Maven: some jars are there, the exit code says that not all are
    a_program(folder / "mvn", f"{TOUCH_A_JAR}; exit 1")
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    cache = tmp_path / "cache"
    with pytest.raises(EnvironmentFaultError, match="could not fetch"):
        jars.ensure_jars(say, cache=cache)
    assert list(cache.iterdir()) == []


def test_jars_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    a_program(folder / "mvn", TOUCH_A_JAR)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    said: list[str] = []
    first = jars.ensure_jars(said.append, cache=tmp_path / "cache")
    (folder / "mvn").unlink()
    assert jars.ensure_jars(said.append, cache=tmp_path / "cache") == first
    assert len(said) == 1
