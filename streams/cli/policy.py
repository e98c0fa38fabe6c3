"""``ringfence policy``: check, try, apply and look at policies."""

from __future__ import annotations

import asyncio
import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from typing_extensions import override

from streams.cli.options import (
    MOMENT,
    author_option,
    config_option,
    demo_option,
    example,
    json_option,
)
from streams.cli.output import say, say_json
from streams.cli.startup import check_line, kafka_settings, log_to_file
from streams.common.clock import now_ms
from streams.common.errors import ConfigurationError, EnvironmentFaultError

if TYPE_CHECKING:
    from models.policy import PolicyDocument
    from streams.policy_admin.store import Shelf
    from streams.settings import Settings

_FILES: Final = click.argument(
    "paths",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True),
)
_NOTE: Final = click.option(
    "--note", default="", metavar="TEXT", help="Why; stands in the history."
)
_LINE: Final = click.argument("name", metavar="LINE")


@click.group()
def policy() -> None:
    """Check, try, apply and look at policies.

    LINE is the line of a policy, '*' for the common one, or calendar/NAME for a shared calendar.
    FILE may be a folder: all its *.yaml files are meant.
    """


class _Check(click.Command):
    """Its help lists what a case may give, which is only loaded for it."""

    @override
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from streams.policy_admin.case_words import WORDS

        with formatter.section("What a case may give"):
            formatter.write_dl([(word, what) for word, (_, what) in WORDS.items()])
        super().format_epilog(ctx, formatter)


@policy.command(
    cls=_Check,
    epilog=example(
        "ringfence policy check deploy/policies", "ringfence policy check --offline clinic.yaml"
    ),
)
@config_option
@demo_option
@_FILES
@click.option(
    "--offline",
    is_flag=True,
    help="Do not ask Kafka for shared calendars that are applied already.",
)
def check(config: Path, paths: tuple[Path, ...], *, offline: bool) -> None:
    """Check files together, and run their test cases.

    Policies of one and the same line are each checked by themselves. Writes nothing; exits with 2
    where one fails.

    Shared calendars and policies that are applied already are taken from Kafka where it answers.
    """
    from streams.policy_admin.actions import check_alternatives
    from streams.policy_admin.experiment_notes import experiment_notes

    settings, shelf, why_not = _settings_and_shelf(config, offline=offline)
    reports = check_alternatives(paths, settings, shelf)
    for report in reports:
        for line in report.lines():
            say(line, err=report.failed)
    for note in experiment_notes((file for each in reports for file in each.files), shelf):
        say(f"note: {note}")
    if any(report.by for report in reports):
        say("policies of one line were each checked by themselves: apply one of them")
    if why_not:
        say(f"what is applied already was not looked at: {why_not}", err=True)
    if any(report.failed for report in reports):
        sys.exit(ConfigurationError.exit_code)


@policy.command(
    epilog=example(
        "ringfence policy apply deploy/policies",
        "ringfence policy apply clinic.yaml --note 'more staff'",
    )
)
@config_option
@demo_option
@_FILES
@author_option
@_NOTE
def apply(config: Path, paths: tuple[Path, ...], author: str, note: str) -> None:
    """Check files, then put all of them in force, or none.

    Waits until every running worker reports that it uses them; exits with 1 where one does not.
    """
    from streams.policy_admin.actions import check as check_files
    from streams.policy_admin.experiment_notes import experiment_notes
    from streams.policy_admin.store import changes

    settings = kafka_settings(config)

    def changed(shelf: Shelf) -> list[PolicyDocument]:
        report = check_files(paths, settings, shelf)
        if report.failed:
            raise ConfigurationError("\n".join(report.lines()) + "\nnothing was applied")
        for each in experiment_notes(report.files, shelf):
            say(f"note: {each}")
        made = changes(report.files, shelf, author=author, note=note, at_ms=now_ms())
        for file in report.files:
            if file.key not in {each.key for each in made}:
                say(f"{file.key}: in force already")
        return made

    _put(settings, changed)


@policy.command(
    epilog=example("ringfence policy diff deploy/policies", "ringfence policy diff london")
)
@config_option
@demo_option
@click.argument("what", metavar="FILE|LINE")
def diff(config: Path, what: str) -> None:
    """Show how what is in force differs from files.

    From a file, from a folder, or, for a LINE, from its file in the policies folder.
    """
    from streams.policy_admin.actions import differences

    settings = kafka_settings(config)
    lines = differences(settings, what, _shelf(settings))
    for line in lines:
        say(line)
    if not lines:
        say("no difference", err=True)


@policy.command(
    epilog=example(
        "ringfence policy show london", "ringfence policy show calendar/office --revision 1f3a"
    )
)
@config_option
@demo_option
@_LINE
@click.option("--revision", metavar="REVISION", help="A former one; its first digits are enough.")
def show(config: Path, name: str, revision: str | None) -> None:
    """Print a policy or calendar as YAML.

    What is in force, or a former revision.
    """
    from streams.policy_admin.actions import as_yaml, find

    document = find(_shelf(kafka_settings(config)), name, revision)
    # as it is, to be edited and applied again: texts in Arabic hold marks of direction
    click.echo(as_yaml(document), nl=False)


@policy.command(epilog=example("ringfence policy history london"))
@config_option
@demo_option
@_LINE
@json_option
def history(config: Path, name: str, *, as_json: bool) -> None:
    """List all revisions of a line's policy.

    When each was applied, by whom and why; the newest first.
    """
    from streams.policy_admin.actions import history_json, history_lines

    if as_json:
        say_json(history_json(_shelf(kafka_settings(config)), name))
        return
    for line in history_lines(_shelf(kafka_settings(config)), name):
        say(line)


