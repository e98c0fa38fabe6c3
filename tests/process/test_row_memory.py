"""What a table's rows cost in memory while they are written: in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from streams.settings import ROOT

ROWS = 100_000

WRITING = f"""
import asyncio
from pathlib import Path

import faust

from streams.faust_driver.tables import FaustTable
from streams.kafka.tolerant_table import RowForm, TolerantTable, UnreadableRows
from streams.screening.recent_calls import RecentCall, RecentCalls, dump, load

T0 = 1_767_261_600_000


class Broker:
    async def enqueue_to(self, topic, key, value, partition=None, headers=None):
        return asyncio.get_running_loop().create_future()


def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


async def write():
    app = faust.App("memory", broker="aiokafka://127.0.0.1:1", store="memory://")
    rows = FaustTable(app, "recent-calls", 1, Broker)
    unreadable = UnreadableRows(print, lambda: T0)
    table = TolerantTable(
        rows, "recent-calls", "", RowForm.under_any_key(load, dump), unreadable
    )
    before = resident()
    size = 0
    for number in range({ROWS}):
        call = RecentCall("london", f"{{number:032X}}", T0, number, T0 + 5, "reject")
        key = f"{{number:012d}}@c.us".encode()
        (await table.put(0, key, RecentCalls((call,)))).cancel()
        size += len(key) + len(rows.get(key))
    print(size, resident() - before)


asyncio.run(write())
"""


def test_a_row_takes_little_more_than_its_length() -> None:
    """orjson's bytes keep the buffer that they were written into: 4 kB for a row of 100 bytes."""
    said = subprocess.run(  # noqa: S603 - our own script, no shell
        [sys.executable, "-P", "-c", WRITING],
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    written, grown = map(int, said.split())
    # objects, a dictionary's entry and its room to grow: 580 bytes a row were measured
    assert grown < written + 1_000 * ROWS, f"{grown / ROWS:.0f} bytes a row"
