"""Runs one worker process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from streams.common.log_style import LogStyle
from streams.common.shutdown import Failure
from streams.faust_driver.process import require_cluster, run_process
from streams.policy_admin.files import read_folder
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.worker.app import WorkerApp


def run(settings: Settings, logs: LogStyle) -> int:
    """Run until SIGTERM or SIGINT, as ``run_process`` does, whose exit code it returns; blocks.

    Raises ``RingfenceError`` for what a person must repair first: a policy, no cluster, and what
    ``run_process`` names.
    """
    require_cluster(settings.kafka)
    files, _ = read_folder(settings)

    built: list[WorkerApp] = []

    def build() -> tuple[WorkerApp, Failure]:
        from streams.worker import app as worker  # noqa: PLC0415 - only once Faust is proven

        app = worker.build(settings, files, instance=os.environ.get("RINGFENCE_INSTANCE"))
        built.append(app)
        return app, app.parts.failure

    try:
        return run_process(settings.kafka, settings.worker.listen, "worker.listen", build, logs)
    finally:
        for app in built:
            if app.parts.tracing is not None:
                app.parts.tracing.stop()
