"""The worker runs on proven versions only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from streams.common.errors import EnvironmentFaultError
from streams.faust_driver import versions
from streams.faust_driver.versions import PROVEN, require_proven
from streams.settings import ROOT
from tests.support.ringfence import SECRETS

LOCK = ROOT / "deploy" / "requirements.lock"


@pytest.mark.parametrize("name", PROVEN)
def test_the_lock_installs_the_proven_version(name: str) -> None:
    found = re.search(rf"^{name}==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    assert found[1] == PROVEN[name]


@pytest.mark.parametrize("name", PROVEN)
def test_the_project_asks_for_the_proven_version(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"{name}=={PROVEN[name]}" in project["dependencies"]


def test_the_installed_versions_are_proven() -> None:
    require_proven()


def test_another_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(EnvironmentFaultError) as refused:
        require_proven({**PROVEN, "aiokafka": "0.15.1", "mode-streaming": None})
    said = str(refused.value)
    assert "aiokafka 0.15.1 (proven: 0.14.0)" in said
    assert "mode-streaming is not installed (proven: 0.7.1)" in said
    assert "faust-streaming" not in said
    assert "pip install --require-hashes -r deploy/requirements.lock" in said


def test_a_package_that_is_not_installed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "PROVEN", {"no-such-package-here": "1.0"})
    with pytest.raises(EnvironmentFaultError, match="no-such-package-here is not installed"):
        require_proven()


def test_the_worker_refuses_to_start_on_another_version(tmp_path: Path) -> None:
    # a newer aiokafka, as far as its metadata goes
    info = tmp_path / "aiokafka-9.9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aiokafka\nVersion: 9.9.9\n")
    run = subprocess.run(
        [sys.executable, "-m", "streams.cli", "worker"],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT))),
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
            **SECRETS,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == EnvironmentFaultError.exit_code
    assert f"aiokafka 9.9.9 (proven: {metadata.version('aiokafka')})" in run.stderr
