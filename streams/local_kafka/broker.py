"""A real Apache Kafka on this machine: one KRaft node with its own data directory."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from typing import IO

import orjson

from streams.common.die_with_parent import tethered
from streams.common.errors import EnvironmentFaultError
from streams.kafka.cluster import answers
from streams.local_kafka.jars import Report, ensure_jars, java
from streams.local_kafka.state import BrokerFiles, BrokerState, Owner, write_state
from streams.log_events.kinds import EventLog
from streams.log_events.shared import KafkaPortTaken
from streams.settings import ROOT

log = EventLog(__name__)

PROPERTIES = ROOT / "deploy" / "kafka" / "server.properties"
LOG4J = ROOT / "deploy" / "kafka" / "log4j2.yaml"

START_SECONDS = 60.0
"""A cold start takes 3 s here; recovery after a crash, or a busy machine, takes longer."""
STOP_SECONDS = 10.0
LEAST_FREE_BYTES = 1024**3
"""Kafka stops by itself on a full disk, and then with less to say."""

_HEAP = "-Xms256m -Xmx512m"
_JVM = ("-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Djava.awt.headless=true")
"""Short pauses: each one is on the way of a ringing call."""
_STARTS = 3
"""A free port can be taken by another program before Kafka binds it."""


class LocalKafka:
    """One broker process on loopback ports of its own, data kept under ``place`` between runs.

    Use: ``prepare()``, ``await start()``, then ``bootstrap``; at the end ``stop()``. The data
    directory is locked for as long as the broker process lives, whoever started it.
    """

    def __init__(self, place: BrokerFiles | None = None, *, owner: Owner = "up") -> None:
        """A ``daemon`` outlives this process.

        Otherwise the broker ends with it, however it ends.
        """
        self._place = place or BrokerFiles()
        self.data_dir = self._place.data_dir
        self.log = self._place.log_dir / "kafka.log"
        self._output = self.log.with_name("kafka.out")
        self._owner: Owner = owner
        self._java = ""
        self._jars = Path()
        self._lock: IO[str] | None = None
        self._port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients; set once started."""
        return f"127.0.0.1:{self._port}"

    def prepare(self, progress: Report) -> None:
        """Check Java and disk, lock and format the data directory, fetch the jars.

        Blocks, the first time for long. Raises ``EnvironmentFaultError`` that names what is
        missing.
        """
        self._java = java()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._check_disk()
        self._take_lock()
        try:
            self._jars = ensure_jars(progress)
            if not (self.data_dir / "logs" / "meta.properties").exists():
                progress("formatting the data directory of the local Kafka")
                self._format()
        except BaseException:
            self._drop_lock()
            raise

    async def start(self, *, within: float = START_SECONDS) -> None:
        """Start the broker and return when it answers metadata requests.

        Call it on the main thread (see ``streams.common.die_with_parent``). Raises
        ``EnvironmentFaultError`` with the log's last lines when the broker ends or does not answer
        in ``within`` seconds; no process is left behind then.
        """
        try:
            for attempt in range(_STARTS):
                self._spawn()
                try:
                    return await self._until_ready(time.monotonic() + within)
                except _PortTakenError:
                    self._ports_file.unlink(missing_ok=True)
                    if attempt == _STARTS - 1:
                        raise
        except BaseException:
            self.stop(within=0)
            raise

    def stop(self, *, within: float = STOP_SECONDS) -> None:
        """End the broker: SIGTERM, after ``within`` seconds SIGKILL. Blocks; may be repeated."""
        process, self.process = self.process, None
        if process is not None:
            end(process, within=within)
            self._place.state_file.unlink(missing_ok=True)
        self._drop_lock()

    def leave(self) -> None:
        """Let a daemon go: from here on it is found by its state file alone."""
        process, self.process = self.process, None
        if process is not None:
            # Popen would warn of a child that still runs; this one is meant to
            process.returncode = 0
        self._drop_lock()

    def last_lines(self, count: int = 12) -> str:
        """The end of what the broker logged and printed."""
        lines: list[str] = []
        for path in (self.log, self._output):
            with contextlib.suppress(FileNotFoundError):
                lines += path.read_text(errors="replace").splitlines()[-count:]
        return "\n".join(lines)

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.data_dir).free
        if free < LEAST_FREE_BYTES:
            msg = (
                f"only {free // 1024**2} MiB are free where the local Kafka keeps its data "
                f"({self.data_dir}); "
                f"it needs {LEAST_FREE_BYTES // 1024**2} MiB: make room, or set "
                "KAFKA_BOOTSTRAP_SERVERS"
            )
            raise EnvironmentFaultError(msg)

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        handle = (self.data_dir / "ringfence.lock").open("a", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            msg = (
                f"another local Kafka uses {self.data_dir}: end the `ringfence up` that runs, "
                "or stop the broker with `ringfence kafka stop`"
            )
            raise EnvironmentFaultError(msg) from None
        self._lock = handle

    def _drop_lock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    @property
    def _ports_file(self) -> Path:
        return self.data_dir / "ports.json"

    def _ports(self) -> tuple[int, int]:
        """The broker's port and its controller's: those it had before, as long as they are free.

        Whoever runs beside the broker finds it again then, however often it is stopped and started.
        """
        try:
            broker, controller = orjson.loads(self._ports_file.read_bytes())
            if _are_free(broker, controller):
                return broker, controller
            log.write(KafkaPortTaken(port=broker))
        except (FileNotFoundError, ValueError, TypeError):
            pass
        broker, controller = _lasting_ports()
        self._ports_file.write_bytes(orjson.dumps([broker, controller]))
        return broker, controller

    def _render(self, port: int, controller: int) -> Path:
        properties = self.data_dir / "server.properties"
        properties.write_text(
            f"{PROPERTIES.read_text(encoding='utf-8')}\n"
            f"listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n"
            f"advertised.listeners=BROKER://127.0.0.1:{port}\n"
            f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
            f"log.dirs={self.data_dir / 'logs'}\n",
            encoding="utf-8",
        )
        return properties

    def _program(self, main: str, *arguments: str) -> list[str]:
        heap = shlex.split(os.environ.get("KAFKA_HEAP_OPTS", _HEAP))
        logging = [f"-Dringfence.kafka.log={self.log}", f"-Dlog4j2.configurationFile={LOG4J}"]
        return [self._java, *heap, *_JVM, *logging, "-cp", f"{self._jars}/*", main, *arguments]

    def _format(self) -> None:
        # half a format, from an interrupted start, would be refused: nothing is in it yet
        shutil.rmtree(self.data_dir / "logs", ignore_errors=True)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        properties = self._render(1, 2)
        command = self._program(
            "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", f"--config={properties}"
        )
        # our own command line, no shell
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
            msg = (
                f"the local Kafka's data directory {self.data_dir} could not be formatted:\n{said}"
            )
            raise EnvironmentFaultError(msg)

    def _spawn(self) -> None:
        if self._lock is None:
            msg = "prepare() comes before start()"
            raise RuntimeError(msg)
        self._port, controller = self._ports()
        properties = self._render(self._port, controller)
        command = self._program("kafka.Kafka", str(properties))
        self.log.unlink(missing_ok=True)
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                command if self._owner == "daemon" else tethered(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # the lock is the broker's: it is free again exactly when the broker is gone
                pass_fds=(self._lock.fileno(),),
                # a terminal's Ctrl-C is for the parent, which stops the broker last
                start_new_session=True,
            )
        state = BrokerState(
            pid=self.process.pid,
            bootstrap=self.bootstrap,
            data_dir=str(self.data_dir),
            owner=self._owner,
            started_by=os.getpid(),
        )
        write_state(state, self._place)

    async def _until_ready(self, deadline: float) -> None:
        process = self.process
        while process is not None and process.poll() is None:
            if await answers(self.bootstrap):
                return
            if time.monotonic() > deadline:
                said = self.last_lines()
                msg = (
                    f"the local Kafka does not answer on {self.bootstrap}; its log {self.log} ends:"
                    f"\n{said}"
                )
                raise EnvironmentFaultError(msg)
            await asyncio.sleep(0.1)
        said = self.last_lines()
        kind = _PortTakenError if "Address already in use" in said else EnvironmentFaultError
        msg = f"the local Kafka ended at its start; its log {self.log} ends:\n{said}"
        raise kind(msg)


class _PortTakenError(EnvironmentFaultError):
    """Another program took the port between our look and Kafka's bind."""


def _lasting_ports() -> tuple[int, int]:
    """Two free loopback ports below those that Linux gives to clients (32768 and above).

    A client that tries to reach a broker which is away must not be given the broker's own port.
    """
    for broker in random.sample(range(20_000, 32_000, 2), 200):
        if _are_free(broker, broker + 1):
            return broker, broker + 1
    first, second = free_ports(2)
    return first, second


def _are_free(*ports: int) -> bool:
    with contextlib.ExitStack() as stack:
        for port in ports:
            probe = stack.enter_context(socket.socket())
            # as Java does: connections of an earlier broker that are still closing do not matter
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError):
                return False
    return True


def free_ports(count: int) -> list[int]:
    """Different loopback ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def end(process: subprocess.Popen[bytes], *, within: float) -> None:
    """SIGTERM, after ``within`` seconds SIGKILL, then reap. Blocks."""
    if process.poll() is None and within > 0:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(within)
    if process.poll() is None:
        process.kill()
    process.wait()
