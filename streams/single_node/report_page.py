"""The report of a run as one page, written by a process of its own.

Drawing takes seconds of CPU, and needs packages that nothing else here may load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from streams.common.die_with_parent import tethered
from streams.common.errors import EnvironmentFaultError


def arguments(config: Path, since_ms: int, page: Path) -> tuple[str, ...]:
    """What ``ringfence`` is called with: the calls of a run from its start on."""
    since = datetime.fromtimestamp(since_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return ("report", "--config", str(config), "--since", since, "--html", str(page))


async def write_page(command: Sequence[str], env: Mapping[str, str]) -> None:
    """Run the command to its end; it is killed where this is cancelled.

    Call it on the main thread. Raises ``EnvironmentFaultError`` with what the command said where it
    wrote nothing.
    """
    process = await asyncio.create_subprocess_exec(
        *tethered(command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=dict(env),
        # a terminal's Ctrl-C is not for it, but for the run
        start_new_session=True,
    )
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        why = said.decode("utf-8", "replace").strip() or f"it ended with {process.returncode}"
        msg = f"the report was not written: {why}"
        raise EnvironmentFaultError(msg)
