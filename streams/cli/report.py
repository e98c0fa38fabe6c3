"""``ringfence report``: what happened to the calls, for a support manager."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streams.cli.options import MOMENT, config_option, demo_option, example
from streams.cli.output import say, say_all
from streams.cli.startup import check_line, log_to_file

if TYPE_CHECKING:
    from streams.report.collected import Asked
    from streams.report.figures import Figures
    from streams.settings import Settings

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_FILE_OR_OUT: Final = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
_OUT: Final = Path("-")
"""Standard output, as a file's name."""


@click.command(
    epilog=example(
        "ringfence report --since 7d",
        "ringfence report --since 30d --line london --html report.html",
        "ringfence report --from parquet --json figures.json --csv figures/",
    )
)
@config_option
@demo_option
@click.option(
    "--since",
    "since_ms",
    type=MOMENT,
    default="7d",
    show_default=True,
    metavar="TIME",
    help="Such as 12h, or 2026-11-24T18:00.",
)
@click.option("--until", "until_ms", type=MOMENT, metavar="TIME", help="The same; default: now.")
@click.option("--line", metavar="LINE", help="Of this line only.")
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Read a folder of `ringfence export` in place of the topics; asks no cluster.",
)
@click.option("--html", type=_FILE, metavar="FILE", help="Write one page with plots.")
@click.option(
    "--json", "as_json", type=_FILE_OR_OUT, metavar="FILE", help="Write all figures; - is stdout."
)
@click.option(
    "--csv",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write one file for each table.",
)
def report(
    config: Path,
    since_ms: int,
    until_ms: int | None,
    line: str | None,
    folder: Path | None,
    html: Path | None,
    as_json: Path | None,
    csv: Path | None,
) -> None:
    """Say what happened to the calls, and to whom.

    Calls by verdict, rule and hour of the week, what rejected callers did next, experiments, texts,
    callbacks, and how fast rejects were. Prints it, unless it is written to files: --html is one
    page that needs no network, for a browser, a phone or a printer. --since and --until are about
    when the bridge received a call. No caller's number is in it.
    """
    from streams.common.clock import now_ms
    from streams.report.collected import Asked
    from streams.settings import load_settings

    log_to_file()
    settings = load_settings(config, gateway_secrets=False)
    if line is not None:
        check_line(settings, line)
    targets = _Targets(html, as_json, csv)
    targets.check()
    now = now_ms()
    asked = Asked(
        since_ms=since_ms,
        until_ms=now if until_ms is None else until_ms,
        now_ms=now,
        line=line,
        zones={name: each.time_zone for name, each in settings.lines.items()},
    )
    if asked.until_ms <= since_ms:
        msg = "--until must be later than --since"
        raise click.UsageError(msg)
    targets.write(_figures(settings, asked, folder))


def _figures(settings: Settings, asked: Asked, folder: Path | None) -> Figures:
    if folder is not None:
        from streams.common.analytics_extra import require_analytics

        require_analytics("ringfence report --from", ("duckdb",))
        from streams.report.from_export import from_export

        return from_export(folder, settings.kafka.topic_prefix, asked)
    from streams.kafka.cluster import at_cluster
    from streams.report.gather import from_topics

    return asyncio.run(from_topics(at_cluster(settings).kafka, asked))


@dataclass(frozen=True, slots=True)
class _Targets:
    """Where a report goes."""

    html: Path | None
    json: Path | None
    csv: Path | None

    def check(self) -> None:
        """Refuse what cannot be written before anything is read."""
        from streams.common.analytics_extra import require_analytics
        from streams.report.files import check_writable

        for path in (self.html, self.json):
            if path is not None and path != _OUT:
                check_writable(path)
        if self.html is not None:
            require_analytics("ringfence report --html", ("altair", "vl_convert"))

    def write(self, figures: Figures) -> None:
        """Write what was asked for; print the report where nothing was."""
        from streams.report import files, terminal

        if self.html is not None:
            from streams.report.page import page

            files.write_whole({self.html: page(figures)})
            self._written(str(self.html))
        if self.json == _OUT:
            say_all(files.as_json(figures).rstrip())
        elif self.json is not None:
            files.write_whole({self.json: files.as_json(figures)})
            self._written(str(self.json))
        if self.csv is not None:
            written = files.write_csv(figures, self.csv)
            self._written(f"{len(written)} tables in {self.csv}")
        if self.html is None and self.json is None and self.csv is None:
            say_all("\n".join(terminal.lines(figures)))

    def _written(self, what: str) -> None:
        # figures on stdout are for another program
        say(f"written: {what}", err=self.json == _OUT)
