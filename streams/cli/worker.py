"""``ringfence worker``: one worker alone."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from streams.cli.options import config_option, example
from streams.cli.startup import service_settings


@click.command(epilog=example("ringfence worker --config /etc/ringfence.yaml"))
@config_option
def worker(config: Path) -> None:
    """Run one worker alone, until SIGTERM.

    It decides calls, rejects them and sends texts. Start as many as the load needs.
    """
    from streams.worker.process import run

    sys.exit(run(service_settings(config)))
