"""That the benchmark runs and finds something. How fast is for the benchmark to say, not for a
test."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from streams.settings import ROOT

ARGUMENTS = (
    "--rates 20 --seconds 1 --no-sustain --no-idle --no-warm-up --settle 250ms"
    " --lines 2 --partitions 2 --arrivals even"
)


async def test_the_benchmark_measures_both_systems_on_one_broker(
    broker: str, tmp_path: Path
) -> None:
    found = tmp_path / "bench.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(
            "-P",
            "-m",
            "tests.bench",
            *ARGUMENTS.split(),
            "--json",
            str(found),
            "--logs",
            str(tmp_path / "logs"),
        ),
        env={**os.environ, "PYTHONPATH": str(ROOT), "KAFKA_BOOTSTRAP_SERVERS": broker},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate()
    assert process.returncode == 0, (out + said).decode()
    report = json.loads(found.read_text())
    assert [(row["system"], row["calls"], row["whole"]) for row in report["rows"]] == [
        ("relay", 20, True),
        ("product", 20, True),
    ]
    assert all(row["reject"]["count"] == 20 for row in report["rows"])
    assert report["rows"][1]["text"]["count"] == 20
    assert report["rows"][1]["written"] == {"decisions": 20, "rejects": 20, "texts": 20}
    assert report["wrong"] == 0
    assert b"Webhook sent to reject at the gateway" in out
