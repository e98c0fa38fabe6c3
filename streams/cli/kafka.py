"""``ringfence kafka``: the local broker, and Kafka's own tools."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from streams.cli.options import config_option, example
from streams.cli.startup import kafka_settings, log_to_file


@click.group()
def kafka() -> None:
    """Run the local Kafka and Kafka's own tools."""


@kafka.command(name="start", epilog=example("ringfence kafka start"))
def kafka_start() -> None:
    """Start the local Kafka, until `ringfence kafka stop`."""
    from streams.local_kafka import daemon

    log_to_file()
    state = asyncio.run(daemon.start(click.echo))
    click.echo(
        f"the local Kafka runs on {state.bootstrap} (process {state.pid}),"
        f" its data in {state.data_dir}"
    )


@kafka.command(name="stop", epilog=example("ringfence kafka stop"))
def kafka_stop() -> None:
    """Stop the local Kafka; its data stays."""
    from streams.local_kafka import daemon

    state = asyncio.run(daemon.stop())
    click.echo(
        "no local Kafka runs"
        if state is None
        else f"the local Kafka (process {state.pid}) has stopped"
    )


@kafka.command(name="status", epilog=example("ringfence kafka status"))
def kafka_status() -> None:
    """Show whether the local Kafka runs, and where.

    Exits with 1 where it does not.
    """
    from streams.local_kafka import daemon

    log_to_file()
    found = asyncio.run(daemon.status())
    if found is None:
        click.echo("no local Kafka runs; start it with `ringfence kafka start`")
        sys.exit(1)
    state = found.state
    whose = "`ringfence up`" if state.owner == "up" else "`ringfence kafka start`"
    click.echo(f"bootstrap  {state.bootstrap}")
    click.echo(f"process    {state.pid}, by {whose}")
    click.echo(f"data       {state.data_dir}")
    click.echo(f"answers    {'yes' if found.answers else 'no'}")
    sys.exit(0 if found.answers else 1)


@kafka.command(
    name="tool",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog=example(
        "ringfence kafka tool kafka-topics --list",
        "ringfence kafka tool kafka-console-consumer --topic calls.decisions --from-beginning",
    ),
)
@click.option("--list", "listing", is_flag=True, help="List the tools.")
@config_option
@click.argument("name", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kafka_tool(
    config: Path, name: str | None, arguments: tuple[str, ...], *, listing: bool
) -> None:
    """Run one of Kafka's own tools.

    --bootstrap-server is filled in. A cluster with TLS or SASL needs the tool's own
    --command-config FILE as well.
    """
    from streams.local_kafka import tools

    if listing or name is None:
        click.echo("\n".join(tools.TOOLS))
        return
    tool = tools.find(name)
    bootstrap = None
    if tools.needs_broker(tool, arguments):
        bootstrap = kafka_settings(config).kafka.bootstrap_servers
    command = tools.command(tool, arguments, bootstrap, lambda line: click.echo(line, err=True))
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - replaces this process; no shell
