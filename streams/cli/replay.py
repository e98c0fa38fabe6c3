"""``ringfence replay``: what a policy would have decided."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from streams.cli.context import kafka_settings
from streams.cli.options import MOMENT, config_option, demo_option, example


@click.command(
    epilog=example(
        "ringfence replay --from 1d --policy policies/stricter.yaml --diff",
        "ringfence replay --from 2026-11-24T08:00 --to 2026-11-24T18:00 --line london --json replay.json",
    )
)
@config_option
@demo_option
@click.option(
    "--from",
    "from_ms",
    type=MOMENT,
    required=True,
    metavar="TIME",
    help="Such as 2h, or 2026-11-24T18:00.",
)
@click.option("--to", "to_ms", type=MOMENT, metavar="TIME", help="The same; default: now.")
@click.option(
    "--policy",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Instead of the line's policy in force; may be repeated, with the calendars that it reads.",
)
@click.option("--line", metavar="LINE", help="Calls to this line only.")
@click.option("--diff", is_flag=True, help="Name the calls that would have been decided otherwise.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    metavar="FILE",
    help="Write everything there.",
)
def replay(
    config: Path,
    from_ms: int,
    to_ms: int | None,
    files: tuple[Path, ...],
    line: str | None,
    json_file: Path | None,
    *,
    diff: bool,
) -> None:
    """Decide past calls once more, with the policies in force or with others, and compare.

    Nobody is rejected or told: this has no way to a gateway and writes nothing to Kafka. Each call
    is decided at the time at which it was, with the messages that were known then; contacts, lists,
    presence, bridges and switches are taken as they are now. Calls are kept for 7 days. --json
    writes everything to a file.
    """
    from streams.common.clock import now_ms
    from streams.history.read_past import replay as replay_history

    settings = kafka_settings(config)
    if line is not None and line not in settings.lines:
        msg = f"{line!r} is not a configured line (there: {', '.join(sorted(settings.lines))})"
        raise click.BadParameter(msg, param_hint="--line")
    until_ms = now_ms() if to_ms is None else to_ms
    if until_ms <= from_ms:
        msg = "--to must be later than --from"
        raise click.UsageError(msg)
    compared, revisions = asyncio.run(
        replay_history(settings, from_ms=from_ms, to_ms=until_ms, files=files, line=line)
    )
    named = ", ".join(f"{name} {revision}" for name, revision in revisions.items())
    click.echo(f"policies    {named}")
    for each in compared.lines(diff=diff):
        click.echo(each)
    if json_file is not None:
        json_file.write_text(
            json.dumps(compared.as_dict(revisions), indent=2) + "\n", encoding="utf-8"
        )
