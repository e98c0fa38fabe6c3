"""How many connections the bridge keeps, and for how long: a door that a crowd cannot block.

Anybody may connect, and most gateways stand behind one address with everybody else. So nobody is
turned away for the crowd: the newest connection is kept, and the oldest one goes that has not shown
a right signature or token yet. A gateway needs milliseconds for that.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware
from typing_extensions import override

MOST: Final = 512
"""Connections at once. Below the 1,024 files that a process may have open by default."""

MOST_UNPROVEN: Final = 384
"""Of them, those that have shown nothing yet."""

MOST_OF_ADDRESS: Final = 256
"""Unproven ones of one address. A load balancer is one address too."""

HEADER_S: Final = 10.0
"""From a connection's beginning, or a request's first byte, to the end of the request's header."""

REQUEST_S: Final = 30.0
"""From the end of a header to the answer: the body, the acknowledgement, and some more."""

IDLE_S: Final = 75.0
"""Between two requests of a connection that has shown a right signature or token."""

UNPROVEN_IDLE_S: Final = 5.0
"""Between two requests of one that has not."""

_FILES: Final = 8192

_BACKLOG: Final = 2048
"""Connections that the system holds until they are accepted. One that finds no place there waits a
second at least for its next attempt, whoever it is."""

EVERY_S: Final = 1.0
"""Between two looks for connections whose time is over."""


class Connection(asyncio.Protocol):
    """One connection: hands everything on to the HTTP protocol, and keeps its times."""

    __slots__ = (
        "_all",
        "_heard",
        "_http",
        "_working",
        "address",
        "deadline",
        "proven",
        "transport",
    )

    def __init__(self, connections: Connections, http: asyncio.Protocol) -> None:
        self._all = connections
        self._http = http
        self._heard = False
        self._working = False
        self.transport: asyncio.Transport | None = None
        self.address = ""
        self.proven = False
        self.deadline = 0.0
        """On the loop's clock; after it the connection is closed."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the list, which may close another one."""
        if not isinstance(transport, asyncio.Transport):
            # uvloop's is none by inheritance, and has all of it
            transport = _as_transport(transport)
        self.transport = transport
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) and peer else ""
        self.deadline = self._all.now() + HEADER_S
        self._http.connection_made(transport)
        self._all.add(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the list."""
        self._all.remove(self)
        self._http.connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        """Hand the bytes on; the first ones of a request begin its time."""
        if not self._heard:
            self._heard = True
            if not self._working:
                self.deadline = min(self.deadline, self._all.now() + HEADER_S)
        self._http.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        """Hand it on."""
        return self._http.eof_received()

    @override
    def pause_writing(self) -> None:
        """Hand it on."""
        self._http.pause_writing()

    @override
    def resume_writing(self) -> None:
        """Hand it on."""
        self._http.resume_writing()

    def begin(self) -> None:
        """A request's header is whole."""
        self._working, self._heard = True, True
        self.deadline = self._all.now() + REQUEST_S

    def done(self) -> None:
        """The request is answered."""
        self._working = self._heard = False
        idle_s = IDLE_S if self.proven else UNPROVEN_IDLE_S
        self.deadline = self._all.now() + idle_s

    def prove(self) -> None:
        """A right signature or token came; from now on it gives way to no newcomer."""
        if not self.proven:
            self._all.prove(self)

    def abort(self) -> None:
        """Close it at once."""
        if self.transport is not None:
            self.transport.abort()


class Connections:
    """All connections of one server."""

    def __init__(
        self,
        seconds: Callable[[], float],
        *,
        on_closed: Callable[[str], None],
        most: int = MOST,
        most_unproven: int = MOST_UNPROVEN,
        most_of_address: int = MOST_OF_ADDRESS,
    ) -> None:
        """``seconds``: a clock that never goes back.

        ``on_closed`` is called with the reason, ``crowd`` or ``slow``, of each one that is closed.
        """
        self.now = seconds
        self._on_closed = on_closed
        self._most = most
        self._most_unproven = most_unproven
        self._most_of_address = most_of_address
        self._by_transport: dict[object, Connection] = {}
        self._unproven: dict[Connection, None] = {}
        self._of_address: dict[str, dict[Connection, None]] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_transport)

    def wrap(self, http: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """A factory of connections around a factory of HTTP protocols."""
        return lambda: Connection(self, http())

    def of(self, request: web.BaseRequest) -> Connection | None:
        """The connection of a request; None where it is closed."""
        return self._by_transport.get(request.transport)

    def add(self, connection: Connection) -> None:
        """Take in a new one, and close those that are too many."""
        self._by_transport[connection.transport] = connection
        self._unproven[connection] = None
        of_address = self._of_address.setdefault(connection.address, {})
        of_address[connection] = None
        if len(of_address) > self._most_of_address:
            self._close(next(iter(of_address)), "crowd")
        elif len(self._unproven) > self._most_unproven or len(self) > self._most:
            self._close(next(iter(self._unproven)), "crowd")

    def remove(self, connection: Connection) -> None:
        """Forget one that is closed; may be repeated."""
        self._by_transport.pop(connection.transport, None)
        self._unprove(connection)

    def prove(self, connection: Connection) -> None:
        """See ``Connection.prove``."""
        connection.proven = True
        self._unprove(connection)

    def close_late(self) -> None:
        """Close those whose time is over."""
        now = self.now()
        for connection in [each for each in self._by_transport.values() if each.deadline < now]:
            self._close(connection, "slow")

    async def watch(self) -> None:
        """Close the late ones every second, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.close_late()

    def _unprove(self, connection: Connection) -> None:
        self._unproven.pop(connection, None)
        of_address = self._of_address.get(connection.address)
        if of_address is not None:
            of_address.pop(connection, None)
            if not of_address:
                del self._of_address[connection.address]

    def _close(self, connection: Connection, reason: str) -> None:
        # at once, and not when the loop reports it: many may come in one turn
        self.remove(connection)
        self._on_closed(reason)
        connection.abort()


def _as_transport(transport: asyncio.BaseTransport) -> asyncio.Transport:
    found: asyncio.Transport = transport  # type: ignore[assignment]
    return found


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def watched(connections: Connections) -> Middleware:
    """A middleware that tells each connection when a request of its begins and ends."""

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = connections.of(request)
        if connection is None:
            return await handler(request)
        connection.begin()
        try:
            return await handler(request)
        finally:
            connection.done()

    return watch


def raise_file_limit() -> None:
    """Let this process have as many files as it may: connections that wait in a burst need some.

    Does nothing where the system does not say how many that are.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class WatchedSite(web.BaseSite):
    """As aiohttp's ``TCPSite``, with a door keeper for its connections."""

    def __init__(
        self, runner: web.BaseRunner, connections: Connections, host: str, port: int
    ) -> None:
        super().__init__(runner, backlog=_BACKLOG)
        self._connections = connections
        self._host = host
        self._port = port

    @property
    @override
    def name(self) -> str:
        """The URL it was asked for."""
        return f"http://{self._host}:{self._port}"

    @override
    async def start(self) -> None:
        """Listen; raises ``OSError``."""
        await super().start()
        server = self._runner.server
        if server is None:
            msg = "the runner is not set up"
            raise RuntimeError(msg)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connections.wrap(server), self._host, self._port, backlog=self._backlog
        )
