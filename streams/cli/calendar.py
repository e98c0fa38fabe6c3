"""``ringfence calendar``: a line's opening hours, and the switch that overrides them."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

import click

from streams.cli.options import (
    UNTIL,
    author_option,
    config_option,
    demo_option,
    example,
    json_option,
    reason_option,
)
from streams.cli.output import say, say_json
from streams.cli.startup import check_line, kafka_settings
from streams.common.clock import now_ms

if TYPE_CHECKING:
    from models.overrides import LineSwitch
    from streams.policies.calendar import OpeningHours
    from streams.settings import Settings

_UNTIL: Final = click.option(
    "--until",
    "--for",
    "until",
    metavar="WHEN",
    help="A time, by the line's clock, or how long; default: for good.",
)


@click.group()
def calendar() -> None:
    """Show opening hours, or override them by hand.

    LINE is '*' for all lines.
    """


@calendar.command(epilog=example("ringfence calendar close london --for 2h --reason 'fire drill'"))
@config_option
@demo_option
@click.argument("line")
@_UNTIL
@reason_option
@author_option
def close(config: Path, line: str, until: str | None, reason: str, author: str) -> None:
    """Close a line now, whatever its calendar says.

    Its quiet_hours rules reject calls until it opens again.
    """
    _switch(config, line, "closed", until, reason, author)


@calendar.command(
    name="open", epilog=example("ringfence calendar open london --until 2026-12-24T18:00")
)
@config_option
@demo_option
@click.argument("line")
@_UNTIL
@reason_option
@author_option
def open_(config: Path, line: str, until: str | None, reason: str, author: str) -> None:
    """Open a line now, whatever its calendar says."""
    _switch(config, line, "open", until, reason, author)


@calendar.command(epilog=example("ringfence calendar auto london"))
@config_option
@demo_option
@click.argument("line")
@author_option
def auto(config: Path, line: str, author: str) -> None:
    """Let the calendar decide again."""
    _switch(config, line, "calendar", None, "", author)


@calendar.command(
    epilog=example(
        "ringfence calendar show london --days 7", "ringfence calendar show calendar/office"
    )
)
@config_option
@demo_option
@click.argument("name", metavar="LINE|calendar/NAME")
@click.option("--days", type=click.IntRange(1, 366), default=14, show_default=True)
@click.option(
    "--zone",
    metavar="ZONE",
    help="Of the reader, where the calendar has none of its own; default: the line's.",
)
@json_option
def show(config: Path, name: str, days: int, zone: str | None, *, as_json: bool) -> None:
    """Show the opening hours of the days ahead.

    Of each calendar that a line's rules ask, or of one shared calendar.
    """
    from zoneinfo import ZoneInfo, available_timezones

    from streams.policies.calendar import effective_days

    if zone is not None and zone not in available_timezones():
        msg = f"--zone: {zone!r} is no IANA time zone; write it like Europe/London"
        raise click.UsageError(msg)
    settings = kafka_settings(config)
    found, theirs = _calendars(settings, name)
    if as_json:
        calendars = {title: _record(hours, zone or theirs, days) for title, hours in found.items()}
        switch = _switch_of(settings, name) if name in settings.lines else None
        say_json({"calendars": calendars, "switch": switch})
        return
    for title, hours in found.items():
        read_in = hours.zone(zone or theirs)
        today = dt.datetime.now(ZoneInfo(read_in)).date()
        say(f"{title}, on the clock of {read_in}")
        for each in effective_days(hours, zone or theirs, today, days):
            cause = "" if each.cause == "week" else f"  {each.cause}"
            note = f"  ({each.note})" if each.note else ""
            say(f"  {each.day:%a %Y-%m-%d}  {', '.join(each.hours) or 'closed'}{cause}{note}")
    if name in settings.lines:
        _say_switch(settings, name)


def _record(hours: OpeningHours, zone: str, days: int) -> dict[str, Any]:
    """A calendar's days ahead, for other programs."""
    from streams.policies.calendar import effective_days

    read_in = hours.zone(zone)
    today = dt.datetime.now(ZoneInfo(read_in)).date()
    found = effective_days(hours, zone, today, days)
    return {"zone": read_in, "days": [asdict(each) for each in found]}


