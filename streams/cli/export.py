"""``ringfence export``: the topics as Parquet files."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.options import DURATION, MOMENT, config_option, demo_option, example
from streams.cli.output import say
from streams.cli.startup import kafka_settings, run_until_signalled
from streams.settings import STATE_DIR

if TYPE_CHECKING:
    from streams.export.folder import Numbers

_STOPPED = 130
"""What a shell says of a command that Ctrl-C ended."""


@click.command(
    epilog=example(
        "ringfence export parquet",
        "ringfence export parquet --topics calls.decisions,calls.outcomes --since 30d",
        "ringfence export parquet --follow --every 1m",
    )
)
@config_option
@demo_option
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--topics",
    "names",
    metavar="NAME,NAME",
    default="",
    help="Topics, without their prefix; default: all.",
)
@click.option(
    "--since",
    "since_ms",
    type=MOMENT,
    metavar="TIME",
    help="Such as 7d, or 2026-11-24T18:00; for a new folder; default: all.",
)
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option(
    "--every",
    "every_ms",
    type=DURATION,
    default="5m",
    show_default=True,
    metavar="TIME",
    help="With --follow: how often what came is written.",
)
@click.option(
    "--numbers",
    type=click.Choice(["masked", "full"]),
    default="masked",
    show_default=True,
    help="Whether phone numbers stand as they are, or as names that can still be joined.",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=STATE_DIR / "export.key",
    metavar="FILE",
    help="The key of masked numbers, made if it is not there; default: of this checkout.",
)
def export(
    config: Path,
    folder: Path,
    names: str,
    since_ms: int | None,
    every_ms: int,
    numbers: Numbers,
    key_file: Path,
    *,
    follow: bool,
) -> None:
    """Write the topics as Parquet files, for DuckDB and the like.

    One folder a topic, and in it one a day; each record once, by its offset. The same command goes
    on from where the folder ends, after a kill too: run it again and again, or with --follow.

    Masked numbers (+447•••••••23#9f86d081884c7d65) are the same for the same person everywhere, as
    long as the key is the same. Whoever has the key can find out the numbers: keep it from the
    folder's readers.

    Records that cannot be read stand in DIR/unreadable, with the reason.
    """
    from streams.common.analytics_extra import require_analytics

    require_analytics("ringfence export", ["duckdb"])
    from streams.export.run import ExportOptions
    from streams.export.run import export as run
    from streams.kafka.topic_names import topics_named

    topics = topics_named(name.strip() for name in names.split(",") if name.strip())
    settings = kafka_settings(config)

    options = ExportOptions(
        key_file=key_file,
        numbers=numbers,
        since_ms=since_ms,
        every_ms=every_ms if follow else None,
    )

    async def until(stop: asyncio.Event) -> bool:
        await run(settings.kafka, folder, topics, stop, say, options)
        return stop.is_set() and not follow

    if run_until_signalled(until):
        sys.exit(_STOPPED)
