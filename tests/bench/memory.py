"""What bridge and worker hold while calls come in for long: ``--memory DURATION``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from streams.metric_defs.shared import ROWS
from tests.bench.processes import Process, resident_bytes

EVERY_S: Final = 60.0
"""Between two looks."""
_SETTLED_S: Final = 600.0
"""By then what is kept for minutes, as recent calls are, is removed as fast as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was held at one moment."""

    after_s: float
    resident: dict[str, int]
    """Bytes by process."""
    rows: dict[str, int]
    """Of the worker's tables, by table."""


class Watch:
    """Looks at the processes of a system, again and again."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes
        self._began = time.monotonic()

    async def look(self) -> Look:
        """What they hold now. Raises ``aiohttp.ClientError`` where the worker does not answer."""
        worker = next(each for each in self._processes if each.name == "worker")
        resident = {each.name: resident_bytes(each.pid) for each in self._processes}
        async with (
            aiohttp.ClientSession(raise_for_status=True) as http,
            http.get(worker.metrics_url) as answer,
        ):
            families = text_string_to_metric_families(await answer.text())
        return Look(
            after_s=time.monotonic() - self._began,
            resident=resident,
            rows={
                sample.labels["table"]: int(sample.value)
                for family in families
                if family.name == ROWS.shown
                for sample in family.samples
            },
        )


def lines(looks: Sequence[Look], rate: float) -> Iterator[str]:
    """What was held, as a Markdown table, and what explains the growth."""
    processes = list(looks[0].resident)
    tables = sorted(set().union(*(each.rows for each in looks)))
    head = ["minute", "calls", *(f"{name}, MB" for name in processes)]
    yield "| " + " | ".join([*head, *(f"{name}, rows" for name in tables)]) + " |"
    yield "|" + "---|" * (len(head) + len(tables))
    for each in looks:
        held = [f"{each.resident[name] / 1e6:.0f}" for name in processes]
        rows = [str(each.rows.get(name, 0)) for name in tables]
        first = [f"{each.after_s / 60:.0f}", f"{rate * each.after_s:.0f}"]
        yield "| " + " | ".join([*first, *held, *rows]) + " |"
    settled = next((each for each in looks if each.after_s >= _SETTLED_S), None)
    if settled is not None and settled is not looks[-1]:
        yield ""
        yield _growth(settled, looks[-1])


def _growth(settled: Look, last: Look) -> str:
    more = last.resident["worker"] - settled.resident["worker"]
    rows = sum(last.rows.values()) - sum(settled.rows.values())
    each = f", {more / rows:.0f} B for each" if rows > 0 else ""
    return (
        f"from minute {settled.after_s / 60:.0f} to minute {last.after_s / 60:.0f} the worker "
        f"grew by {more / 1e6:.1f} MB and {rows} rows{each}"
    )
