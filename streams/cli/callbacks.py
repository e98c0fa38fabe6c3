"""``ringfence callbacks``: who is owed a callback."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from streams.cli.options import CALLER, config_option, demo_option, example, json_option
from streams.cli.output import say, say_json
from streams.cli.startup import kafka_settings


@click.group()
def callbacks() -> None:
    """Show and close owed callbacks.

    A callback opens when a rule queues a call, or rejects one of a tier in callback_tiers. It
    closes by itself when a later call of the caller is accepted, or when a person writes to the
    caller.
    """


@callbacks.command(name="list", epilog=example("ringfence callbacks list --line london"))
@config_option
@demo_option
@click.option("--line", metavar="LINE", help="Of this line only.")
@click.option("--full", is_flag=True, help="Show whole numbers, to call them.")
@json_option
def callbacks_list(config: Path, line: str | None, *, full: bool, as_json: bool) -> None:
    """List who is owed a callback, the oldest first."""
    from streams.callbacks.listing import owed, records, rows
    from streams.common.clock import now_ms
    from streams.common.table import table

    found = asyncio.run(owed(kafka_settings(config).kafka, line))
    if as_json:
        say_json(records(found, now_ms(), full=full))
        return
    if not found:
        say("nobody is owed a callback")
        return
    for line_of_text in table(rows(found, now_ms(), full=full)):
        say(line_of_text)


@callbacks.command(name="close", epilog=example("ringfence callbacks close +447700900123"))
@config_option
@demo_option
@click.argument("caller", type=CALLER)
def callbacks_close(config: Path, caller: str) -> None:
    """Close a caller's callback by hand.

    Exits with 1 where none is open.
    """
    from streams.callbacks.listing import close
    from streams.common.clock import now_ms

    if not asyncio.run(close(kafka_settings(config).kafka, caller, now_ms())):
        say("no callback of this caller is open", err=True)
        sys.exit(1)
    say("closed")
