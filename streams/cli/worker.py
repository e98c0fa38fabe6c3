"""``ringfence worker``: one worker alone."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from streams.cli.options import config_option, example, log_format_option
from streams.cli.startup import serve_until_signalled, service_settings, with_worker_listen
from streams.common.log_style import LogFormat, LogStyle


@click.command(
    epilog=example(
        "ringfence worker --config /etc/ringfence.yaml",
        "ringfence worker --config /etc/ringfence.yaml --processes 4",
    )
)
@config_option
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Workers of this machine, each a process; one carries what one core does.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Health and metrics, in place of worker.listen; each figure of several has a label"
    " `process`.",
)
@log_format_option
def worker(config: Path, processes: int, listen: str | None, log_format: LogFormat) -> None:
    """Run workers alone, until SIGTERM.

    They decide calls, reject them and send texts. Start as many as the load needs, on as many
    machines: what one that ends was working on comes to the others.
    """
    logs = LogStyle("worker", log_format)
    settings = service_settings(config, logs)
    if listen is not None:
        settings = with_worker_listen(settings, listen)
    if processes == 1:
        from streams.worker.process import run

        sys.exit(run(settings, logs))
    from streams.policy_admin.files import read_folder
    from streams.single_node.worker_processes import WorkerProcesses, check

    check("--processes", processes, settings.kafka.partitions)
    read_folder(settings)  # what each of them would refuse is said once
    group = WorkerProcesses(config, settings.worker.listen, processes, log_format)
    serve_until_signalled(group.run, logs)
