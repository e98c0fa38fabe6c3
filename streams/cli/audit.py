"""``ringfence audit``: the proof that nothing vanished."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import click

from streams.cli.options import MOMENT, config_option, demo_option, example, log_format_option
from streams.cli.output import say, say_all
from streams.cli.startup import kafka_settings, run_until_signalled, service_settings
from streams.common.errors import AuditError, NothingComparedError
from streams.common.log_style import LogFormat, LogStyle
from streams.common.printable import printable
from streams.log_events.audit import AuditEnded
from streams.log_events.kinds import EventLog, LogEvent

log = EventLog(__name__)


@click.command(
    epilog=example(
        "ringfence audit --since 1h",
        "ringfence audit --since 2026-11-24T08:00 --until 2026-11-24T18:00 --json",
        "ringfence audit --since 7d --rederive",
        "ringfence audit --follow --listen 127.0.0.1:8082",
    )
)
@config_option
@demo_option
@click.option(
    "--since",
    "since_ms",
    type=MOMENT,
    metavar="TIME",
    help="Such as 15m, or 2026-11-24T18:00; default: all.",
)
@click.option("--until", "until_ms", type=MOMENT, metavar="TIME", help="The same; default: now.")
@click.option(
    "--follow", is_flag=True, help="Go on, and report each fault as it happens, until Ctrl-C."
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="With --follow: serve /metrics (Prometheus) and /health there.",
)
@click.option(
    "--rederive",
    is_flag=True,
    help="Also make every decision again from its record and its policy, and name each that "
    "differs.",
)
@log_format_option
@click.option("--json", "as_json", is_flag=True, help="Print summary and audit as JSON.")
def audit(
    config: Path,
    since_ms: int | None,
    until_ms: int | None,
    listen: str | None,
    log_format: LogFormat,
    *,
    follow: bool,
    rederive: bool,
    as_json: bool,
) -> None:
    """Prove from the topics that no call was lost.

    Every call has a decision, and every command an outcome; exits with 4 where one has not, and
    with 5 where there was nothing to compare, which proves nothing (with --follow with 0 then).

    --since and --until are about when the bridge received a call; what became of it later counts
    too. Calls older than the shortest retention of the topics lack records and cannot be judged:
    the audit says from when on it could. A line with ! is a contradiction, one with ? a text of
    which nobody knows whether it arrived, for somebody to look into.

    With --follow, --log-format json says all this in its log, on stderr, and prints nothing.

    --rederive counts apart what proves nothing: decisions that were repeated after an interruption,
    whose record was cut because it was too large, that an older version made without one, or that
    hang on other data of time zones, holidays or phone numbers than this version has. The sentences
    of why are not compared: they name people who set something by hand, which is not on record.
    """
    if follow and rederive:
        msg = "--rederive reads the past once: it does not go with --follow"
        raise click.UsageError(msg)
    if follow and (until_ms is not None or as_json):
        msg = (
            "--follow never ends: it goes with neither --until nor --json; --listen has its numbers"
        )
        raise click.UsageError(msg)
    if listen is not None and not follow:
        msg = "--listen serves the numbers of --follow: add that too"
        raise click.UsageError(msg)
    named = click.get_current_context().get_parameter_source("log_format")
    if not follow and named is click.core.ParameterSource.COMMANDLINE:
        msg = "--log-format is about the log of --follow: add that too, or ask for --json"
        raise click.UsageError(msg)
    if follow:
        from streams.audit.follow import follow as follow_topics

        logs = LogStyle("audit", log_format)
        if logs.is_json:
            settings = service_settings(config, logs, gateway_secrets=False)
        else:
            settings = kafka_settings(config)
        write = log.write if logs.is_json else _say_event
        found = run_until_signalled(
            lambda stop: follow_topics(settings, write, since_ms=since_ms, listen=listen, stop=stop)
        )
        if logs.is_json:
            log.write(AuditEnded(verdict=found.verdict))
        else:
            say_all("\n".join(map(printable, found.lines())))
        verdict = found.verdict
    else:
        from streams.audit.audit_topics import audit_topics

        settings = kafka_settings(config)
        report = asyncio.run(audit_topics(settings, since_ms, until_ms, rederive=rederive))
        say_all(
            json.dumps(report.as_dict(), indent=2)
            if as_json
            else "\n".join(map(printable, report.lines()))
        )
        verdict = report.audit.verdict
    if verdict == "does not hold":
        sys.exit(AuditError.exit_code)
    if verdict == "nothing compared" and not follow:
        sys.exit(NothingComparedError.exit_code)


def _say_event(happened: LogEvent) -> None:
    say(str(happened))
