"""``ringfence state``: what is not in code, out of a cluster and into an empty one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from streams.cli.options import config_option, demo_option, example
from streams.cli.output import say
from streams.cli.startup import kafka_settings

_STOPPED = 130
"""What a shell says of a command that Ctrl-C ended."""


@click.group()
def state() -> None:
    """Export what is not in code, and import it elsewhere."""


@state.command(
    name="export",
    epilog=example("ringfence state export backup/2026-11-28"),
)
@config_option
@demo_option
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def state_export(config: Path, folder: Path) -> None:
    """Write all that is not in code into a new folder.

    Policies with their history, lists, blocks, contacts, identities, callbacks, presence, and the
    workers' tables: one file of JSON lines each, in the order of keys, with a manifest. DIR is
    there as a whole or not at all.

    Numbers and names stand in it as they are: keep it like the cluster itself. Workers may run
    meanwhile; what they write after the export began may be missing.
    """
    from streams.common.wording import count
    from streams.state.export import export

    kafka = kafka_settings(config).kafka
    try:
        made = asyncio.run(export(kafka, folder))
    except KeyboardInterrupt:
        say("stopped: nothing was written", err=True)
        sys.exit(_STOPPED)
    for name, each in made.files.items():
        if each.records:
            say(f"{name}: {count(each.records, 'record')}")
    say(f"{count(made.records, 'record')} exported to {folder}")
    left_out = sum(each.left_out for each in made.files.values())
    if left_out:
        say(
            f"{count(left_out, 'record')} cannot be read by this version, and were taken along as"
            " they stand: the files say why, under left_out",
            err=True,
        )
    if made.workers:
        say(
            f"{', '.join(made.workers)} ran meanwhile: what changed after {made.exported_at} may"
            " be missing",
            err=True,
        )


@state.command(
    name="import",
    epilog=example(
        "ringfence state import backup/2026-11-28 --dry-run",
        "ringfence state import backup/2026-11-28",
    ),
)
@config_option
@demo_option
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check files and cluster, and write nothing.")
def state_import(config: Path, folder: Path, *, dry_run: bool) -> None:
    """Write an export onto an empty cluster.

    After `ringfence topics apply`, and before the first bridge and worker. Every record of DIR is
    checked before the first is written; what stands on the cluster is compared with it at the end.
    After an interruption the same command goes on, and writes nothing twice.

    Nobody knows who wrote in the time since the export: it counts as an outage of every line.
    """
    from streams.common.wording import count
    from streams.state.check import check
    from streams.state.restore import restore

    settings = kafka_settings(config)
    checked = check(folder, settings.kafka)
    made = checked.manifest
    say(
        f"{count(made.records, 'record')}, exported {made.exported_at} by Ringfence"
        f" {made.ringfence} from the cluster {made.cluster}: sound"
    )
    try:
        done = asyncio.run(
            restore(checked, settings.kafka, sorted(settings.lines), dry_run=dry_run)
        )
    except KeyboardInterrupt:
        say("stopped: the same command goes on from here", err=True)
        sys.exit(_STOPPED)
    if done.there:
        say(f"{count(done.there, 'record')} stood there by an earlier run")
    say(f"{count(done.written, 'record')} {'would be written' if dry_run else 'written'}")
