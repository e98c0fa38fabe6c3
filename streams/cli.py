"""The command line: ``ringfence``. Each command reads its options and hands over; the work is elsewhere.

What a command needs is imported inside it, so that ``--help`` answers at once.
"""

# ruff: noqa: PLC0415 - imports inside commands keep --help quick

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streams.errors import AuditError, EnvironmentFaultError, RingfenceError
from streams.options import DURATION, RATE, config_option, demo_option, example

if TYPE_CHECKING:
    from streams.settings import Settings

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Screen the calls that reach a business's WhatsApp lines."""


@cli.command(epilog=example("ringfence up --for 60 --report report.json", "ringfence up --traffic none"))
@config_option
@click.option(
    "--traffic",
    type=RATE,
    default="2",
    show_default=True,
    metavar="RATE|none",
    help="Simulated calls per second; `none` runs the gateways of the configuration, for production.",
)
@click.option("--for", "duration_ms", type=DURATION, metavar="SECONDS", help="End by itself after so long.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Summary as JSON.")
@click.option("--seed", type=int, default=None, help="Makes the simulated traffic repeatable.")
def up(config: Path, traffic: float | None, duration_ms: int | None, report: Path | None, seed: int | None) -> None:
    """Run everything on this machine: Kafka, topics, bridge, worker, and simulated gateways with traffic.

    Exits with 0 only when the audit of the run holds.
    """
    from streams.up.plan import Options
    from streams.up.run import up as run_up

    _log_to_file()
    options = Options(config=config, rate=traffic, duration_ms=duration_ms, report=report, seed=seed)
    sys.exit(run_up(options, click.echo))


@cli.command(epilog=example("ringfence bridge --config /etc/ringfence.yaml"))
@config_option
def bridge(config: Path) -> None:
    """Run the webhook server alone, until SIGTERM."""
    from streams.bridge.server import serve

    settings = _settings(config)
    _serve(lambda stop: serve(settings, stop=stop))


@cli.command(epilog=example("ringfence worker --config /etc/ringfence.yaml"))
@config_option
def worker(config: Path) -> None:
    """Run one worker alone, until SIGTERM: it decides, rejects and texts."""
    from streams.worker import run

    sys.exit(run(_settings(config)))


@cli.command(name="gateway-sim", epilog=example("ringfence gateway-sim --listen 127.0.0.1:3000 --rate 5 --seed 7"))
@config_option
@click.option("--listen", default="127.0.0.1:3000", show_default=True, metavar="HOST:PORT")
@click.option("--bridge-url", default=None, metavar="URL", help="Where webhooks go; by default to bridge.listen.")
@click.option("--rate", type=RATE, default="2", show_default=True, metavar="RATE|none", help="Calls per second.")
@click.option("--seed", type=int, default=1, show_default=True, help="Decides the traffic.")
@click.option("--wait", is_flag=True, help="Traffic begins at POST /_sim/traffic/start.")
def gateway_sim(
    config: Path, listen: str, bridge_url: str | None, rate: float | None, seed: int, *, wait: bool
) -> None:
    """Play the configuration's gateways, with calls, until SIGTERM.

    Point each gateway's base_url at it.
    """
    from streams.settings import load_settings
    from streams.simulator import serve

    settings = load_settings(config)
    url = bridge_url or f"http://{settings.bridge.listen}"
    _serve(lambda stop: serve(settings, listen=listen, bridge_url=url, rate=rate, seed=seed, stop=stop, wait=wait))


@cli.group()
def kafka() -> None:
    """Run the local Kafka and Kafka's own tools."""


@kafka.command(name="start", epilog=example("ringfence kafka start"))
def kafka_start() -> None:
    """Start the local Kafka; it stays until `ringfence kafka stop`."""
    from streams.kafka import daemon

    _log_to_file()
    state = asyncio.run(daemon.start(click.echo))
    click.echo(f"the local Kafka runs on {state.bootstrap} (process {state.pid}), its data in {state.data_dir}")


@kafka.command(name="stop", epilog=example("ringfence kafka stop"))
def kafka_stop() -> None:
    """Stop the local Kafka; its data stays."""
    from streams.kafka import daemon

    state = asyncio.run(daemon.stop())
    click.echo("no local Kafka runs" if state is None else f"the local Kafka (process {state.pid}) has stopped")


@kafka.command(name="status", epilog=example("ringfence kafka status"))
def kafka_status() -> None:
    """Say whether the local Kafka runs, and where. Exits with 1 where it does not."""
    from streams.kafka import daemon

    _log_to_file()
    found = asyncio.run(daemon.status())
    if found is None:
        click.echo("no local Kafka runs; start it with `ringfence kafka start`")
        sys.exit(1)
    state = found.state
    whose = "`ringfence up`" if state.owner == "up" else "`ringfence kafka start`"
    click.echo(f"bootstrap  {state.bootstrap}\nprocess    {state.pid}, by {whose}\ndata       {state.data_dir}")
    click.echo(f"answers    {'yes' if found.answers else 'no'}")
    sys.exit(0 if found.answers else 1)


