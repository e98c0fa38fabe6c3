"""The CEL library is loaded without the command line that its package brings."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

COMPILES: Final = """
import sys
from streams.policies.cel import EXAMPLE_FACTS, Condition
assert Condition("group || hour > 9").holds(EXAMPLE_FACTS)
print(*sys.modules)
"""


def test_compiling_a_condition_loads_no_command_line() -> None:
    ran = subprocess.run([sys.executable, "-c", COMPILES], capture_output=True, check=True)  # noqa: S603 - our own
    loaded = set(ran.stdout.decode().split())
    assert "cel.cel" in loaded
    assert not loaded & {"cel.cli", "typer", "prompt_toolkit", "rich"}
