"""``ringfence lists``: callers who always ring, never ring, or ring in an emergency."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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
from streams.common.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.overrides import ListEntry
    from streams.settings import Settings
    from streams.views.overrides import Overrides

_NAME: Final = click.argument("name", metavar="LIST")
_LINES: Final = click.option(
    "--line",
    "lines",
    multiple=True,
    metavar="LINE",
    help="For this line only; may be repeated. Default: all lines.",
)
_EXPIRES: Final = click.option(
    "--expires",
    "expires_at_ms",
    type=UNTIL,
    metavar="WHEN",
    help="30d, or 2026-12-24T18:00; default: never.",
)


@click.group()
def lists() -> None:
    """Keep the lists of callers that policies ask.

    allow, deny, emergency, or one of your own.

    A PATTERN is a number (+447700900123), a JID (447700900123@c.us), a prefix (+44*) or a country
    (GB). An entry is in force on all workers within a second. One that has expired counts for
    nothing; `remove --expired` tidies up.
    """


@lists.command(
    epilog=example(
        "ringfence lists add deny +447700900123 --reason robocalls --expires 30d",
        "ringfence lists add allow '+4420*' --line london",
    )
)
@config_option
@demo_option
@_NAME
@click.argument("patterns", metavar="PATTERN...", nargs=-1, required=True)
@_LINES
@reason_option
@_EXPIRES
@author_option
def add(config: Path, name: str, patterns: tuple[str, ...], **given: Any) -> None:
    """Put callers on a list; an entry that is there is replaced."""
    from streams.overrides import put

    settings = kafka_settings(config)
    make = _maker(settings, name, **given)
    entries = [make(_canonical(pattern)) for pattern in patterns]
    asyncio.run(put(settings.kafka, entries, now_ms()))
    for entry in entries:
        say(f"on the list {name}: {_described(entry, full=True)}")
    _say_who_asks(settings, name)


@lists.command(
    epilog=example(
        "ringfence lists remove deny +447700900123", "ringfence lists remove deny --expired"
    )
)
@config_option
@demo_option
@_NAME
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
@click.option("--expired", is_flag=True, help="All entries of the list that have expired.")
def remove(config: Path, name: str, patterns: tuple[str, ...], *, expired: bool) -> None:
    """Take callers off a list. Exits with 1 where one was not on it."""
    from streams.overrides import read_overrides, take_away

    if not patterns and not expired:
        msg = "name the patterns to remove, or add --expired"
        raise click.UsageError(msg)
    settings = kafka_settings(config)
    wanted = [_canonical(pattern) for pattern in patterns]
    known = asyncio.run(read_overrides(settings.kafka))
    met = {pattern: known.find_any_form(name, pattern) for pattern in wanted}
    found = {each.key: each for entries in met.values() for each in entries}
    missing = [pattern for pattern, entries in met.items() if not entries]
    if expired:
        found |= {
            each.key: each for each in known.entries() if each.list == name and _is_over(each)
        }
    asyncio.run(take_away(settings.kafka, list(found.values()), now_ms()))
    say(f"{len(found)} taken off the list {name}")
    for pattern in missing:
        say(f"{pattern} was not on the list {name}", err=True)
    if missing:
        sys.exit(1)


@lists.command(
    epilog=example("ringfence lists show", "ringfence lists show deny --full --limit 500")
)
@config_option
@demo_option
@click.argument("name", metavar="[LIST]", required=False)
@click.option("--full", is_flag=True, help="Show whole numbers.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="The newest N.",
)
@click.option(
    "--no-hits",
    is_flag=True,
    help="Do not count how often each entry was met: that reads all decisions.",
)
@json_option
def show(
    config: Path, name: str | None, limit: int, *, full: bool, no_hits: bool, as_json: bool
) -> None:
    """Show the lists, or the entries of one.

    The newest entry first, with how often each was met.
    """
    from streams.overrides import hits, read_overrides

    settings = kafka_settings(config)
    known = asyncio.run(read_overrides(settings.kafka))
    if name is None:
        _show_names(known, as_json=as_json)
        return
    entries = sorted(
        (each for each in known.entries() if each.list == name), key=_added, reverse=True
    )
    if not entries and not as_json:
        say(f"nobody is on the list {name}")
        return
    met = None if no_hits else asyncio.run(hits(settings.kafka, name))
    if as_json:
        say_json([_record(entry, met, full=full) for entry in entries[:limit]])
        return
    for entry in entries[:limit]:
        count = "" if met is None else f"{met[entry.entry_id]:>6} met  "
        say(f"{count}{_described(entry, full=full)}")
    if len(entries) > limit:
        say(f"and {len(entries) - limit} more; --limit shows them")
    over = sum(map(_is_over, entries))
    if over:
        say(f"{over} have expired; `ringfence lists remove {name} --expired` takes them off")


@lists.command(
    name="import",
    epilog=example(
        "ringfence lists import deny spam.txt --reason 'regulator, November' --expires 90d"
    ),
)
@config_option
@demo_option
@_NAME
@click.argument(
    "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE"
)
@_LINES
@reason_option
@_EXPIRES
@author_option
@click.option("--skip-wrong", is_flag=True, help="Import the sound rows although others are wrong.")
def import_(config: Path, name: str, file: Path, *, skip_wrong: bool, **given: Any) -> None:
    """Put everybody in a file on a list.

    A text file with a PATTERN a line, or CSV with pattern and reason.

    Wrong rows are shown with their line number. Where there is one, nothing is imported without
    --skip-wrong; exits with 2 then. A run that was cut off may be repeated: an entry that
    is there already is the same entry.
    """
    from streams.overrides import entries_of, put

    settings = kafka_settings(config)
    make = _maker(settings, name, **given)
    entries, wrong = entries_of(file, make, lambda fault: say(fault, err=True))
    if wrong and not skip_wrong:
        rows = f"{file}: {wrong} of {wrong + len(entries)} rows are wrong"
        msg = f"{rows}, and nothing was imported; correct them, or add --skip-wrong"
        raise ConfigurationError(msg)
    asyncio.run(put(settings.kafka, entries, now_ms()))
    say(f"{len(entries)} on the list {name}" + (f", {wrong} rows left out" if wrong else ""))
    _say_who_asks(settings, name)
    if wrong:
        sys.exit(ConfigurationError.exit_code)


def _maker(
    settings: Settings,
    name: str,
    lines: tuple[str, ...],
    reason: str,
    author: str,
    expires_at_ms: int | None,
) -> Any:
    """A function from pattern (and the row's own reason) to an entry."""
    from pydantic import TypeAdapter, ValidationError

    from models.overrides import ListEntry
    from models.policy import Name

    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        msg = f"{name!r} is no name of a list: small letters, digits, - and _"
        raise click.UsageError(msg) from None
    for line in lines:
        check_line(settings, line)
    added_at_ms = now_ms()

    def make(pattern: str, own_reason: str = "") -> ListEntry:
        return ListEntry(
            list=name,
            pattern=pattern,
            lines=lines or ("*",),
            reason=own_reason or reason,
            author=author,
            added_at_ms=added_at_ms,
            expires_at_ms=expires_at_ms,
        )

    return make


def _canonical(pattern: str) -> str:
    from streams.policies.countries import read_pattern

    try:
        return str(read_pattern(pattern))
    except ValueError as exc:
        msg = f"{pattern!r}: {exc}"
        raise click.UsageError(msg) from None


def _say_who_asks(settings: Settings, name: str) -> None:
    """A list that no rule asks does nothing: say so."""
    from streams.policy_admin.store import read_shelf

    policies = asyncio.run(read_shelf(settings.kafka)).policies()
    asking = [
        f"{rule.id} of {line}"
        for line, policy in policies.items()
        for rule in policy.rules
        if getattr(rule, "list", None) == name
    ]
    if asking:
        say(f"asked by the rule {', '.join(asking)}")
    else:
        say(
            f"no policy in force has a rule that asks the list {name}: it changes nothing yet",
            err=True,
        )


def _show_names(known: Overrides, *, as_json: bool) -> None:
    from collections import Counter

    from streams.common.table import table

    counts = Counter(each.list for each in known.entries())
    if as_json:
        say_json(dict(sorted(counts.items())))
        return
    for row in table([(name, str(count)) for name, count in sorted(counts.items())], right=1):
        say(row)
    if not counts:
        say("no lists; `ringfence lists add deny +447700900123` begins one")


def _added(entry: ListEntry) -> tuple[int, str]:
    # entries of one import have one time
    return entry.added_at_ms, entry.pattern


def _is_over(entry: ListEntry) -> bool:
    return entry.expires_at_ms is not None and entry.expires_at_ms <= now_ms()


def _record(entry: ListEntry, met: Mapping[str, int] | None, *, full: bool) -> dict[str, Any]:
    """An entry for other programs; ``met`` is null where it was not counted."""
    from models.identity import mask

    hidden = not full and "@" in entry.pattern
    return {
        "list": entry.list,
        "pattern": mask(entry.pattern) if hidden else entry.pattern,
        "lines": entry.lines,
        "reason": entry.reason,
        "author": entry.author,
        "added_at_ms": entry.added_at_ms,
        "expires_at_ms": entry.expires_at_ms,
        "expired": _is_over(entry),
        "met": None if met is None else met[entry.entry_id],
    }


def _described(entry: ListEntry, *, full: bool) -> str:
    from models.identity import mask
    from streams.common.wording import moment

    who = entry.pattern if full or "@" not in entry.pattern else mask(entry.pattern)
    scope = "all lines" if "*" in entry.lines else ", ".join(entry.lines)
    until = ""
    if entry.expires_at_ms is not None:
        until = f", {'expired' if _is_over(entry) else 'until'} {moment(entry.expires_at_ms)}"
    reason = f": {entry.reason}" if entry.reason else ""
    return f"{who}  {scope}{until}, by {entry.author}{reason}"
