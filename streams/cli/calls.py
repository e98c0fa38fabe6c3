"""``ringfence calls``: the calls that were decided."""

from __future__ import annotations

import asyncio
import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.options import CALLER, MOMENT, config_option, demo_option, example
from streams.cli.output import say, say_json
from streams.cli.startup import check_line, kafka_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.stories.call_rows import CallRow


@click.group()
def calls() -> None:
    """List calls: what was decided, and what became of them."""


@calls.command(
    name="list",
    epilog=example(
        "ringfence calls list --line london --since 1d --verdict reject --not-told",
        "ringfence calls list --caller +447700900123 --since 90d --json",
        "ringfence calls list --since 2026-11-01 --limit 100000 --csv > november.csv",
    ),
)
@config_option
@demo_option
@click.option("--line", metavar="LINE", help="To this line only.")
@click.option("--caller", type=CALLER, metavar="NUMBER", help="Of this caller only.")
@click.option(
    "--verdict", type=click.Choice(["ring", "reject", "queue", "late"]), help="With this verdict."
)
@click.option("--rule", metavar="RULE", help="Decided by the rule of this id.")
@click.option("--tier", metavar="TIER", help="Of callers of this tier, when it was decided.")
@click.option("--told/--not-told", default=None, help="Whether the text was sent.")
@click.option(
    "--confirmed/--not-confirmed",
    default=None,
    help="Whether the gateway showed that the ringing ended.",
)
@click.option("--answered/--not-answered", default=None, help="Whether somebody picked up.")
@click.option(
    "--since",
    "since_ms",
    type=MOMENT,
    default="1d",
    show_default=True,
    metavar="TIME",
    help="Such as 15m, or 2026-11-24T18:00.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="The newest N.",
)
@click.option("--full", is_flag=True, help="Show whole numbers.")
@click.option("--json", "form", flag_value="json", help="Print a JSON list, with every field.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV, with every field.")
def calls_list(
    config: Path, form: str | None, limit: int, caller: str | None, *, full: bool, **given: Any
) -> None:
    """List calls, the newest last.

    What is not known passes no filter: a call whose end nobody saw is neither answered nor not
    answered.
    """
    from models.numbers import jid_forms
    from streams.common.table import table
    from streams.stories.call_list import call_list
    from streams.stories.call_rows import CallFilter, as_records, as_table

    settings = kafka_settings(config)
    if given["line"] is not None:
        check_line(settings, given["line"])
    callers = None if caller is None else frozenset(jid_forms(caller))
    wanted = CallFilter(callers=callers, **given)
    found = asyncio.run(call_list(settings.kafka, wanted))
    shown = found[-limit:]
    if form == "json":
        say_json(list(as_records(shown, full=full)))
    elif form == "csv":
        _say_csv(shown, full=full)
    elif not shown:
        say("no such call; --since looks further back")
    else:
        for text in table(list(as_table(shown, full=full))):
            say(text)
    if len(found) > limit:
        say(f"{len(found) - limit} older ones are not shown: --limit {len(found)}", err=True)


def _say_csv(rows: Sequence[CallRow], *, full: bool) -> None:
    from streams.stories.call_rows import FIELDS, as_records

    writer = csv.DictWriter(sys.stdout, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(as_records(rows, full=full))
