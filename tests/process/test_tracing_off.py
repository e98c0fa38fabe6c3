"""Without a collector's address nothing of OpenTelemetry is loaded, and nothing is noted."""

from __future__ import annotations

import os
import subprocess
import sys

from streams.settings import ROOT

SCRIPT = """
import sys
import streams.bridge.server, streams.worker.app
from streams.tracing.setup import tracing_of
assert tracing_of("worker", lambda result, count: None) is None
print(sorted({each.partition(".")[0] for each in sys.modules} & {"opentelemetry", "requests"}))
"""


def test_what_is_off_is_not_even_loaded() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT, env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"
