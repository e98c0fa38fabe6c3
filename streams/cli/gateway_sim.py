"""``ringfence gateway-sim``: the configuration's gateways, simulated."""

from __future__ import annotations

from pathlib import Path

import click

from streams.cli.options import RATE, config_option, example, log_format_option
from streams.cli.startup import serve_until_signalled
from streams.common.log_style import LogFormat, LogStyle


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
    help="Where webhooks go; default: bridge.listen.",
)
@click.option(
    "--rate",
    type=RATE,
    default="2",
    show_default=True,
    metavar="RATE|none",
    help="Calls per second.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="The same seed gives the same traffic."
)
@click.option(
    "--line",
    "lines",
    multiple=True,
    metavar="LINE",
    help="Call this line only; may be repeated.",
)
@click.option(
    "--reactions",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="What people do after a reject, as YAML: {silent: 0.1, told: 0.2}.",
)
@click.option("--wait", is_flag=True, help="Traffic begins at POST /_sim/traffic/start.")
@log_format_option
def gateway_sim(  # noqa: PLR0913 - one keyword for each option of the command
    config: Path,
    listen: str,
    bridge_url: str | None,
    rate: float | None,
    seed: int,
    lines: tuple[str, ...],
    reactions: Path | None,
    log_format: LogFormat,
    *,
    wait: bool,
) -> None:
    """Simulate the configured gateways, until SIGTERM.

    They send calls to the bridge, and take its commands: point each gateway's base_url here.
    """
    from streams.settings import load_settings
    from streams.simulator import serve
    from streams.simulator.reactions import read_reactions

    logs = LogStyle("simulator", log_format)
    if logs.is_json:
        logs.begin()
    settings = load_settings(config)
    dials = read_reactions(reactions) if reactions is not None else None
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
            reactions=dials,
        ),
        logs,
    )
