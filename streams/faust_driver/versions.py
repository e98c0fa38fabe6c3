"""The versions of Faust, mode and aiokafka that this room was proven with. Imports none of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Final

from streams.common.errors import EnvironmentFaultError

PROVEN: Final[Mapping[str, str]] = {
    "faust-streaming": "0.15.3",
    "mode-streaming": "0.7.1",
    "aiokafka": "0.14.0",
}
"""Another version may have changed what ``seams`` lists: its unit test says which members, and the
fault suite whether that loses events. Raise a version here only after both."""


def require_proven(installed: Mapping[str, str | None] | None = None) -> None:
    """Raise ``EnvironmentFaultError`` unless exactly the proven versions are installed.

    ``installed`` is asked instead of the environment where it is given; None is not installed.
    """
    found = _installed() if installed is None else installed
    wrong = [
        f"{name} {found[name] or 'is not installed'} (proven: {version})"
        for name, version in PROVEN.items()
        if found[name] != version
    ]
    if wrong:
        msg = (
            f"the worker does not run on {', '.join(wrong)}: an unproven version may lose events. "
            "Install the proven ones with `pip install --require-hashes -r "
            "deploy/requirements.lock`"
        )
        raise EnvironmentFaultError(msg)


def _installed() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in PROVEN:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found
