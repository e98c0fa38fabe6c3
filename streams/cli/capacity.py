"""``ringfence capacity``: what a load takes."""

from __future__ import annotations

import click

from streams.cli.options import example
from streams.cli.output import say, say_json

_SHARE = click.FloatRange(0, 1)
_COUNT = click.IntRange(0)


@click.command(
    epilog=example(
        "ringfence capacity --calls 100",
        "ringfence capacity --calls 1000 --contacts 2000000 --retention calls.decisions=30",
    )
)
@click.option(
    "--calls",
    type=click.FloatRange(0, 1_000_000, min_open=True),
    required=True,
    help="A second, in the busiest minutes.",
)
@click.option(
    "--rejected",
    type=_SHARE,
    default=0.5,
    show_default=True,
    help="Share of the calls that are rejected and told; the others are picked up.",
)
@click.option(
    "--messages",
    type=click.FloatRange(0),
    default=2.0,
    show_default=True,
    help="That callers write, for each call.",
)
@click.option(
    "--busy-hour",
    type=click.FloatRange(1 / 24, 1),
    default=0.15,
    show_default=True,
    help="Share of a day's calls in its busiest hour.",
)
@click.option("--callers", type=_COUNT, help="Known in all; default: half a week's calls.")
@click.option("--contacts", type=_COUNT, help="Of the CRM; default: a tenth of the callers.")
@click.option(
    "--links",
    type=_COUNT,
    help="Callers known by a LID and a number; default: a tenth of the callers.",
)
@click.option("--list-entries", type=_COUNT, default=0, show_default=True)
@click.option("--replicas", type=click.IntRange(1, 9), default=3, show_default=True)
@click.option(
    "--retention",
    multiple=True,
    metavar="TOPIC=DAYS",
    help="Where a topic is kept otherwise than the registry says; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="All figures, for other programs.")
def capacity(  # noqa: PLR0913 - click passes every option by keyword
    *,
    calls: float,
    rejected: float,
    messages: float,
    busy_hour: float,
    callers: int | None,
    contacts: int | None,
    links: int | None,
    list_entries: int,
    replicas: int,
    retention: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say what a load takes: processes, memory, disk.

    Reckoned from costs that were measured on one machine (streams/capacity/costs.json): yours may
    be faster or slower. What does not go as it is stands below, with a !.
    """
    from streams.capacity.costs import measured_costs
    from streams.capacity.demand import Demand
    from streams.capacity.plan import plan
    from streams.capacity.tables import as_dict, lines

    demand = Demand(
        calls=calls,
        rejected=rejected,
        messages=messages,
        busy_hour=busy_hour,
        callers=callers,
        contacts=contacts,
        links=links,
        list_entries=list_entries,
        replicas=replicas,
        retention_days=_retention(retention),
    )
    found = plan(demand, measured_costs())
    if as_json:
        say_json(as_dict(found))
        return
    for line in lines(found):
        say(line)


def _retention(given: tuple[str, ...]) -> dict[str, float]:
    from streams.capacity.demand import Demand

    known = Demand(calls=1).days()
    found = {}
    for each in given:
        topic, _, days = each.partition("=")
        try:
            kept = float(days)
        except ValueError:
            kept = 0.0
        if topic not in known or not 0 < kept < 36_500:
            msg = (
                f"{each!r} is not TOPIC=DAYS, such as calls.decisions=30; topics that are kept for "
                f"some days are {', '.join(known)}"
            )
            raise click.BadParameter(msg, param_hint="--retention")
        found[topic] = kept
    return found
