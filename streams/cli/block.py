"""``ringfence block`` and ``unblock``: one caller, for a while."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import click

from streams.cli.options import (
    CALLER,
    UNTIL,
    author_option,
    config_option,
    demo_option,
    example,
    reason_option,
)
from streams.cli.output import say
from streams.cli.startup import check_line, kafka_settings
from streams.common.clock import now_ms

_LINE: Final = click.option("--line", default="*", metavar="LINE", help="Default: all lines.")


@click.command(
    epilog=example(
        "ringfence block +447700900123 --for 2h --line london --reason 'shouts at people'"
    )
)
@config_option
@demo_option
@click.argument("caller", type=CALLER)
@click.option(
    "--for", "until_ms", type=UNTIL, required=True, metavar="WHEN", help="2h, 30d, or a time."
)
@_LINE
@reason_option
@author_option
def block(config: Path, caller: str, until_ms: int, line: str, reason: str, author: str) -> None:
    """Reject every call of one caller for a while.

    Whatever the rules say; only an emergency rule beats it.
    """
    from streams.common.wording import moment

    _put(config, caller, until_ms, line, reason, author)
    say(f"{caller} is blocked on {_named(line)} until {moment(until_ms)}")


@click.command(epilog=example("ringfence unblock +447700900123"))
@config_option
@demo_option
@click.argument("caller", type=CALLER)
@_LINE
@reason_option
@author_option
def unblock(config: Path, caller: str, line: str, reason: str, author: str) -> None:
    """End every temporary block of one caller.

    Those set by hand, and those that a rule began. Lists stay as they are.
    """
    _put(config, caller, 0, line, reason, author)
    say(f"every block of {caller} on {_named(line)} has ended, if there was one")


def _put(config: Path, caller: str, until_ms: int, line: str, reason: str, author: str) -> None:
    """Write the block, or with ``until_ms`` 0 the end of all blocks of the caller."""
    from models.overrides import CallerBlock
    from streams.overrides import put

    settings = kafka_settings(config)
    if line != "*":
        check_line(settings, line)
    at_ms = now_ms()
    made = CallerBlock(
        caller=caller, line=line, until_ms=until_ms, reason=reason, author=author, at_ms=at_ms
    )
    asyncio.run(put(settings.kafka, [made], at_ms))


def _named(line: str) -> str:
    return "all lines" if line == "*" else line
