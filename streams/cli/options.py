"""Options that several commands of the command line share."""

from __future__ import annotations

import functools
import getpass
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

import click
from typing_extensions import override

from models.bounds import LATEST_MS
from models.patterns import CallerPattern
from models.policy import parse_duration
from streams.common.clock import now_ms
from streams.common.log_style import FORMAT_VARIABLE, LogFormat
from streams.settings import DEFAULT_CONFIG, STATE_DIR

F = TypeVar("F", bound=Callable[..., Any])

RUN_CONFIG: Final = STATE_DIR / "run" / "ringfence.yaml"
"""The configuration of the last run with simulated traffic."""


class _Duration(click.ParamType):
    name = "duration"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        try:
            found = parse_duration(f"{text}s" if text.replace(".", "", 1).isdigit() else text)
        except ValueError as exc:
            self.fail(f"{text!r}: {exc}; a number alone means seconds", param, ctx)
        if not isinstance(found, int) or found <= 0:
            self.fail(f"{text!r} must be more than zero", param, ctx)
        return found


class _Moment(click.ParamType):
    name = "moment"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        try:
            # a time without a zone is the machine's own, as everything that is shown
            return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
        except (ValueError, OverflowError, OSError):
            pass
        try:
            ago = parse_duration(text)
        except ValueError:
            ago = None
        if not isinstance(ago, int) or ago < 0:
            self.fail(
                f"{text!r} is neither a time (2026-11-24T18:00, a zone may follow) nor how long ago"
                " (15m, 2h, 1d)",
                param,
                ctx,
            )
        return now_ms() - ago


class _Until(click.ParamType):
    name = "until"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return self.read(str(value), None, param, ctx)

    def read(
        self,
        text: str,
        zone: tzinfo | None,
        param: click.Parameter | None = None,
        ctx: click.Context | None = None,
    ) -> int:
        """Milliseconds UTC. A time without a zone is in ``zone``; None is the machine's own."""
        try:
            moment = datetime.fromisoformat(text)
            found: object = int(
                (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000
            )
        except (ValueError, OverflowError, OSError):
            try:
                ahead = parse_duration(text)
            except ValueError:
                ahead = None
            found = now_ms() + ahead if isinstance(ahead, int) else None
        if not isinstance(found, int):
            self.fail(
                f"{text!r} is neither how long (2h, 30d) nor a time (2026-12-24T18:00)", param, ctx
            )
        if found <= now_ms():
            self.fail(f"{text!r} is over already", param, ctx)
        if found > LATEST_MS:
            self.fail(f"{text!r} is after the year 3000", param, ctx)
        return found


class _Caller(click.ParamType):
    name = "caller"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            pattern = CallerPattern.parse(str(value))
        except ValueError:
            pattern = None
        if pattern is None or pattern.kind != "jid":
            self.fail(
                f"{value!r} names no caller: write a number in E.164 (+447700900123) or a JID"
                " (447700900123@c.us)",
                param,
                ctx,
            )
        return pattern.value


class _Rate(click.ParamType):
    name = "rate"

    @override
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        if value is None or value == "none":
            return None
        try:
            rate = float(value)
        except ValueError:
            rate = -1.0
        if not 0 < rate <= 1000:
            self.fail(
                f"{value!r} is neither `none` nor a number of calls per second, up to 1000",
                param,
                ctx,
            )
        return rate


DURATION: Final = _Duration()
"""Milliseconds; people write ``60``, ``60s``, ``15m``, ``12h``."""
MOMENT: Final = _Moment()
"""Milliseconds UTC; people write ``15m`` for fifteen minutes ago, or a time as in ISO 8601."""
UNTIL: Final = _Until()
"""Milliseconds UTC in the future; people write ``2h`` for how long from now, or a time as in ISO
8601."""
CALLER: Final = _Caller()
"""A canonical JID; people write a number, however they part its digits, or a JID."""
RATE: Final = _Rate()
"""Calls per second, or None for ``none``."""

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=DEFAULT_CONFIG,
    envvar="RINGFENCE_CONFIG",
    show_envvar=True,
    metavar="FILE",
    help="The configuration; default: deploy/ringfence.yaml of the checkout.",
)


def user() -> str:
    """Who runs the command, for the record of what a person did."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for other programs."
)


log_format_option = click.option(
    "--log-format",
    type=click.Choice(get_args(LogFormat)),
    default="text",
    envvar=FORMAT_VARIABLE,
    show_default=True,
    show_envvar=True,
    help="`json`: one event a line, with a name and fields.",
)


author_option = click.option(
    "--author",
    default=user,
    metavar="NAME",
    help="Who does this; default: the user who runs the command.",
)


reason_option = click.option(
    "--reason", default="", metavar="TEXT", help="Why; stands in the decisions."
)


def demo_option(command: F) -> F:
    """``--demo``: use the topics of simulated traffic, which have a prefix of their own."""

    @click.option(
        "--demo",
        is_flag=True,
        help="Use the topics of simulated runs of `ringfence up`.",
    )
    @functools.wraps(command)
    def with_demo(*args: Any, config: Path, demo: bool, **kwargs: Any) -> Any:
        if demo and not RUN_CONFIG.exists():
            msg = "no run with simulated traffic is known here; start one with `ringfence up`"
            raise click.UsageError(msg)
        named = click.get_current_context().get_parameter_source("config")
        if demo and named is click.core.ParameterSource.COMMANDLINE:
            msg = (
                "--demo takes the configuration of the last run with simulated traffic:"
                " leave --config out"
            )
            raise click.UsageError(msg)
        return command(*args, config=RUN_CONFIG if demo else config, **kwargs)

    return with_demo  # type: ignore[return-value]  # functools.wraps keeps all but the one option


def example(*lines: str) -> str:
    r"""The epilog that shows how a command is called (``\b``: click keeps the lines)."""
    head = "Example:" if len(lines) == 1 else "Examples:"
    return "\b\n" + "\n".join([head, *(f"  {line}" for line in lines)])
