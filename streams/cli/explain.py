"""``ringfence explain``: the story of one call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from streams.cli.options import config_option, demo_option, example
from streams.cli.output import say
from streams.cli.startup import kafka_settings


@click.command(
    epilog=example(
        "ringfence explain ABCDEF0123456789",
        "ringfence explain +447700900123 --last 3",
        "ringfence explain --demo ABCDEF0123456789",
    )
)
@config_option
@demo_option
@click.argument("call_or_caller", metavar="CALL_ID|NUMBER")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="How many of a caller's calls.",
)
def explain(config: Path, call_or_caller: str, last: int) -> None:
    """Show the whole story of one call.

    What was decided, by which rule, on which facts, and what came of it.

    A caller's number (+447700900123) or JID finds the newest calls of that caller, to whatever
    line.
    """
    from streams.stories import explain as explaining

    settings = kafka_settings(config)
    jid = explaining.caller_of(call_or_caller)
    lines = (
        explaining.explain(settings, call_or_caller)
        if jid is None
        else explaining.explain_caller(settings, jid, last)
    )
    for line in asyncio.run(lines):
        say(line)
