"""``ringfence up``: everything on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from streams.cli.options import DURATION, RATE, config_option, example, log_format_option
from streams.cli.startup import log_to_file
from streams.common.log_style import LogFormat, LogStyle


@click.command(
    epilog=example(
        "ringfence up --for 60 --report summary.json",
        "ringfence up --for 600 --report-html report.html",
        "ringfence up --traffic none",
    )
)
@config_option
@click.option(
    "--traffic",
    type=RATE,
    default="2",
    show_default=True,
    metavar="RATE|none",
    help="Simulated calls per second; `none` for production, with the configured gateways.",
)
@click.option(
    "--for",
    "duration_ms",
    type=DURATION,
    metavar="SECONDS",
    help="End after so long; default: at Ctrl-C.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Summary of the run as JSON.",
)
@click.option(
    "--report-html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="At the end: what `ringfence report` says of the run, as one page.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Processes that decide and reject; default: one for each core but one.",
)
@click.option("--seed", type=int, default=None, help="Makes the simulated traffic repeatable.")
@click.option(
    "--apply",
    "apply_policies",
    is_flag=True,
    help="With --traffic none: put the policies folder in force first (a demo always does).",
)
@log_format_option
def up(  # noqa: PLR0913 - one keyword for each option of the command
    config: Path,
    traffic: float | None,
    duration_ms: int | None,
    report: Path | None,
    report_html: Path | None,
    workers: int | None,
    seed: int | None,
    log_format: LogFormat,
    *,
    apply_policies: bool,
) -> None:
    """Run everything on this machine, with simulated traffic.

    Starts Kafka, topics, bridge, worker and the simulated gateways, shows one line for each call,
    and ends with a summary. Exits with 0 only when the audit of the run holds.
    """
    from streams.single_node.plan import RunOptions
    from streams.single_node.run import up as run_up

    log_to_file(LogStyle("up", log_format))
    options = RunOptions(
        config=config,
        rate=traffic,
        duration_ms=duration_ms,
        report=report,
        report_html=report_html,
        workers=workers,
        seed=seed,
        apply=apply_policies,
        log_format=log_format,
    )
    sys.exit(run_up(options, click.echo))
