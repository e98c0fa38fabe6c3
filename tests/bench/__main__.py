"""``tests/bench/run``: how fast a call is rejected, beside the shortest path that Kafka allows."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import click
import orjson
from typing_extensions import override

from streams.cli.options import DURATION
from streams.common.errors import EnvironmentFaultError, RingfenceError
from streams.local_kafka.broker import LocalKafka, free_ports
from streams.local_kafka.state import BrokerFiles
from streams.settings import KafkaSettings
from tests.bench import deciding, exporting, machine, recovery, scale_commands, simulating, tracing
from tests.bench import memory as remembering
from tests.bench.peers.comparison import PEERS, Comparison, running
from tests.bench.processes import Process, environment, python
from tests.bench.report import Report
from tests.bench.steps import Bench, Options
from tests.bench.systems import Site, clean, prepare
from tests.bench.values import Marks, read

T = TypeVar("T")

RATES: Final = (5.0, 50.0, 200.0)
STEPS: Final = (100.0, 150.0, 200.0, 250.0, 300.0, 400.0)
PEERS_RATES: Final = (50.0, 200.0, 400.0)
PEERS_STEPS: Final = (400.0, 500.0, 600.0, 800.0, 1000.0, 1250.0, 1600.0, 2000.0)
PEERS_SETTLE_S: Final = 15.0
PEERS_SETTLE_RATE: Final = 200.0
"""For so long, at such a rate, Java's compiler is still at work."""

EPILOG = """\b
Examples:
  tests/bench/run
  tests/bench/run --quick
  tests/bench/run --scale 1,2,4 --rates 50,100
  tests/bench/run --peers --seconds 20 --rounds 2 --climb
  tests/bench/run --peers --rates 400 --order peers-first --markdown
  tests/bench/run --costs streams/capacity/costs.json --rates 50 --seconds 60
  tests/bench/run --reference 1000000 --costs streams/capacity/costs.json
  tests/bench/run --recovery 1000000
  tests/bench/run --export 5000000
  tests/bench/run --simulate 1000000
  tests/bench/run --memory 30m --rates 200
  tests/bench/run --rates 50 --seconds 60 --no-sustain --idle 600 --json bench.json
"""


Alone = Callable[[KafkaSettings, int, Path], Awaitable[list[str]]]
"""Measures so many of something on topics of its own, with a folder for files, and says it in
lines."""


