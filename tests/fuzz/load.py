"""Signed webhooks while a crowd attacks: how soon they are answered, and what the bridge takes."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from dataclasses import dataclass
from typing import Final

import orjson
from typing_extensions import override

from tests.fuzz.inputs import HEADERS, KEYS
from tests.fuzz.target import Target
from tests.support.processes import environment, free_port, python
from tests.support.webhooks import NOWEB_OFFER, changed, hmac_of

EVERY_S: Final = 0.025
"""Between two webhooks."""

SETTLE_S: Final = 3.0
"""From the crowd's start to the first measured webhook: by then all of it is there."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    answered: int
    refused: int
    p50_ms: float
    p99_ms: float
    most_ms: float
    ruler_p99_ms: float
    """Of a server that does nothing, at the same time on the same machine."""
    resident_mib: float
    """The most that was seen."""

    @override
    def __str__(self) -> str:
        return (
            f"{self.answered} signed webhooks answered, {self.refused} not; ms: {self.p50_ms:.1f} "
            f"(p50), {self.p99_ms:.1f} (p99), {self.most_ms:.1f} at most; "
            f"a server that does nothing: {self.ruler_p99_ms:.1f} (p99); "
            f"{self.resident_mib:.0f} MiB resident at most"
        )


async def under_attack(target: Target, seconds: float) -> Figures:
    """Attack the target and measure, for so long; half of the webhooks on connections of their
    own, as some gateways open one for each."""
    ruler_port = free_port()
    crowd = python("tests.fuzz.attack", str(target.port), str(seconds + SETTLE_S + 10))
    ruler = python("tests.fuzz.ruler", str(ruler_port))
    started = [
        subprocess.Popen(command, env=environment())  # noqa: ASYNC220, S603 - our own modules
        for command in (crowd, ruler)
    ]
    try:
        await asyncio.sleep(SETTLE_S)
        return await _Measurement(target, ruler_port).of(seconds)
    finally:
        for process in started:
            process.kill()
            process.wait()


class _Measurement:
    def __init__(self, target: Target, ruler_port: int) -> None:
        self._target = target
        self._ruler_port = ruler_port
        self._took: list[float] = []
        self._ruler: list[float] = []
        self._statuses: list[bytes] = []
        self._kept: list[Connection] = []

    async def of(self, seconds: float) -> Figures:
        resident = 0
        async with asyncio.TaskGroup() as sending:
            for number in range(int(seconds / EVERY_S)):
                sending.create_task(self._webhook(number))
                sending.create_task(self._measure_ruler())
                resident = max(resident, self._target.resident_bytes())
                await asyncio.sleep(EVERY_S)
        for _, writer in self._kept:
            writer.close()
        answered = self._statuses.count(b"200")
        return Figures(
            answered=answered,
            refused=len(self._statuses) - answered,
            p50_ms=_quantile(self._took, 50),
            p99_ms=_quantile(self._took, 99),
            most_ms=max(self._took) * 1000,
            ruler_p99_ms=_quantile(self._ruler, 99),
            resident_mib=resident / 1024**2,
        )

    async def _webhook(self, number: int) -> None:
        body = orjson.dumps(changed(NOWEB_OFFER, id=f"LOAD{number}"))
        signature = hmac_of(KEYS["office"], body)
        request = (
            f"POST /webhooks/office HTTP/1.1\r\nHost: x\r\n{HEADERS['office']}: {signature}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        keep = number % 2 == 1
        began = time.perf_counter()
        try:
            conn = self._kept.pop() if keep and self._kept else await _open(self._target.port)
            head = await _ask(conn, request)
        except (OSError, EOFError):
            self._statuses.append(b"closed")
            return
        self._took.append(time.perf_counter() - began)
        self._statuses.append(head[9:12])
        if keep:
            self._kept.append(conn)
        else:
            conn[1].close()

    async def _measure_ruler(self) -> None:
        began = time.perf_counter()
        reader, writer = await _open(self._ruler_port)
        writer.write(b"?\n")
        await reader.readline()
        self._ruler.append(time.perf_counter() - began)
        writer.close()


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _open(port: int) -> Connection:
    return await asyncio.open_connection("127.0.0.1", port)


async def _ask(conn: Connection, request: bytes) -> bytes:
    """The head of the answer, read with all of it."""
    reader, writer = conn
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    (size,) = re.findall(rb"(?i)content-length: ([0-9]+)", head)
    await reader.readexactly(int(size))
    return head


def _quantile(seconds: list[float], percent: int) -> float:
    """In milliseconds."""
    return sorted(seconds)[len(seconds) * percent // 100] * 1000
