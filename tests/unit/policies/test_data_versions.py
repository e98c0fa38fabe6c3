"""The versions of time zones, holidays and numbers, wherever zones come from."""

from __future__ import annotations

import zoneinfo
from importlib.metadata import version
from pathlib import Path

import pytest

from streams.policies.data_versions import data_versions


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only folder in which the system may have zones."""
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path),))
    return tmp_path


def zones() -> str:
    data_versions.cache_clear()
    try:
        return data_versions()["zones"]
    finally:
        data_versions.cache_clear()


def test_the_system_says_its_version(places: Path) -> None:
    (places / "tzdata.zi").write_text("# version 2031c\n# more\n", encoding="utf-8")
    assert zones() == "2031c"


def test_a_system_that_does_not_say_it_is_named(places: Path) -> None:
    (places / "Europe").mkdir()
    (places / "Europe" / "London").write_bytes(b"TZif")
    assert zones() == "system"


@pytest.mark.usefixtures("places")
def test_else_the_package_is_in_use() -> None:
    assert zones() == version("tzdata")


def test_the_packages_are_those_installed() -> None:
    found = data_versions()
    assert (found["holidays"], found["numbers"]) == (version("holidays"), version("phonenumbers"))
