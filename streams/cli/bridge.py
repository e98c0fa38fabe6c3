"""``ringfence bridge``: the webhook server alone."""

from __future__ import annotations

from pathlib import Path

import click

from streams.cli.options import config_option, example
from streams.cli.startup import serve_until_signalled, service_settings


@click.command(epilog=example("ringfence bridge --config /etc/ringfence.yaml"))
@config_option
def bridge(config: Path) -> None:
    """Run the webhook server alone, until SIGTERM."""
    from streams.bridge.server import serve

    settings = service_settings(config)
    serve_until_signalled(lambda stop: serve(settings, stop=stop))
