"""One ``/metrics`` out of several of the same program. Does no IO."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

LABEL: Final = "process"

_SAMPLE: Final = re.compile(r"(?P<name>[^\s{]+)(?:\{(?P<labels>.*)\})? (?P<rest>.*)")


def merged(texts: Mapping[str, str]) -> bytes:
    """The figures of all, in Prometheus' text format, each with the process as a label.

    ``texts`` are what prometheus_client writes, by the name of the process. Raises ``ValueError``
    for a line that it does not write.
    """
    families: dict[str, list[str]] = {}
    for name, text in texts.items():
        family: list[str] = []
        for line in text.splitlines():
            if line.startswith("# HELP "):
                family = families.setdefault(line, [])
            elif line.startswith("#"):
                if line not in family:
                    family.insert(0, line)
            else:
                family.append(_labelled(line, name))
    lines = (each for head, family in families.items() for each in (head, *family))
    return "".join(f"{line}\n" for line in lines).encode()


def _labelled(line: str, name: str) -> str:
    found = _SAMPLE.fullmatch(line)
    if found is None:
        msg = f"no sample of Prometheus' text format: {line!r}"
        raise ValueError(msg)
    labels = ",".join(filter(None, (f'{LABEL}="{name}"', found["labels"])))
    return f"{found['name']}{{{labels}}} {found['rest']}"
