"""``ringfence dlq``: records and webhooks that could not be understood."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streams.cli.options import MOMENT, config_option, demo_option, example, user
from streams.cli.output import say, say_all
from streams.cli.startup import kafka_settings
from streams.common.errors import RingfenceError

if TYPE_CHECKING:
    from streams.dead_letters.letter import Letter, Selection
    from streams.dead_letters.replay_plan import Replay, ReplayRefusal
    from streams.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def dlq() -> None:
    """Show dead letters, replay them or drop them.

    A dead letter is a record or a webhook that could not be understood.

    A letter stays on calls.dlq until its retention ends. What is replayed or dropped gets a mark, a
    record with the header ringfence-dlq-handled behind it, and is not listed any more.
    """


def _filters(command: F) -> F:
    """The options that say which letters are meant; the command gets a ``selection``."""

    @click.argument("places", nargs=-1, metavar="[PARTITION:OFFSET]...")
    @click.option(
        "--reason", metavar="CODE", help="Such as undecodable, unknown-event, unknown-line."
    )
    @click.option(
        "--topic",
        metavar="NAME",
        help="Where they came from; `webhook` for what never was on a topic.",
    )
    @click.option(
        "--since", "since_ms", type=MOMENT, metavar="TIME", help="Such as 2h, or 2026-11-24T18:00."
    )
    @click.option(
        "--until", "until_ms", type=MOMENT, metavar="TIME", help="The same; default: now."
    )
    @click.option("--call", "call_id", metavar="ID", help="Letters that contain this call id.")
    @click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N of them.")
    @functools.wraps(command)
    def with_filters(
        *args: Any,
        places: tuple[str, ...],
        reason: str | None,
        topic: str | None,
        since_ms: int | None,
        until_ms: int | None,
        call_id: str | None,
        limit: int | None,
        **kwargs: Any,
    ) -> Any:
        from streams.dead_letters.letter import Selection

        selection = Selection(
            reason=reason,
            topic=topic,
            since_ms=since_ms,
            until_ms=until_ms,
            containing=json.dumps(call_id, ensure_ascii=False)[1:-1].encode() if call_id else None,
            places=frozenset(map(_place, places)),
            limit=limit,
        )
        return command(*args, selection=selection, **kwargs)

    return with_filters  # type: ignore[return-value]  # functools.wraps keeps all but these options


@dlq.command(
    name="list",
    epilog=example(
        "ringfence dlq list --since 2h --reason undecodable", "ringfence dlq list --all --json"
    ),
)
@config_option
@demo_option
@_filters
@click.option("--all", "handled", is_flag=True, help="Also those that were replayed or dropped.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with keys in full.")
def list_letters(config: Path, selection: Selection, *, handled: bool, as_json: bool) -> None:
    """List dead letters that nobody has dealt with, oldest first."""
    from streams.dead_letters.listing import table

    letters = asyncio.run(_letters(kafka_settings(config), selection, handled=handled))
    if as_json:
        say_all(json.dumps([letter.as_dict() for letter in letters], indent=2))
        return
    for line in table(letters):
        say(line)
    if not letters:
        say(
            "no dead letters"
            if handled
            else "no dead letters that wait for somebody; --all shows the others"
        )


@dlq.command(epilog=example("ringfence dlq show 3:17", "ringfence dlq show 3:17 --raw"))
@config_option
@demo_option
@click.argument("place", metavar="PARTITION:OFFSET")
@click.option("--raw", is_flag=True, help="Numbers in full, and the whole value.")
def show(config: Path, place: str, *, raw: bool) -> None:
    """Show one dead letter with headers and bytes."""
    for line in asyncio.run(_show(kafka_settings(config), _place(place), raw=raw)):
        say(line)


@dlq.command(
    epilog=example(
        "ringfence dlq replay --reason unknown-line --dry-run",
        "ringfence dlq replay 3:17 3:18 --yes",
    )
)
@config_option
@demo_option
@_filters
@click.option(
    "--dry-run", is_flag=True, help="Show what would be put back where, and write nothing."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--max-replays",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="Leave what was put back so often already.",
)
def replay(
    config: Path, selection: Selection, max_replays: int, *, dry_run: bool, yes: bool
) -> None:
    """Put dead letters back where they came from.

    Key, bytes and headers stay the same. A webhook that never was on a topic is parsed again, with
    the configuration as it is now. Nothing stale acts: an offer that is older than a call rings can
    only become late, and a command past its window is not sent. Exits with 1 where a
    letter had to stay.
    """
    asyncio.run(_replay(kafka_settings(config), selection, max_replays, dry_run=dry_run, yes=yes))


@dlq.command(
    epilog=example(
        "ringfence dlq drop --reason unintelligible --until 1d",
        "ringfence dlq drop 3:17 --note spam --yes",
    )
)
@config_option
@demo_option
@_filters
@click.option("--note", default="", metavar="TEXT", help="Why, for those who look later.")
@click.option("--dry-run", is_flag=True, help="Show what would be dropped, and write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(config: Path, selection: Selection, note: str, *, dry_run: bool, yes: bool) -> None:
    """Mark dead letters as done, so that no list shows them.

    The bytes stay until their retention ends.
    """
    asyncio.run(_drop(kafka_settings(config), selection, note, dry_run=dry_run, yes=yes))


async def _letters(settings: Settings, selection: Selection, *, handled: bool) -> list[Letter]:
    from streams.dead_letters.reader import DeadLetterReader

    async with DeadLetterReader(settings.kafka) as box:
        return await box.letters(selection, handled=handled)


async def _show(settings: Settings, place: str, *, raw: bool) -> list[str]:
    from streams.dead_letters.letter import Selection
    from streams.dead_letters.listing import whole
    from streams.dead_letters.reader import DeadLetterReader

    async with DeadLetterReader(settings.kafka) as box:
        letters = await box.letters(Selection(places=frozenset({place})), handled=True)
        async for batch in box.contents(letters):
            for letter, seen in batch:
                return list(whole(letter, seen, raw=raw))
    msg = f"no dead letter stands at {place}; `ringfence dlq list --all` shows those that do"
    raise RingfenceError(msg)


async def _replay(
    settings: Settings, selection: Selection, max_replays: int, *, dry_run: bool, yes: bool
) -> None:
    from streams.callers.keying import Callers
    from streams.common.clock import now_ms
    from streams.dead_letters import replay
    from streams.dead_letters.reader import DeadLetterReader
    from streams.dead_letters.replay_plan import Planner
    from streams.kafka.compacted_reader import read_once

    callers = Callers()
    await read_once(settings.kafka, callers.known)
    planner = Planner(settings, callers, most_replays=max_replays)
    async with DeadLetterReader(settings.kafka) as box:
        # a letter that was named is reported even where it was handled before
        letters = await box.letters(selection, handled=bool(selection.places))
        if not _agreed(letters, "put back", dry_run=dry_run, yes=yes):
            return
        done = await replay.replay(
            box,
            settings.kafka,
            letters,
            planner,
            author=user(),
            clock=now_ms,
            tell=_reporter(dry_run=dry_run),
            dry_run=dry_run,
        )
    gone = f", {done.gone} retired meanwhile" if done.gone else ""
    what = "would be put back" if dry_run else "put back"
    say(f"{done.handled} {what}, {done.refused} left{gone}")
    if done.refused:
        sys.exit(1)


async def _drop(
    settings: Settings, selection: Selection, note: str, *, dry_run: bool, yes: bool
) -> None:
    from streams.common.clock import now_ms
    from streams.dead_letters import replay
    from streams.dead_letters.listing import table

    letters = await _letters(settings, selection, handled=False)
    if dry_run:
        for line in table(letters):
            say(line)
    if not _agreed(letters, "drop", dry_run=dry_run, yes=yes):
        return
    if not dry_run:
        await replay.drop(settings.kafka, letters, author=user(), note=note, clock=now_ms)
    say(f"{len(letters)} {'would be dropped' if dry_run else 'dropped'}")


def _agreed(letters: list[Letter], what: str, *, dry_run: bool, yes: bool) -> bool:
    if not letters:
        say("no dead letter fits; nothing to do")
        return False
    if dry_run or yes:
        return True
    if not sys.stdin.isatty():
        msg = (
            f"{len(letters)} dead letters fit, and there is no terminal to ask on: add --yes, or"
            " --dry-run to see them"
        )
        raise click.UsageError(msg)
    click.confirm(
        f"{what} {len(letters)} dead letter{'s' if len(letters) > 1 else ''}?", abort=True
    )
    return True


def _reporter(*, dry_run: bool) -> Callable[[Replay | ReplayRefusal], None]:
    """Prints what becomes of each letter."""
    from streams.dead_letters.replay_plan import ReplayRefusal

    def report(plan: Replay | ReplayRefusal) -> None:
        place = plan.letter.place
        if isinstance(plan, ReplayRefusal):
            say(f"{place}: left: {plan.why}", err=True)
        else:
            say(f"{place}: {'would go' if dry_run else 'put back'} to {plan.where}")

    return report


def _place(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,9}:[0-9]{1,18}", text):
        msg = (
            f"{text!r} is no place of a letter: PARTITION:OFFSET, as `ringfence dlq list` shows it"
        )
        raise click.UsageError(msg)
    return text
