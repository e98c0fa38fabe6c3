"""Tells what pip-audit found, from its JSON: ``python tests/advisories.py FILE``.

Exits with 0 where nothing is known, 1 where something is, 75 where not one package could be looked
up: pip-audit itself calls that a success.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

UNREACHED = 75
"""sysexits.h: EX_TEMPFAIL."""


def main(file: Path) -> int:
    """Print and return what the exit code says."""
    try:
        packages: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))[
            "dependencies"
        ]
    except (OSError, ValueError):
        packages = []
    asked = [each for each in packages if "skip_reason" not in each]
    if not asked:
        return UNREACHED
    faults = [(each, fault) for each in asked for fault in each["vulns"]]
    for each, fault in faults:
        mended = ", ".join(fault["fix_versions"]) or "no version yet"
        click.echo(f"{each['name']} {each['version']}: {fault['id']}, mended in {mended}")
    click.echo(f"{len(asked)} of {len(packages)} packages were looked up: {len(faults)} advisories")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