def _saying(report: Callable[[], str]) -> Callable[[click.Context, click.Parameter, bool], None]:
    """The callback of an option that says one thing, and ends."""

    # click's way
    def say(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
        if wanted:
            click.echo(report())
            context.exit()

    return say


def _measuring(alone: Alone) -> Callable[[click.Context, click.Parameter, int | None], None]:
    """The callback of an option that measures one thing alone, and ends."""

    def measure(context: click.Context, _parameter: click.Parameter, count: int | None) -> None:
        if count is None:
            return
        with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
            try:
                said = asyncio.run(_on_own_topics(alone, count, Path(folder)))
            except RingfenceError as exc:
                click.echo(f"bench: {exc}", err=True)
                context.exit(exc.exit_code)
        for line in said:
            click.echo(line)
        context.exit()

    return measure


async def _on_own_topics(alone: Alone, count: int, folder: Path) -> list[str]:
    async with _broker(folder) as (bootstrap, pids):
        kafka = KafkaSettings(
            bootstrap_servers=bootstrap, topic_prefix=f"bench-{uuid.uuid4().hex[:8]}.", partitions=8
        )
        try:
            return await alone(kafka, count, folder)
        finally:
            if not pids:
                await clean(kafka)


async def _recovery(kafka: KafkaSettings, callers: int, folder: Path) -> list[str]:
    site = Site(kafka, "http://127.0.0.1:1", 8, folder)
    await prepare(site)
    return list(recovery.lines(await recovery.measure(site, callers, _progress), callers))


async def _simulation(kafka: KafkaSettings, decisions: int, _folder: Path) -> list[str]:
    await simulating.fill(kafka, decisions, _progress)
    return [await asyncio.to_thread(simulating.measure, kafka, decisions)]


async def _exporting(kafka: KafkaSettings, records: int, folder: Path) -> list[str]:
    return list(exporting.lines(await exporting.measure(kafka, records, folder, _progress)))


class _Rates(click.ParamType):
    name = "rates"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        try:
            rates = tuple(float(part) for part in str(value).split(",") if part.strip())
        except ValueError:
            rates = (0.0,)
        if any(not 0 < rate <= 5_000 for rate in rates):
            self.fail(
                f"{value!r}: rates are numbers of calls per second, such as 5,50,200", param, ctx
            )
        return rates


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.option(
    "--rates",
    type=_Rates(),
    show_default="5,50,200; with --peers 50,200,400",
    help="Calls per second, one row each.",
)
@click.option(
    "--seconds", type=DURATION, default="30", show_default=True, help="Per rate and system."
)
@click.option(
    "--sustain",
    type=_Rates(),
    show_default="100 to 400; with --peers --climb 400 to 2000",
    help="Rates to climb.",
)
@click.option("--no-sustain", is_flag=True, help="Leave the climb out.")
@click.option(
    "--sustain-seconds",
    type=DURATION,
    default="15",
    show_default=True,
    help="Per step of the climb.",
)
@click.option(
    "--drain",
    type=DURATION,
    default="500ms",
    show_default=True,
    help="Longer, and a rate is not sustained.",
)
@click.option(
    "--idle",
    type=DURATION,
    default="60",
    show_default=True,
    help="Pause before the first call, say 600.",
)
@click.option("--no-idle", is_flag=True, help="Leave the pause out.")
@click.option(
    "--warm-up", type=DURATION, default="10", show_default=True, help="Of the broker, per system."
)
@click.option(
    "--no-warm-up", is_flag=True, help="Leave it out, and the figures are the broker's compiler's."
)
@click.option(
    "--settle",
    type=DURATION,
    show_default="3; with --peers 15",
    help="Of each system after its start.",
)
@click.option(
    "--lines",
    type=click.IntRange(1, 100),
    default=8,
    show_default=True,
    help="Lines that take turns.",
)
@click.option(
    "--partitions",
    type=click.IntRange(1, 256),
    default=8,
    show_default=True,
    help="Of every topic.",
)
@click.option(
    "--arrivals", type=click.Choice(["poisson", "even"]), default="poisson", show_default=True
)
@click.option("--seed", type=int, default=None, help="Makes Poisson arrivals repeatable.")
@click.option("--attrition", is_flag=True, help="Run attrition beside bridge and worker.")
@click.option(
    "--quick", is_flag=True, help="5 and 50 calls/s for 5 s each, no climb, a pause of 5 s."
)
@click.option(
    "--peers", is_flag=True, help="Compare with Kafka Streams and Quix Streams, not with the relay."
)
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="With --peers: every other one in the reverse order.",
)
@click.option(
    "--order",
    type=click.Choice(["product-first", "peers-first"]),
    default="product-first",
    show_default=True,
    help="With --peers: of the first round.",
)
@click.option("--climb", is_flag=True, help="With --peers: find what each sustains, too.")
@click.option(
    "--decide", is_flag=True, is_eager=True, expose_value=False, callback=_saying(deciding.report),
    help="Measure one decision alone, without Kafka, and end.",
)  # fmt: skip
@click.option(
    "--trace", is_flag=True, is_eager=True, expose_value=False, callback=_saying(tracing.report),
    help="Measure what traces cost an event, without Kafka, and end.",
)  # fmt: skip
@click.option(
    "--recovery",
    type=click.IntRange(1),
    metavar="CALLERS",
    is_eager=True,
    expose_value=False,
    callback=_measuring(_recovery),
    help="Measure how long a worker needs to know so many callers again, what each costs, and end.",
)
@click.option(
    "--simulate",
    type=click.IntRange(1),
    metavar="DECISIONS",
    is_eager=True,
    expose_value=False,
    callback=_measuring(_simulation),
    help="Measure how long a policy takes to be tried on so many recorded decisions, and end.",
)
@click.option(
    "--export",
    type=click.IntRange(1),
    metavar="RECORDS",
    is_eager=True,
    expose_value=False,
    callback=_measuring(_exporting),
    help="Measure how long an export of so many records takes, and end.",
)
@click.option(
    "--memory",
    type=DURATION,
    metavar="DURATION",
    help="Measure the memory of bridge and worker for so long at the first of the rates, and end.",
)
@click.option(
    "--scale",
    type=scale_commands.WorkerCounts(),
    metavar="WORKERS",
    help="Measure so many workers, say 1,2,4, on three brokers at the rates given, and end.",
)
@click.option(
    "--costs",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Measure what calls and messages cost at the highest of the rates, write it, and end.",
)
@click.option(
    "--reference",
    type=click.IntRange(1),
    metavar="ROWS",
    help="Measure what so many contacts, links and list entries cost a worker (into --costs), "
    "and end.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Everything, for machines.",
)
@click.option("--markdown", is_flag=True, help="The tables as Markdown.")
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep logs and configuration there.",
)
def main(  # noqa: PLR0917 - click passes every option by keyword
    rates: tuple[float, ...] | None,
    seconds: int,
    sustain: tuple[float, ...] | None,
    sustain_seconds: int,
    drain: int,
    idle: int,
    warm_up: int,
    settle: int | None,
    lines: int,
    partitions: int,
    arrivals: str,
    seed: int | None,
    rounds: int,
    order: str,
    memory: int | None,
    scale: tuple[int, ...] | None,
    costs: Path | None,
    reference: int | None,
    json_file: Path | None,
    logs: Path | None,
    *,
    attrition: bool,
    no_sustain: bool,
    no_idle: bool,
    no_warm_up: bool,
    quick: bool,
    peers: bool,
    climb: bool,
    markdown: bool,
) -> None:
    """Measure webhook to reject, side by side with a bare aiokafka relay, on one broker.

    Bridge, worker, gateway and load generator run in processes of their own, as in production. The
    relay takes the same webhooks over two topics to the same gateway, without checks and state.
    With --peers the same job in Kafka Streams and in Quix Streams takes the relay's place.
    The broker is a fresh local one, or the cluster that KAFKA_BOOTSTRAP_SERVERS names. Linux only.

    Exits with 1 when a call was lost, repeated or mixed up at one of the rates. No figure makes it
    fail.
    """
    logging.basicConfig(level=logging.WARNING)
    if not peers and (climb or rounds != 1 or order != "product-first"):
        msg = "--rounds, --order and --climb go with --peers"
        raise click.UsageError(msg)
    options = Options(
        rates=(5.0, 50.0) if quick else rates or RATES,
        seconds=5.0 if quick else seconds / 1000,
        sustain=() if quick or no_sustain else sustain or STEPS,
        sustain_s=sustain_seconds / 1000,
        drain_s=drain / 1000,
        idle_s=0.0 if no_idle else 5.0 if quick else idle / 1000,
        warm_up_s=0.0 if no_warm_up else 3.0 if quick else warm_up / 1000,
        settle_s=1.0 if quick else 3.0 if settle is None else settle / 1000,
        lines=lines,
        partitions=partitions,
        attrition=attrition,
        seed=None
        if arrivals == "even"
        else random.SystemRandom().randrange(2**32)
        if seed is None
        else seed,
    )
    if peers:
        options = beside_peers(
            options,
            first=order,
            rounds=rounds,
            rates=(50.0,) if quick else rates or PEERS_RATES,
            steps=(sustain or PEERS_STEPS) if climb else (),
            settle_s=options.settle_s if quick or settle is not None else PEERS_SETTLE_S,
        )
    folder = Path(tempfile.mkdtemp(prefix="ringfence-bench-")) if logs is None else logs.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    keep = logs is not None
    asked = scale_commands.Asked(scale, costs, reference)
    if asked.anything:
        gateway = partial(_gateway, options, folder)
        said, found = _measure(
            scale_commands.run(asked, options, folder, gateway, _progress), folder, keep=keep
        )
        for line in said:
            click.echo(line)
        _write_json(json_file, found)
        return
    if memory is not None:
        looks = _measure(_remembered(options, folder, memory / 1000), folder, keep=keep)
        for line in remembering.lines(looks, options.rates[0]):
            click.echo(line)
        _write_json(json_file, {"looks": [asdict(each) for each in looks]})
        return
    report = _measure(_bench(options, folder), folder, keep=keep)
    for line in report.lines(markdown=markdown):
        click.echo(line)
    _write_json(json_file, report.as_dict())
    sys.exit(0 if report.whole else 1)


