"""The extra ``analytics``: its lock, and what is said where it is not installed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from streams.common.analytics_extra import MODULES, require_analytics
from streams.common.errors import EnvironmentFaultError
from streams.settings import ROOT

LOCK = ROOT / "deploy" / "requirements-analytics.lock"


def pinned(lock: Path) -> dict[str, str]:
    """The version of each package in a lock file."""
    found = re.findall(r"^([\w.-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(found)


def test_nothing_is_said_where_all_is_installed() -> None:
    require_analytics("ringfence export")


def test_one_command_is_named_where_something_is_missing() -> None:
    with pytest.raises(EnvironmentFaultError) as refused:
        require_analytics("ringfence export", (*MODULES, "no_such_module"))
    said = str(refused.value)
    assert "`ringfence export` needs packages that are not installed here (no_such_module)" in said
    assert (
        "`.venv/bin/python -m pip install --require-hashes -r deploy/requirements-analytics.lock`"
        in said
    )


def test_the_lock_pins_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {re.split(r"[<>=~]", each)[0] for each in project["optional-dependencies"]["analytics"]}
    assert asked == {"altair", "duckdb", "vl-convert-python"}
    assert asked <= set(pinned(LOCK))


@pytest.mark.parametrize("other", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_agrees_with_the_others(other: str) -> None:
    others = pinned(ROOT / "deploy" / other)
    assert {k: v for k, v in pinned(LOCK).items() if others.get(k, v) != v} == {}


def test_the_lock_names_no_registry() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert "://" not in text
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in block, block
