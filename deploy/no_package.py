"""The build backend of ``pyproject.toml``: refuses to make a package.

Ringfence runs from a checkout: it needs the files beside its code, and its folders ``models`` and
``streams`` would take these names from everybody in site-packages.
"""

from __future__ import annotations

from typing import Any, NoReturn


def _refuse(*_given: Any, **_named: Any) -> NoReturn:
    message = (
        "Ringfence is not installed as a package, it runs from its checkout: start `deploy/run`"
        " there, which makes .venv and .venv/bin/ringfence; README.md has more."
    )
    raise SystemExit(message)


# what a front end asks before it downloads or builds anything (PEP 517 and PEP 660)
get_requires_for_build_wheel = _refuse
get_requires_for_build_editable = _refuse
get_requires_for_build_sdist = _refuse
build_wheel = _refuse
build_editable = _refuse
build_sdist = _refuse