@policy.command(
    epilog=example(
        "ringfence policy rollback london", "ringfence policy rollback london --to 1f3a99"
    )
)
@config_option
@demo_option
@_LINE
@click.option(
    "--to",
    "revision",
    metavar="REVISION",
    help="Its first digits are enough; default: the one before.",
)
@author_option
@_NOTE
def rollback(config: Path, name: str, revision: str | None, author: str, note: str) -> None:
    """Put a former revision in force again.

    Refused where it cannot be compiled any more.
    """
    from streams.policy_admin.actions import rolled_back

    _put(
        kafka_settings(config),
        lambda shelf: [rolled_back(shelf, name, revision, author, note, now_ms())],
    )


@policy.command(epilog=example("ringfence policy remove london --note 'as everywhere'"))
@config_option
@demo_option
@_LINE
@author_option
@_NOTE
def remove(config: Path, name: str, author: str, note: str) -> None:
    """Remove a line's policy.

    The common one ('*') holds for it then. Its history stays.
    """
    from streams.policy_admin.actions import removed

    _put(kafka_settings(config), lambda shelf: [removed(shelf, name, author, note, now_ms())])


@policy.command(
    epilog=example(
        "ringfence policy simulate stricter.yaml --from 30d --html stricter.html",
        "ringfence policy simulate new/ --from 2026-11-24T08:00 --to 2026-11-24T18:00 "
        "--line london",
        "ringfence policy simulate --from 1d --json",
    )
)
@config_option
@demo_option
@click.argument(
    "paths",
    metavar="[FILE...]",
    nargs=-1,
    type=click.Path(path_type=Path, exists=True),
)
@click.option(
    "--from",
    "from_ms",
    type=MOMENT,
    required=True,
    metavar="TIME",
    help="Such as 2h, or 2026-11-24T18:00.",
)
@click.option("--to", "to_ms", type=MOMENT, metavar="TIME", help="The same; default: now.")
@click.option("--line", metavar="LINE", help="Calls to this line only.")
@click.option("--diff", is_flag=True, help="List calls that would have been decided otherwise.")
@click.option(
    "--html",
    "html_file",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    metavar="FILE",
    help="Write a page with all of it there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def simulate(
    config: Path,
    paths: tuple[Path, ...],
    from_ms: int,
    to_ms: int | None,
    line: str | None,
    html_file: Path | None,
    *,
    diff: bool,
    as_json: bool,
) -> None:
    """Try policies on past calls, and count what changes.

    The files stand for the policies and calendars in force, or for some of them; without files
    those in force are tried, and differ in no call unless they were changed meanwhile. Each call is
    decided again from what is on record of it: all that was known at that moment. Nobody is
    rejected or texted: this command has no access to a gateway and writes nothing to Kafka.

    Calls of which a rule asks for something that is not on record are counted apart. What a caller
    would have done after another decision nobody knows: later calls, blocks and messages are those
    that were. Decisions are kept for 90 days.
    """
    from streams.history.read_past import Wanted, try_on_past
    from streams.history.trial import read_trial
    from streams.history.words import Account

    settings = kafka_settings(config)
    if line is not None:
        check_line(settings, line)
    until_ms = now_ms() if to_ms is None else to_ms
    if until_ms <= from_ms:
        msg = "--to must be later than --from"
        raise click.UsageError(msg)
    wanted = Wanted(from_ms=from_ms, to_ms=until_ms, line=line)
    trial = asyncio.run(read_trial(settings, paths))
    account = Account(trial.revisions, wanted, try_on_past(settings.kafka, trial, wanted))
    if html_file is not None:
        from streams.common.whole_file import write_whole
        from streams.history.page import page

        write_whole({html_file: page(account)})
    if as_json:
        click.echo(json.dumps(account.as_dict(), indent=2))
        return
    for each in account.lines(every=diff):
        say(each)


replay: Final = copy.copy(simulate)
"""The name that ``policy simulate`` had before; it still works, and help does not show it."""
replay.name = "replay"
replay.hidden = True


def _settings_and_shelf(config: Path, *, offline: bool) -> tuple[Settings, Shelf | None, str]:
    """The settings, and what is applied where Kafka can be asked; else why it could not be."""
    from streams.settings import load_settings

    why_not = ""
    if not offline:
        try:
            settings = kafka_settings(config)
            return settings, _shelf(settings), ""
        except EnvironmentFaultError as exc:
            why_not = str(exc)
    log_to_file()
    return load_settings(config, gateway_secrets=False), None, why_not


def _shelf(settings: Settings) -> Shelf:
    from streams.kafka.cluster import require
    from streams.policy_admin.store import read_shelf

    async def read() -> Shelf:
        await require(settings.kafka)
        return await read_shelf(settings.kafka)

    return asyncio.run(read())


def _put(settings: Settings, make: Callable[[Shelf], list[PolicyDocument]]) -> None:
    """Write what ``make`` makes of what is there, and say what the workers make of it."""
    from streams.policy_admin.store import answers, write

    documents = make(_shelf(settings))
    if not documents:
        return

    async def put() -> bool:
        await write(settings.kafka, documents)
        for each in documents:
            what = "removed" if each.removed else f"revision {each.revision} applied"
            say(f"{each.key}: {what}" + (f" (was {each.replaces})" if each.replaces else ""))
        found = await answers(settings.kafka, documents, now_ms)
        for answer in found:
            state = (
                "runs it"
                if answer.runs
                else f"does not run it: {answer.why_not or 'it has not said why'}"
            )
            say(f"worker {answer.worker} {state}", err=not answer.runs)
        if not found:
            say("no worker runs just now; the next one that starts takes it")
        return all(answer.runs for answer in found)

    if not asyncio.run(put()):
        sys.exit(1)
