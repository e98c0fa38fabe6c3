"""``ringfence up``, ``bridge``, ``worker``, ``gateway-sim``: what runs until it is told to stop."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from streams.cli.context import log_to_file, serve_until_signalled, service_settings
from streams.cli.options import DURATION, RATE, config_option, example


@click.command(
    epilog=example("ringfence up --for 60 --report report.json", "ringfence up --traffic none")
)
@config_option
@click.option(
    "--traffic",
    type=RATE,
    default="2",
    show_default=True,
    metavar="RATE|none",
    help="Simulated calls per second; `none` runs the gateways of the configuration, for production.",
)
@click.option(
    "--for", "duration_ms", type=DURATION, metavar="SECONDS", help="End by itself after so long."
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Summary as JSON.",
)
@click.option("--seed", type=int, default=None, help="Makes the simulated traffic repeatable.")
def up(
    config: Path,
    traffic: float | None,
    duration_ms: int | None,
    report: Path | None,
    seed: int | None,
) -> None:
    """Run everything on this machine.

    Kafka, topics, bridge, worker, and simulated gateways with traffic.

    Exits with 0 only when the audit of the run holds.
    """
    from streams.single_node.plan import RunOptions
    from streams.single_node.run import up as run_up

    log_to_file()
    options = RunOptions(
        config=config, rate=traffic, duration_ms=duration_ms, report=report, seed=seed
    )
    sys.exit(run_up(options, click.echo))


@click.command(epilog=example("ringfence bridge --config /etc/ringfence.yaml"))
@config_option
def bridge(config: Path) -> None:
    """Run the webhook server alone, until SIGTERM."""
    from streams.bridge.server import serve

    settings = service_settings(config)
    serve_until_signalled(lambda stop: serve(settings, stop=stop))


@click.command(epilog=example("ringfence worker --config /etc/ringfence.yaml"))
@config_option
def worker(config: Path) -> None:
    """Run one worker alone, until SIGTERM: it decides, rejects and texts."""
    from streams.worker.process import run

    sys.exit(run(service_settings(config)))


@click.command(
    name="gateway-sim",
    epilog=example("ringfence gateway-sim --listen 127.0.0.1:3000 --rate 5 --seed 7"),
)
@config_option
@click.option("--listen", default="127.0.0.1:3000", show_default=True, metavar="HOST:PORT")
@click.option(
    "--bridge-url",
    default=None,
    metavar="URL",
    help="Where webhooks go; by default to bridge.listen.",
)
@click.option(
    "--rate",
    type=RATE,
    default="2",
    show_default=True,
    metavar="RATE|none",
    help="Calls per second.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Decides the traffic.")
@click.option(
    "--line",
    "lines",
    multiple=True,
    metavar="LINE",
    help="Call this line only; may be given again.",
)
@click.option("--wait", is_flag=True, help="Traffic begins at POST /_sim/traffic/start.")
def gateway_sim(
    config: Path,
    listen: str,
    bridge_url: str | None,
    rate: float | None,
    seed: int,
    lines: tuple[str, ...],
    *,
    wait: bool,
) -> None:
    """Play the configuration's gateways, with calls, until SIGTERM.

    Point each gateway's base_url at it.
    """
    from streams.settings import load_settings
    from streams.simulator import serve

    settings = load_settings(config)
    url = bridge_url or f"http://{settings.bridge.listen}"
    serve_until_signalled(
        lambda stop: serve(
            settings,
            listen=listen,
            bridge_url=url,
            rate=rate,
            seed=seed,
            stop=stop,
            wait=wait,
            lines=lines,
        )
    )
