"""Ringfence runs from its checkout: nothing promises a package, and pip makes none."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from streams.settings import ROOT


@pytest.mark.parametrize("how", [[], ["--editable"]], ids=["whole", "editable"])
def test_pip_refuses_and_names_the_way_to_run(tmp_path: Path, how: list[str]) -> None:
    target = tmp_path / "site-packages"
    done = subprocess.run(  # noqa: S603 - our own Python
        [
            *(sys.executable, "-m", "pip", "install", "--no-index", "--no-deps"),
            *("--disable-pip-version-check", "--target", str(target), *how, str(ROOT)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "runs from its checkout: start `deploy/run`" in done.stdout + done.stderr
    assert not target.exists() or not list(target.iterdir())


def test_the_project_names_dependencies_and_no_command() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "scripts" not in project
    assert "dynamic" not in project  # what renews the locks reads the names without a build
    assert "Private :: Do Not Upload" in project["classifiers"]