def beside_peers(
    options: Options,
    *,
    first: str,
    rounds: int,
    rates: tuple[float, ...],
    steps: tuple[float, ...],
    settle_s: float,
) -> Options:
    """What ``--peers`` makes of the other options: the product takes turns with the peers."""
    return replace(
        options,
        systems=(*PEERS, "product") if first == "peers-first" else ("product", *PEERS),
        rounds=rounds,
        rates=rates,
        sustain=steps,
        idle_s=0.0,
        settle_s=settle_s,
        settle_rate=PEERS_SETTLE_RATE,
    )


def _write_json(path: Path | None, found: dict[str, Any]) -> None:
    if path is not None:
        options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
        path.write_bytes(orjson.dumps(found, option=options) + b"\n")


def _measure(bench: Coroutine[None, None, T], folder: Path, *, keep: bool) -> T:
    """What was found. The folder stays where it is to be kept, and where something went wrong."""
    try:
        found = asyncio.run(bench)
    except (RingfenceError, ExceptionGroup) as exc:
        for error in _leaves(exc):
            if not isinstance(error, RingfenceError):
                raise
            click.echo(f"bench: {error}", err=True)
        click.echo(f"bench: logs and configuration are in {folder}", err=True)
        sys.exit(EnvironmentFaultError.exit_code)
    if not keep:
        shutil.rmtree(folder)
    return found


