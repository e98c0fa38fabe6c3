"""``ringfence bridge``: the webhook server alone."""

from __future__ import annotations

from pathlib import Path

import click

from streams.cli.options import config_option, example, log_format_option
from streams.cli.startup import serve_until_signalled, service_settings
from streams.common.log_style import LogFormat, LogStyle


@click.command(
    epilog=example(
        "ringfence bridge --config /etc/ringfence.yaml",
        "ringfence bridge --log-format json",
    )
)
@config_option
@log_format_option
def bridge(config: Path, log_format: LogFormat) -> None:
    """Run the webhook server alone, until SIGTERM."""
    from streams.bridge.server import serve

    logs = LogStyle("bridge", log_format)
    settings = service_settings(config, logs)
    serve_until_signalled(lambda stop: serve(settings, stop=stop), logs)
