"""Tells systemd, where it started the process, that the process runs, and how it is.

The protocol of ``sd_notify(3)``: lines of text in a datagram to the socket that ``NOTIFY_SOCKET``
names. Whoever runs under nothing, or in a container, has no such socket, and nothing is sent.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from typing import Final

from streams.common.tasks import cancel
from streams.log_events.kinds import EventLog
from streams.log_events.shared import ServiceManagerUnreachable

log = EventLog(__name__)

_STATUS_S: Final = 5.0
"""Between two looks at the state where no watchdog wants to hear of us more often."""


class ServiceManager:
    """Reports from ``start()`` to ``stop()``, on the event loop: a loop that hangs falls silent.

    systemd then ends the process after ``WatchdogSec`` and starts it anew.
    """

    def __init__(
        self, ready: Callable[[], str | None], env: Mapping[str, str] | None = None
    ) -> None:
        """``ready`` returns None or why the process cannot do its work: the status that is shown.

        ``env`` is asked instead of the process' environment.
        """
        env = os.environ if env is None else env
        self._ready = ready
        self._address = env.get("NOTIFY_SOCKET", "")
        self._watched_s = _watchdog_s(env)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Report that the process has started, and go on reporting; needs a running loop.

        Started means that it answers about its health. Whether it can do its work is the status:
        while Kafka is away a process waits, and a start that waits would be cut off.
        """
        if self._address and self._task is None:
            self._task = asyncio.create_task(self._report(), name="service-manager")

    async def stop(self) -> None:
        """Stop reporting; may be repeated."""
        task, self._task = self._task, None
        if task is not None:
            await cancel(task)

    async def _report(self) -> None:
        pause_s = _STATUS_S if self._watched_s is None else min(_STATUS_S, self._watched_s / 3)
        alive = () if self._watched_s is None else ("WATCHDOG=1",)
        self._send("READY=1", self._status(), *alive)
        while True:
            await asyncio.sleep(pause_s)
            self._send(self._status(), *alive)

    def _status(self) -> str:
        return f"STATUS={' '.join((self._ready() or 'ready').split())}"

    def _send(self, *lines: str) -> None:
        # a name that begins with @ is one of Linux's abstract sockets
        name = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
                sock.sendto("\n".join(lines).encode(), name)
        except OSError as exc:
            # a manager that is being restarted itself; the next report finds it
            log.write(ServiceManagerUnreachable(address=self._address, reason=str(exc)))


def _watchdog_s(env: Mapping[str, str]) -> float | None:
    """How often the watchdog wants to hear of this process, in seconds; None: not at all."""
    for_whom = env.get("WATCHDOG_PID", "")
    if for_whom and for_whom != str(os.getpid()):
        return None
    try:
        return int(env.get("WATCHDOG_USEC", "")) / 1_000_000 or None
    except ValueError:
        return None
