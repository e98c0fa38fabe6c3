"""What most commands begin with: settings that name a cluster, a log, a stop on a signal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streams.common.log_style import LogStyle

if TYPE_CHECKING:
    from streams.settings import Settings

T = TypeVar("T")


def check_line(settings: Settings, line: str) -> None:
    """Raise ``click.UsageError`` where the configuration has no such line."""
    if line not in settings.lines:
        known = ", ".join(sorted(settings.lines)) or "none"
        msg = f"{line!r} is not a configured line (there: {known})"
        raise click.UsageError(msg)


def service_settings(config: Path, logs: LogStyle, *, gateway_secrets: bool = True) -> Settings:
    """All settings for what runs until a signal, with the gateways' secrets where it needs them.

    What is wrong with them is an event too where the log is JSON.
    """
    from streams.kafka.cluster import at_cluster
    from streams.settings import load_settings

    if logs.is_json:
        logs.begin()
    return at_cluster(load_settings(config, gateway_secrets=gateway_secrets))


def with_worker_listen(settings: Settings, address: str) -> Settings:
    """The settings with another address for the worker's health and metrics.

    Raises ``click.BadParameter`` for what is no address.
    """
    from pydantic import ValidationError

    from streams.settings import WorkerSettings

    try:
        worker = WorkerSettings.model_validate(
            settings.worker.model_dump(exclude_unset=True) | {"listen": address}
        )
    except ValidationError as exc:
        why = exc.errors()[0]["msg"]
        raise click.BadParameter(why, param_hint="--listen") from None
    return settings.model_copy(update={"worker": worker})


def kafka_settings(config: Path) -> Settings:
    """Settings for a command that only speaks to Kafka.

    No secret of a gateway is needed, and the log is a file.
    """
    from streams.kafka.cluster import at_cluster
    from streams.settings import load_settings

    log_to_file()
    return at_cluster(load_settings(config, gateway_secrets=False))


def serve_until_signalled(
    start: Callable[[asyncio.Event], Awaitable[None]], logs: LogStyle
) -> None:
    """Run a service with an event that SIGINT or SIGTERM sets; logs go to stderr."""
    logs.begin()
    run_until_signalled(start)


def run_until_signalled(start: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    """Run ``start`` with an event that SIGINT or SIGTERM sets, and return what it returns."""
    import uvloop

    async def until_signalled() -> T:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        return await start(stop)

    coroutine: Coroutine[Any, Any, T] = until_signalled()
    return uvloop.run(coroutine)


def log_file(name: str = "ringfence") -> Path:
    """The log of commands, or of one; its folder is made."""
    from streams.settings import STATE_DIR

    path = STATE_DIR / "log" / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def log_to_file(logs: LogStyle | None = None) -> None:
    """Send log entries to the log file; as JSON to one of the component's own.

    Warnings of libraries belong there; what the user must know is printed.
    """
    if logs is not None and logs.is_json:
        logs.begin(log_file(logs.component))
    else:
        LogStyle("ringfence").begin(log_file())