@kafka.command(
    name="tool",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog=example(
        "ringfence kafka tool kafka-topics --list",
        "ringfence kafka tool kafka-console-consumer --topic calls.decisions --from-beginning",
    ),
)
@click.option("--list", "listing", is_flag=True, help="Name the tools.")
@config_option
@click.argument("name", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kafka_tool(config: Path, name: str | None, arguments: tuple[str, ...], *, listing: bool) -> None:
    """Run one of Kafka's own tools; --bootstrap-server is filled in.

    A cluster with TLS or SASL needs the tool's own --command-config FILE as well.
    """
    from streams.kafka import tools

    if listing or name is None:
        click.echo("\n".join(tools.TOOLS))
        return
    tool = tools.find(name)
    bootstrap = None
    if tools.needs_broker(tool, arguments):
        bootstrap = _kafka_settings(config).kafka.bootstrap_servers
    command = tools.command(tool, arguments, bootstrap, lambda line: click.echo(line, err=True))
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - the tool takes this process's place and exit code; no shell


@cli.group()
def topics() -> None:
    """Create and check Ringfence's topics."""


@topics.command(name="apply", epilog=example("ringfence topics apply"))
@config_option
@demo_option
def topics_apply(config: Path) -> None:
    """Create missing topics and mend their settings; may be repeated. Partitions are never changed."""
    from streams.kafka import admin

    settings = _kafka_settings(config)
    applied = asyncio.run(admin.apply(settings.kafka))
    for name in applied.created:
        click.echo(f"{name}: created")
    for each in applied.mended:
        click.echo(f"{each.topic}: {each.setting} was {each.found}, is {each.wanted}")
    for each in applied.left:
        click.echo(each.describe(), err=True)
    if applied.left:
        sys.exit(1)
    if not applied.created and not applied.mended:
        click.echo("all topics are as they should be")


@topics.command(name="check", epilog=example("ringfence topics check"))
@config_option
@demo_option
def topics_check(config: Path) -> None:
    """Compare the cluster's topics with what they should be. Exits with 1 where they differ."""
    from streams.kafka import admin

    differences = asyncio.run(admin.check(_kafka_settings(config).kafka))
    for each in differences:
        click.echo(each.describe())
    if differences:
        sys.exit(1)
    click.echo("all topics are as they should be")


@topics.command(name="list", epilog=example("ringfence topics list"))
@config_option
@demo_option
def topics_list(config: Path) -> None:
    """Show every topic: key, retention, partitions, who writes and who reads."""
    from streams.kafka import admin

    kafka_settings = _kafka_settings(config).kafka
    for line in admin.table(kafka_settings, asyncio.run(admin.found(kafka_settings))):
        click.echo(line)


@cli.command(epilog=example("ringfence audit --since 1h", "ringfence audit --demo --json"))
@config_option
@demo_option
@click.option("--since", "since_ms", type=DURATION, default=None, metavar="DURATION", help="Such as 15m; default: all.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for machines.")
def audit(config: Path, since_ms: int | None, *, as_json: bool) -> None:
    """Prove from the topics alone that no call and no command vanished. Exits with 4 where it fails."""
    from streams.clock import now_ms
    from streams.console.audit import audit_topics

    settings = _kafka_settings(config)
    report = asyncio.run(audit_topics(settings, None if since_ms is None else now_ms() - since_ms))
    click.echo(json.dumps(report.as_dict(), indent=2) if as_json else "\n".join(report.lines()))
    if not report.holds:
        sys.exit(AuditError.exit_code)


@cli.command(epilog=example("ringfence explain ABCDEF0123456789", "ringfence explain --demo ABCDEF0123456789"))
@config_option
@demo_option
@click.argument("call_id")
def explain(config: Path, call_id: str) -> None:
    """Tell one call's whole story: what was decided, by which rule, on which facts, and what came of it."""
    from streams.console.explain import explain as explain_call

    for line in asyncio.run(explain_call(_kafka_settings(config), call_id)):
        click.echo(line)


def _settings(config: Path) -> Settings:
    from streams.kafka.cluster import at_cluster
    from streams.settings import load_settings

    return at_cluster(load_settings(config))


def _kafka_settings(config: Path) -> Settings:
    from streams.kafka.cluster import at_cluster
    from streams.settings import load_settings

    _log_to_file()
    return at_cluster(load_settings(config, gateway_secrets=False))


def _serve(start: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    import uvloop

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await start(stop)

    coroutine: Coroutine[Any, Any, None] = until_signalled()
    uvloop.run(coroutine)


def _log_file() -> Path:
    from streams.settings import STATE_DIR

    path = STATE_DIR / "log" / "ringfence.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _log_to_file() -> None:
    # libraries' warnings belong into a file; what people must know is said as a message
    logging.basicConfig(
        filename=_log_file(), level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )


def main() -> None:
    """The entry point. Expected failures end in a message and their exit code, others in a log entry too."""
    try:
        cli(prog_name="ringfence")
    except RingfenceError as exc:
        click.echo(f"ringfence: {exc}", err=True)
        sys.exit(exc.exit_code)
    except OSError as exc:
        _confess(exc)
        sys.exit(EnvironmentFaultError.exit_code)
    except Exception as exc:  # noqa: BLE001 - the last resort: nothing is hidden, it is logged in full
        _confess(exc)
        sys.exit(70)


def _confess(exc: Exception) -> None:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    text = "".join(traceback.format_exception(exc))
    try:
        path = _log_file()
        with path.open("a", encoding="utf-8") as log:
            log.write(f"{when} {' '.join(sys.argv[1:])}\n{text}")
        where = f"the traceback is at the end of {path}"
    except OSError:
        where = text
    click.echo(f"ringfence: unexpected {type(exc).__name__}: {exc}; {where}", err=True)


if __name__ == "__main__":
    main()