@asynccontextmanager
async def _on_site(options: Options, folder: Path) -> AsyncIterator[tuple[Bench, dict[str, Any]]]:
    """A bench with its broker, its gateway and its topics, and the facts of the machine."""
    async with _broker(folder) as (bootstrap, pids):
        facts = machine.facts(local_broker=bool(pids))
        gateway = _gateway(options, folder)
        try:
            await gateway.ready()
            kafka = KafkaSettings(
                bootstrap_servers=bootstrap,
                topic_prefix=f"bench-{uuid.uuid4().hex[:8]}.",
                partitions=options.partitions,
            )
            site = Site(kafka, gateway.url, options.lines, folder, options.attrition)
            await prepare(site)
            try:
                pids["gateway"] = gateway.pid
                bench = (
                    Bench(site, options, pids, _progress)
                    if "relay" in options.systems
                    else Comparison(site, options, pids, _progress, running)
                )
                yield bench, facts
            finally:
                if "broker" not in pids:
                    await clean(kafka)
        finally:
            gateway.stop()


async def _bench(options: Options, folder: Path) -> Report:
    async with _on_site(options, folder) as (bench, facts):
        await bench.warm_up()
        rows, idle = await bench.run()
        wrong = await _wrong(bench.site.gateway_url)
        return Report(machine=facts, options=options, rows=rows, idle=idle, wrong=wrong)


async def _remembered(options: Options, folder: Path, seconds: float) -> list[remembering.Look]:
    async with _on_site(options, folder) as (bench, _):
        return await bench.memory(options.rates[0], seconds)


@asynccontextmanager
async def _broker(folder: Path) -> AsyncIterator[tuple[str, dict[str, int]]]:
    """The broker's address, and its process id where it is ours."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "").strip()
    if given:
        yield given, {}
        return
    local = LocalKafka(BrokerFiles(folder / "broker"))
    local.prepare(_progress)
    try:
        await local.start()
        yield local.bootstrap, {} if local.process is None else {"broker": local.process.pid}
    finally:
        local.stop()


class _GatewayProcess(Process):
    """The gateway, and where it listens."""

    def __init__(self, options: Options, folder: Path) -> None:
        address = f"127.0.0.1:{free_ports(1)[0]}"
        self.url = f"http://{address}"
        command = python("tests.bench.gateway", address, str(options.lines))
        super().__init__(
            "gateway", command, f"{self.url}/health/ready", folder / "gateway.log", environment()
        )


def _gateway(options: Options, folder: Path) -> _GatewayProcess:
    return _GatewayProcess(options, folder)


async def _wrong(gateway_url: str) -> int:
    async with (
        aiohttp.ClientSession(raise_for_status=True) as http,
        http.get(f"{gateway_url}/bench/marks?first=0&calls=0") as answer,
    ):
        return read(Marks, await answer.read()).wrong


def _progress(line: str) -> None:
    click.echo(line, err=True)


def _leaves(error: Exception) -> list[Exception]:
    if not isinstance(error, ExceptionGroup):
        return [error]
    return [leaf for each in error.exceptions for leaf in _leaves(each)]


if __name__ == "__main__":
    main()
