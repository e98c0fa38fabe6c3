"""The packages that exports and reports need, and bridge and worker do without."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Final

from streams.common.errors import EnvironmentFaultError

MODULES: Final = ("duckdb", "altair", "vl_convert")
"""What the extra ``analytics`` of ``pyproject.toml`` brings, as it is imported."""

INSTALL: Final = (
    ".venv/bin/python -m pip install --require-hashes -r deploy/requirements-analytics.lock"
)
"""The command that installs it, from the checkout's folder."""


def require_analytics(command: str, modules: Iterable[str] = MODULES) -> None:
    """Raise ``EnvironmentFaultError`` unless all of ``modules`` can be imported.

    Imports none of them. ``command`` is what needs them, as it is typed.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        msg = (
            f"`{command}` needs packages that are not installed here ({', '.join(missing)}): "
            f"install them with `{INSTALL}` in the checkout's folder; "
            "`deploy/run` does so by itself"
        )
        raise EnvironmentFaultError(msg)
