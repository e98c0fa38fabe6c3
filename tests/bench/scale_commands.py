"""``--scale``, ``--costs`` and ``--reference``: what is asked for, measured and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
from typing_extensions import override

from streams.local_kafka.broker import LocalKafka
from streams.local_kafka.jars import kafka_version
from streams.local_kafka.state import BrokerFiles
from streams.settings import KafkaSettings
from tests.bench import costing, machine, referring, scaling
from tests.bench.scale_run import GatewayProcess, stage
from tests.bench.steps import Options
from tests.bench.systems import Site, prepare

_READERS: Final = (1, 4, 8)


class WorkerCounts(click.ParamType):
    """Numbers of workers, with commas."""

    name = "workers"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        parts = str(value).split(",")
        if not all(part.strip().isdigit() and 1 <= int(part) <= 64 for part in parts):
            self.fail(f"{value!r}: numbers of workers from 1 to 64, such as 1,2,4", param, ctx)
        return tuple(map(int, parts))


@dataclass(frozen=True, slots=True)
class Asked:
    """Which of the three, if any."""

    scale: tuple[int, ...] | None
    costs: Path | None
    """Where costs are written: those of calls, or with ``reference`` those of rows."""
    reference: int | None

    @property
    def anything(self) -> bool:
        """Whether one of them is asked for."""
        return any(each is not None for each in (self.scale, self.costs, self.reference))


async def run(
    asked: Asked,
    options: Options,
    folder: Path,
    start_gateway: Callable[[], GatewayProcess],
    say: Callable[[str], None],
) -> tuple[list[str], dict[str, Any]]:
    """Measure what is asked for; lines for people, and everything for machines."""
    if asked.reference is not None:
        return await _reference(asked, options, folder, say)
    facts = machine.facts(local_broker=True) | {"kafka": f"{kafka_version()}, three local nodes"}
    async with stage(options, folder, start_gateway, say) as on:
        if asked.scale is not None:
            scaled = await scaling.measure(on.bench, on.brokers, asked.scale)
            return scaling.lines(scaled, facts), {"machine": facts, **asdict(scaled)}
        costs = await costing.measure(on.bench, on.brokers, max(options.rates))
    assert asked.costs is not None
    costing.write(asked.costs, costs, facts)
    return [f"{asked.costs}: written"], {"machine": facts, **asdict(costs)}


async def _reference(
    asked: Asked, options: Options, folder: Path, say: Callable[[str], None]
) -> tuple[list[str], dict[str, Any]]:
    assert asked.reference is not None
    facts = machine.facts(local_broker=True)
    local = LocalKafka(BrokerFiles(folder / "broker"))
    local.prepare(say)
    try:
        await local.start()
        assert local.process is not None
        kafka = KafkaSettings(
            bootstrap_servers=local.bootstrap, topic_prefix="bench.", partitions=options.partitions
        )
        site = Site(kafka, "http://127.0.0.1:1", options.lines, folder)
        await prepare(site)
        broker = local.process.pid, local.data_dir / "logs"
        found = await referring.measure(site, asked.reference, _READERS, broker, say)
    finally:
        local.stop()
    if asked.costs is not None:
        referring.write(asked.costs, found, facts)
    return [*referring.lines(found)], {"machine": facts, **asdict(found)}
