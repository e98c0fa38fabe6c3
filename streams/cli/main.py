"""The group of all commands, and how the program ends when one of them fails."""

from __future__ import annotations

import sys
import tomllib
import traceback
from datetime import UTC, datetime
from typing import Final, NoReturn

import click
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from typing_extensions import override

from streams.cli import (
    attrition,
    audit,
    block,
    bridge,
    calendar,
    callbacks,
    calls,
    capacity,
    contacts,
    dlq,
    explain,
    export,
    gateway_sim,
    kafka,
    lists,
    policy,
    report,
    state,
    topics,
    up,
    worker,
)
from streams.cli.options import example
from streams.cli.output import say, say_all
from streams.cli.startup import log_file
from streams.common.errors import TOPICS_HINT, EnvironmentFaultError, RingfenceError
from streams.common.log_style import log_crash, logs_json
from streams.log_events.kinds import EventLog
from streams.log_events.shared import ProcessRefused
from streams.settings import ROOT

log = EventLog(__name__)

SECTIONS: Final[dict[str, tuple[click.Command, ...]]] = {
    "Run": (
        up.up, bridge.bridge, worker.worker, attrition.attrition, gateway_sim.gateway_sim,
        kafka.kafka, topics.topics, capacity.capacity, state.state,
    ),
    "Look": (
        calls.calls, explain.explain, report.report, audit.audit, callbacks.callbacks, dlq.dlq,
        export.export,
    ),
    "Decide": (
        policy.policy, calendar.calendar, lists.lists, block.block, block.unblock,
        contacts.contacts,
    ),
    "Former names": (policy.replay,),
}  # fmt: skip
"""Every command stands here once; help shows them so."""


_DENIED: Final = (
    TopicAuthorizationFailedError,
    GroupAuthorizationFailedError,
    ClusterAuthorizationFailedError,
)


class _Sections(click.Group):
    """A group whose help shows the commands by purpose, not in one list."""

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(name) for name in self.commands)
        room = formatter.width - 6 - width
        for title, commands in SECTIONS.items():
            rows = [
                (f"{each.name:{width}}", each.get_short_help_str(room))
                for each in commands
                if not each.hidden
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _version(
    context: click.Context,
    _parameter: click.Parameter,
    wanted: bool,  # noqa: FBT001 - click's signature of a callback
) -> None:
    if wanted and not context.resilient_parsing:
        say(f"ringfence {version()}")
        context.exit()


def version() -> str:
    """The product's version: that of the checkout it runs from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


@click.group(
    cls=_Sections,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("ringfence up --for 60", "ringfence policy check --help"),
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Screen the calls that reach a business's WhatsApp lines.

    Each command has a --help of its own, with examples.
    """


for _commands in SECTIONS.values():
    for _command in _commands:
        cli.add_command(_command)


def main() -> None:
    """Run the command that ``sys.argv`` names.

    Expected failures end in a message and their exit code, others in a log entry too.
    """
    try:
        cli(prog_name="ringfence")
    except RingfenceError as exc:
        _refuse(str(exc), exc.exit_code)
    except OSError as exc:
        _confess(exc)
        sys.exit(EnvironmentFaultError.exit_code)
    except UnknownTopicOrPartitionError:
        _refuse(
            f"one of Ringfence's topics is missing on Kafka: {TOPICS_HINT}",
            EnvironmentFaultError.exit_code,
        )
    except _DENIED as exc:
        what = str(exc).removeprefix(f"[Error {exc.errno}] ")
        _refuse(
            f"Kafka denies it ({what}): kafka.username may not do that;"
            " `ringfence topics acls` lists who may do what",
            EnvironmentFaultError.exit_code,
        )
    except Exception as exc:  # noqa: BLE001 - the last resort; it is logged in full
        _confess(exc)
        sys.exit(70)


def _refuse(reason: str, exit_code: int) -> NoReturn:
    refused = ProcessRefused(reason=reason, exit_code=exit_code)
    if logs_json():
        log.write(refused)
    else:
        say_all(str(refused), err=True)
    sys.exit(exit_code)


def _confess(exc: Exception) -> None:
    if logs_json():
        log_crash(exc)
        return
    when = datetime.now(UTC).isoformat(timespec="seconds")
    text = "".join(traceback.format_exception(exc))
    try:
        path = log_file()
        with path.open("a", encoding="utf-8") as log:
            log.write(f"{when} {' '.join(sys.argv[1:])}\n{text}")
        where = f"the traceback is at the end of {path}"
    except OSError:
        where = text
    say_all(f"ringfence: unexpected {type(exc).__name__}: {exc}; {where}", err=True)
