"""``ringfence contacts``: contact records, by file and one by one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.options import config_option, demo_option, example
from streams.cli.output import say, say_all
from streams.cli.startup import kafka_settings

if TYPE_CHECKING:
    from streams.callers.contact_import import Imported


@click.group()
def contacts() -> None:
    """Import, show and remove contact records."""


@contacts.command(
    name="import",
    epilog=example(
        "ringfence contacts import crm.csv", "ringfence contacts import crm.jsonl --resume"
    ),
)
@config_option
@demo_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--resume", is_flag=True, help="Go on where the last import of this file stopped.")
@click.option("--dry-run", is_flag=True, help="Only check the file; Kafka is not touched.")
def contacts_import(config: Path, file: Path, *, resume: bool, dry_run: bool) -> None:
    """Import contact records from a file.

    FILE is .csv or .jsonl in UTF-8; an import may be repeated.

    Columns: jid or number, and any of name, tier, time_zone, locale, aliases (with ; between them).
    Each row is the whole record of a caller. Rows that cannot be used are listed in FILE's
    .errors.csv, with line number and how to correct them; all others are imported, and the exit
    code is 1.
    """
    from streams.callers.contact_import import Importer
    from streams.settings import KafkaSettings

    kafka = KafkaSettings() if dry_run else kafka_settings(config).kafka
    importer = Importer(file, kafka, on_progress=_ProgressLine().update)
    try:
        done = importer.check() if dry_run else asyncio.run(importer.run(resume=resume))
    except KeyboardInterrupt:
        say_all(f"\nstopped after {importer.done.rows} rows; go on with --resume", err=True)
        sys.exit(130)
    verb = "can be imported" if dry_run else "imported"
    say(
        f"{done.contacts} contacts {verb}"
        + (f", {done.skipped} rows were before" if done.skipped else "")
    )
    if done.repeated:
        say(
            f"{done.repeated} rows name somebody whom an earlier row names: the later row holds",
            err=True,
        )
    if done.faults:
        say(f"{done.faults} rows left out: see {importer.errors}", err=True)
        sys.exit(1)


@contacts.command(name="show", epilog=example("ringfence contacts show +447700900123"))
@config_option
@demo_option
@click.argument("caller")
def contacts_show(config: Path, caller: str) -> None:
    """Show one contact record as JSON.

    CALLER is a JID or an international number. Exits with 1 where there is none.
    """
    from dataclasses import asdict

    import orjson

    from streams.callers.contact_import import show

    found = asyncio.run(show(kafka_settings(config).kafka, _jid(caller)))
    if found is None:
        say("no contact record stands under this JID", err=True)
        sys.exit(1)
    say_all(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2).decode())


@contacts.command(name="remove", epilog=example("ringfence contacts remove +447700900123"))
@config_option
@demo_option
@click.argument("caller")
def contacts_remove(config: Path, caller: str) -> None:
    """Remove one contact record.

    The links of its aliases go too; may be repeated.
    """
    from streams.callers.contact_import import remove

    asyncio.run(remove(kafka_settings(config).kafka, _jid(caller)))
    say("removed")


def _jid(caller: str) -> str:
    from streams.callers.contact_rows import ContactError, read_jid

    try:
        return read_jid(caller, "CALLER")
    except ContactError as fault:
        raise click.UsageError(str(fault)) from None


class _ProgressLine:
    """Prints every two seconds how far an import is; nothing for one that is quicker."""

    def __init__(self) -> None:
        from time import monotonic

        self._clock = monotonic
        self._began = monotonic()
        self._next = self._began + 2

    def update(self, done: Imported) -> None:
        """Print the progress where two seconds have passed since the last line."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + 2
        rate = (done.rows - done.skipped) / (now - self._began)
        say(f"{done.rows} rows, {done.faults} left out, {rate:.0f} rows/s", err=True)
