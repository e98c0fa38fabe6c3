"""``tests/run faults``: real processes on real brokers, killed, starved and fed with rubbish; then
counted."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import orjson

from streams.common.errors import EnvironmentFaultError, RingfenceError
from tests.faults.suite.case import FULL, SAFEGUARDS, SHORT, Case, Scale, play
from tests.faults.suite.cases import CASES
from tests.faults.suite.cluster import brokers_for
from tests.faults.suite.report import Table

EPILOG = """\b
Examples:
  tests/run faults
  tests/run faults --case kill-worker --case poison
  tests/run faults --full --json faults.json --markdown faults.md
"""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.option(
    "--full", is_flag=True, help="Every case, with more of everything, instead of a handful."
)
@click.option(
    "--case", "names", multiple=True, metavar="NAME", help="Only this case; may be repeated."
)
@click.option("--list", "listed", is_flag=True, help="Name the cases and end.")
@click.option(
    "--runs", type=click.IntRange(1, 100), default=1, show_default=True, help="Of each case."
)
@click.option(
    "--kills", type=click.IntRange(1, 1000), default=None, help="Per run of a case that kills."
)
@click.option(
    "--seed",
    type=int,
    default=None,
    help="Decides moments, victims and callers; by default another each time.",
)
@click.option(
    "--without",
    type=click.Choice(sorted(SAFEGUARDS)),
    default=None,
    help="Take a safeguard out, to see it fail.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Everything, for machines.",
)
@click.option(
    "--markdown",
    "markdown_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The table.",
)
@click.option(
    "--logs", type=click.Path(path_type=Path, file_okay=False), help="Keep logs and journals there."
)
def main(
    names: tuple[str, ...],
    runs: int,
    kills: int | None,
    seed: int | None,
    without: str | None,
    json_file: Path | None,
    markdown_file: Path | None,
    logs: Path | None,
    *,
    full: bool,
    listed: bool,
) -> None:
    """Break Ringfence on purpose, and count what came of it.

    Bridge, workers and gateways run as processes of their own on local brokers, under steady signed
    traffic. The judge is what stands on the topics and what the gateways wrote down.

    Exits with 1 when anything was lost, doubled, stale, or rejected by mistake.
    """
    if listed:
        for case in CASES:
            click.echo(f"{case.name:18} {case.label}")
        return
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    chosen = _chosen(names, full=full)
    if without is not None:
        chosen = [case.without(without) for case in chosen]
    folder = Path(tempfile.mkdtemp(prefix="ringfence-faults-")) if logs is None else logs.resolve()
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    click.echo(f"seed {seed}, logs in {folder}", err=True)
    table = Table()

    scale = FULL if full else SHORT
    scale = scale if kills is None else replace(scale, kills=kills)

    def keep() -> None:
        _keep(table, seed, json_file, markdown_file)

    try:
        asyncio.run(_play_all(chosen, table, folder, seed, runs, scale, keep))
    except RingfenceError as exc:
        click.echo(f"faults: {exc}", err=True)
        sys.exit(EnvironmentFaultError.exit_code)
    finally:
        for line in table.lines():
            click.echo(line)
    if logs is None and table.sound:
        shutil.rmtree(folder)
    sys.exit(0 if table.sound else 1)


def _chosen(names: tuple[str, ...], *, full: bool) -> list[Case]:
    known = {case.name: case for case in CASES}
    unknown = [name for name in names if name not in known]
    if unknown:
        msg = f"no case {', '.join(unknown)}; `tests/run faults --list` names them"
        raise click.UsageError(msg)
    return [case for case in CASES if (case.name in names if names else full or case.short)]


async def _play_all(
    chosen: list[Case],
    table: Table,
    folder: Path,
    seed: int,
    runs: int,
    scale: Scale,
    keep: Callable[[], None],
) -> None:
    for kind in dict.fromkeys(case.cluster for case in chosen):
        async with brokers_for(kind, folder / f"brokers-{kind}") as cluster:
            for case in (case for case in chosen if case.cluster == kind):
                for run in range(runs):
                    table.add(
                        await play(case, cluster, folder / f"{case.name}-{run}", seed + run, scale)
                    )
                    keep()


def _keep(table: Table, seed: int, json_file: Path | None, markdown_file: Path | None) -> None:
    """After each play: what an interrupted run has counted is worth having."""
    if json_file is not None:
        found = {"seed": seed, **table.as_dict()}
        json_file.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    if markdown_file is not None:
        markdown_file.write_text("\n".join(table.markdown()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
