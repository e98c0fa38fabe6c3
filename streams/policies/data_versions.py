"""Which versions of the data from outside this process uses: time zones, holidays, numbers."""

from __future__ import annotations

import zoneinfo
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from models.snapshot import DataVersions


@lru_cache(maxsize=1)
def data_versions() -> DataVersions:
    """The versions in use. Reads a file of the system the first time."""
    return DataVersions(
        zones=_zones(), holidays=version("holidays"), numbers=version("phonenumbers")
    )


def _zones() -> str:
    """The system's own data comes before the package's, as in ``zoneinfo``."""
    for folder in map(Path, zoneinfo.TZPATH):
        text = folder / "tzdata.zi"
        if text.is_file():
            with text.open(encoding="utf-8") as lines:
                return lines.readline().removeprefix("# version ").strip()
        if (folder / "Europe" / "London").is_file():
            return "system"
    return version("tzdata")
