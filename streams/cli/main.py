"""The group of all commands, and how the program ends when one of them fails."""

from __future__ import annotations

import sys
import tomllib
import traceback
from datetime import UTC, datetime
from importlib import metadata
from typing import Final

import click
from aiokafka.errors import UnknownTopicOrPartitionError

from streams.cli import (
    audit_and_explain,
    blocks_and_calendar,
    callbacks,
    contacts,
    dlq,
    kafka,
    lists,
    policy,
    processes,
    replay,
    topics,
)
from streams.cli.context import log_file
from streams.common.errors import TOPICS_MEND, EnvironmentFaultError, RingfenceError
from streams.settings import ROOT

COMMANDS: Final[tuple[click.Command, ...]] = (
    processes.up, processes.bridge, processes.worker, processes.gateway_sim,
    kafka.kafka, topics.topics,
    audit_and_explain.audit, audit_and_explain.explain, dlq.dlq, replay.replay,
    callbacks.callbacks, contacts.contacts,
    policy.policy, lists.lists, blocks_and_calendar.block, blocks_and_calendar.unblock, blocks_and_calendar.calendar,
)  # fmt: skip
"""Every command stands here once; help shows them by name."""


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's way
    if wanted and not context.resilient_parsing:
        click.echo(f"ringfence {version()}")
        context.exit()


def version() -> str:
    """The product's version.

    Of the package where it is installed as one, else of the checkout it runs from.
    """
    try:
        return metadata.version("ringfence")
    except metadata.PackageNotFoundError:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return str(project["version"])


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Say it, and end.",
)
def cli() -> None:
    """Screen the calls that reach a business's WhatsApp lines."""


for _command in COMMANDS:
    cli.add_command(_command)


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
    except UnknownTopicOrPartitionError:
        click.echo(f"ringfence: Kafka lacks a topic of Ringfence's: {TOPICS_MEND}", err=True)
        sys.exit(EnvironmentFaultError.exit_code)
    except Exception as exc:  # noqa: BLE001 - the last resort: nothing is hidden, it is logged in full
        _confess(exc)
        sys.exit(70)


def _confess(exc: Exception) -> None:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    text = "".join(traceback.format_exception(exc))
    try:
        path = log_file()
        with path.open("a", encoding="utf-8") as log:
            log.write(f"{when} {' '.join(sys.argv[1:])}\n{text}")
        where = f"the traceback is at the end of {path}"
    except OSError:
        where = text
    click.echo(f"ringfence: unexpected {type(exc).__name__}: {exc}; {where}", err=True)
