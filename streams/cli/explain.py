"""``ringfence explain``: the story of one call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from streams.cli.options import config_option, demo_option, example, json_option
from streams.cli.output import say, say_json
from streams.cli.startup import kafka_settings


@click.command(
    epilog=example(
        "ringfence explain ABCDEF0123456789",
        "ringfence explain +447700900123 --last 3",
        "ringfence explain ABCDEF0123456789 --full",
        "ringfence explain --demo ABCDEF0123456789 --json",
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
@click.option(
    "--full",
    is_flag=True,
    help="Add the words that were sent, and what the caller did next; with --json whole numbers"
    " too.",
)
@json_option
def explain(config: Path, call_or_caller: str, last: int, *, full: bool, as_json: bool) -> None:
    """Show the whole story of one call.

    What was decided, by which rule, on which facts, and what came of it.

    A caller's number (+447700900123) or JID finds the newest calls of that caller, to whatever
    line.

    No text stands on Kafka: --full renders it once more, from the revision of the policy that the
    decision quotes and from what it recorded, and says what can no longer be known.
    """
    from streams.stories import explain as explaining
    from streams.stories import full_story

    settings = kafka_settings(config)
    jid = explaining.caller_of(call_or_caller)

    async def found() -> tuple[explaining.Found, list[full_story.FullStory]]:
        calls = await (
            explaining.find_call(settings, call_or_caller)
            if jid is None
            else explaining.find_calls_of(settings, jid, last)
        )
        stories = await full_story.full_stories(settings, calls) if full or as_json else []
        return calls, stories

    calls, stories = asyncio.run(found())
    if as_json:
        say_json(full_story.as_json(stories, full=full))
        return
    lines = calls.lines()
    if full:
        parts = [[*each.lines(), ""] for each in stories]
        lines = [line for part in parts for line in part][:-1] + calls.rest()
    for line in lines:
        say(line)
