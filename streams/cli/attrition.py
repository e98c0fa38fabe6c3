"""``ringfence attrition``: what rejected callers do next, followed beside the calls."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from streams.cli.options import config_option, example, log_format_option
from streams.cli.startup import service_settings
from streams.common.log_style import LogFormat, LogStyle


@click.command(
    short_help="Follow what rejected callers do next, until SIGTERM.",
    epilog=example("ringfence attrition --config /etc/ringfence.yaml"),
)
@config_option
@log_format_option
def attrition(config: Path, log_format: LogFormat) -> None:
    """Follow what rejected callers do next, until SIGTERM.

    Says on the topic attrition.events who was rejected, who wrote, called again or was written to,
    and, when a horizon has closed (attrition.horizons), who is gone. Metrics by line, rule, horizon
    and state are served on attrition.listen.

    No call waits for it: it may be stopped for a day, and catches up to the same result. What was
    rejected before it was first started is counted as censored. One process does all the work; a
    second one stands by.
    """
    from streams.attrition.process import run

    logs = LogStyle("attrition", log_format)
    sys.exit(run(service_settings(config, logs, gateway_secrets=False), logs))