def _switch_of(settings: Settings, line: str) -> LineSwitch | None:
    """The switch that holds for a line now."""
    from streams.overrides import read_overrides

    return asyncio.run(read_overrides(settings.kafka)).switch(line, now_ms())


def _calendars(settings: Settings, name: str) -> tuple[dict[str, OpeningHours], str]:
    """The calendars that are meant, by what they are called, and the zone of who reads them."""
    from models.policy.rules import QuietHoursRule
    from streams.policies.calendar import OpeningHours, resolve
    from streams.policy_admin.store import read_shelf

    shelf = asyncio.run(read_shelf(settings.kafka))
    if name.startswith("calendar/"):
        known = shelf.calendars()
        wanted = name.removeprefix("calendar/")
        if wanted not in known:
            there = ", ".join(sorted(known)) or "none"
            msg = f"no shared calendar {wanted!r} is in force (there: {there})"
            raise click.UsageError(msg)
        return {f"calendar {wanted}": OpeningHours(resolve(wanted, known))}, "UTC"
    if name != "*":
        check_line(settings, name)
    in_force = shelf.book.for_line(name)
    rules = (rule for rule in in_force.policy.rules if isinstance(rule, QuietHoursRule))
    read = {rule.calendar: rule.id for rule in rules}
    if not read:
        msg = (
            f"the policy of {name} ({in_force.policy.line}) has no quiet_hours rule: it is always"
            " open"
        )
        raise click.UsageError(msg)
    zone = settings.lines[name].time_zone if name in settings.lines else "UTC"
    return {
        f"line {name}, rule {rule}, calendar {each}": in_force.calendars[each]
        for each, rule in read.items()
    }, zone


def _switch(
    config: Path,
    line: str,
    state: Literal["open", "closed", "calendar"],
    until: str | None,
    reason: str,
    author: str,
) -> None:
    from models.overrides import LineSwitch
    from streams.overrides import put

    settings = kafka_settings(config)
    if line != "*":
        check_line(settings, line)
    until_ms = None if until is None else UNTIL.read(until, _zone(settings, line))
    at_ms = now_ms()
    made = LineSwitch(
        line=line, state=state, until_ms=until_ms, reason=reason, author=author, at_ms=at_ms
    )
    asyncio.run(put(settings.kafka, [made], at_ms))
    _say_switch(settings, *(sorted(settings.lines) if line == "*" else [line]))


def _say_switch(settings: Settings, *lines: str) -> None:
    """Which switch holds for the lines now, and whether a rule heeds it."""
    from streams.overrides import read_overrides
    from streams.policy_admin.store import read_shelf

    known = asyncio.run(read_overrides(settings.kafka))
    book = asyncio.run(read_shelf(settings.kafka)).book
    for line in lines:
        found = known.switch(line, now_ms())
        heeded = any(rule.type == "quiet_hours" for rule in book.for_line(line).policy.rules)
        said = _described(found, _zone(settings, line)) if found else "as its calendar says"
        nothing = (
            "calls ring as before, for its policy has no quiet_hours rule that would heed it"
            f" ({said})"
        )
        say(f"line {line}: {said if heeded else nothing}")


def _zone(settings: Settings, line: str) -> ZoneInfo | None:
    """The line's; None for all lines: the machine's own then."""
    return ZoneInfo(settings.lines[line].time_zone) if line in settings.lines else None


def _described(found: LineSwitch, zone: ZoneInfo | None) -> str:
    from streams.common.wording import moment

    until = (
        f" until {moment(found.until_ms, zone)}"
        if found.until_ms
        else " until `ringfence calendar auto`"
    )
    common = " by the switch of all lines" if found.line == "*" else ""
    reason = f": {found.reason}" if found.reason else ""
    return f"switched {found.state}{until}{common}, by {found.author}{reason}"
