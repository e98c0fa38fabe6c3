"""``tests/run upgrade``: a pinned commit and the present sources side by side on one cluster."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from streams.common.errors import RingfenceError
from tests.faults.suite.case import SHORT, Case, play
from tests.faults.suite.cluster import brokers_for
from tests.faults.suite.report import Table
from tests.faults.upgrade.images import image_of_commit, image_of_present
from tests.faults.upgrade.release import PINNED, Runnable, pinned, present
from tests.faults.upgrade.rolling import case

RATE: Final = 6.0
"""Steps of traffic a second: what three processes that start beside it leave room for."""


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--commit", default=None, help="Instead of the pinned one; what `git rev-parse` understands."
)
@click.option("--seed", type=int, default=None, help="Decides callers and their calls.")
@click.option(
    "--logs", type=click.Path(path_type=Path, file_okay=False), help="Keep logs and journals there."
)
@click.option(
    "--images",
    is_flag=True,
    help="Run both from images, built as deploy/container/build does. As root; minutes more.",
)
def main(commit: str | None, seed: int | None, logs: Path | None, *, images: bool) -> None:
    """Replace each process by the pinned commit's and back, under load, and count what came of it.

    The commit's sources come out of git and its environment out of its own lock, both into
    .cache/upgrade. Exits with 1 when anything was lost, doubled, stale, or rejected by mistake.
    Takes some two minutes, and another to install the packages the first time.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    folder = Path(tempfile.mkdtemp(prefix="ringfence-upgrade-")) if logs is None else logs.resolve()
    table = Table()
    try:
        with releases(commit or PINNED or "HEAD", images=images) as (old, new):
            click.echo(f"pinned {old.name}, seed {seed}, logs in {folder}", err=True)
            if images:
                # a process from an image runs as somebody else
                folder.chmod(0o755)
            asyncio.run(_play(table, folder, seed, case(old, new)))
    except RingfenceError as exc:
        click.echo(f"upgrade: {exc}", err=True)
        sys.exit(exc.exit_code)
    finally:
        for line in table.lines():
            click.echo(line)
    if logs is None and table.sound:
        shutil.rmtree(folder)
    sys.exit(0 if table.sound else 1)


@contextmanager
def releases(commit: str, *, images: bool) -> Iterator[tuple[Runnable, Runnable]]:
    """The commit and the present, from their sources or from images of both."""
    if not images:
        yield pinned(commit), present()
        return
    with tempfile.TemporaryDirectory(prefix="ringfence-images-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        yield image_of_commit(commit, place / "old"), image_of_present(place / "new")


async def _play(table: Table, folder: Path, seed: int, chosen: Case) -> None:
    async with brokers_for(chosen.cluster, folder / "brokers") as cluster:
        scale = replace(SHORT, rate=RATE)
        table.add(await play(chosen, cluster, folder / chosen.name, seed, scale))


if __name__ == "__main__":
    main()
