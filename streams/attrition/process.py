"""Runs the attrition process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from streams.common.log_style import LogStyle
from streams.common.shutdown import Failure
from streams.faust_driver.process import require_cluster, run_process
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.attrition.app import AttritionApp


_NICE: Final = 10
"""How far it gives way on the processors (nice(2)): bridge and worker of one machine go first."""


def run(settings: Settings, logs: LogStyle) -> int:
    """Run until SIGTERM or SIGINT, as ``run_process`` does, whose exit code it returns; blocks.

    Raises ``RingfenceError`` where no cluster is named, and as ``run_process`` does.
    """
    require_cluster(settings.kafka)
    os.nice(_NICE)

    def build() -> tuple[AttritionApp, Failure]:
        from streams.attrition import app as attrition  # noqa: PLC0415 - once Faust is proven

        app = attrition.build(settings, instance=os.environ.get("RINGFENCE_INSTANCE"))
        return app, app.parts.failure

    return run_process(settings.kafka, settings.attrition.listen, "attrition.listen", build, logs)
