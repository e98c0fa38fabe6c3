"""The process that writes a run's report."""

from __future__ import annotations

import os
import sys

import pytest

from streams.common.errors import EnvironmentFaultError
from streams.single_node.report_page import write_page


async def test_what_the_command_said_is_passed_on() -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('no room')")
    with pytest.raises(EnvironmentFaultError, match="the report was not written: no room"):
        await write_page(command, os.environ)


async def test_a_command_that_ends_well_says_nothing() -> None:
    await write_page((sys.executable, "-c", "print('written')"), os.environ)
