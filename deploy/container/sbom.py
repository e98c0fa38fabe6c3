"""Prints what an image is made of, as CycloneDX 1.6: Debian's packages, Python's, and Ringfence.

``python3 sbom.py ROOT --version 1.0 --revision COMMIT --made-at SECONDS``; ROOT is the unpacked
image. Needs the standard library alone.
"""

from __future__ import annotations

import argparse
import email
import json
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote


def debian(root: Path) -> Iterator[dict[str, Any]]:
    """Every package that dpkg has installed there."""
    release = dict(
        line.split("=", 1) for line in (root / "etc/os-release").read_text("utf-8").splitlines()
    )
    distro = f"debian-{release['VERSION_ID'].strip(chr(34))}"
    status = (root / "var/lib/dpkg/status").read_text("utf-8")
    for paragraph in status.strip().split("\n\n"):
        fields = email.message_from_string(paragraph)
        if fields["Status"] != "install ok installed":
            continue
        name, version = fields["Package"], fields["Version"]
        where = f"arch={fields['Architecture']}&distro={distro}"
        yield component("deb/debian", name, version, where)


def python(root: Path) -> Iterator[dict[str, Any]]:
    """Every distribution in the environment."""
    for path in sorted(root.glob("opt/ringfence/.venv/lib/python3*/site-packages/*.dist-info")):
        fields = email.message_from_string((path / "METADATA").read_text("utf-8"))
        yield component("pypi", fields["Name"].lower().replace("_", "-"), fields["Version"])


def component(kind: str, name: str, version: str, qualifiers: str = "") -> dict[str, Any]:
    """One package by its package URL."""
    purl = f"pkg:{kind}/{quote(name)}@{quote(version)}{'?' * bool(qualifiers)}{qualifiers}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def document(root: Path, version: str, revision: str, made_at: int) -> dict[str, Any]:
    """The whole list; the same image gives the same document."""
    product = {
        "type": "container",
        "bom-ref": "ringfence",
        "name": "ringfence",
        "version": version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "properties": [{"name": "git.commit", "value": revision}],
    }
    parts = [*debian(root), *python(root)]
    if not any(each["purl"].startswith("pkg:deb/") for each in parts) or not any(
        each["purl"].startswith("pkg:pypi/") for each in parts
    ):
        sys.exit(f"{root} is no unpacked image of Ringfence: no packages are found in it")
    references = [each["bom-ref"] for each in parts]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, revision + str(references))}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(made_at, UTC).isoformat(),
            "component": product,
        },
        "components": parts,
        "dependencies": [{"ref": "ringfence", "dependsOn": references}],
    }


def main() -> None:
    """Print the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--made-at", required=True, type=int)
    given = parser.parse_args()
    text = json.dumps(document(given.root, given.version, given.revision, given.made_at), indent=1)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
