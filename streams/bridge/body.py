"""Reads a webhook's body from whoever sends it, and proves meanwhile who signed it.

Until its last byte has come nobody knows whether it is worth anything. So what all such bodies hold
together is bounded, none is unpacked faster than it arrives, and of one that is too large for
reading only the signature is worked out.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from streams.bridge.connections import Connection
from streams.bridge.error_response import BODY_S
from streams.gateways.signature import Verifier

LEAST_BUDGET: Final = 16 * 1024 * 1024
"""Bytes of bodies whose signature is not proven yet, all together."""

HEAD_BYTES: Final = 65_536
"""That are kept of a body which is too large to be read."""

OVERSIZE: Final = 4
"""So many times ``bridge.max_body_bytes`` are still hashed, to know whether it was signed."""

RATIO: Final = 50
"""A compressed body may grow so many times (JSON grows some 10 times, a bomb a thousand)."""

FREE_BYTES: Final = 65_536
"""That a compressed body may have whatever its ratio."""

_SLICE: Final = 65_536

_NOT_PACKED: Final = "the content is not compressed as it says"
_BROKEN_OFF: Final = "the compressed content breaks off"


class BodyError(Exception):
    """The body cannot be taken; ``status`` and ``code`` are the answer's."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Body:
    """A body that has come to its end."""

    data: bytes
    """All of it, or the first ``HEAD_BYTES`` of one that is too large to be read."""
    size: int
    is_whole: bool


class Budget:
    """The bytes that unproven bodies may hold together; the oldest gives way to the newest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[Connection, int] = {}
        self.total = 0

    def take(self, connection: Connection, count: int) -> None:
        """Count bytes of a connection's body; closes the oldest others while there are too many."""
        self._held[connection] = self._held.get(connection, 0) + count
        self.total += count
        while self.total > self._most:
            oldest = next((each for each in self._held if each is not connection), None)
            if oldest is None:
                return
            self.give_back(oldest)
            oldest.abort()

    def give_back(self, connection: Connection) -> None:
        """The connection's body is proven, refused or gone; may be repeated."""
        self.total -= self._held.pop(connection, 0)


class _Packed:
    """A compressed body, unpacked a slice at a time."""

    def __init__(self, encoding: str) -> None:
        # gzip with its header, or zlib's, which is what HTTP calls deflate (RFC 9110, 8.4.1)
        self._inflate = zlib.decompressobj(
            16 + zlib.MAX_WBITS if encoding == "gzip" else zlib.MAX_WBITS
        )
        self._came = 0
        self._made = 0

    def parts(self, chunk: bytes) -> Iterator[bytes]:
        self._came += len(chunk)
        while chunk:
            try:
                part = self._inflate.decompress(chunk, _SLICE)
            except zlib.error:
                raise _unreadable(_NOT_PACKED) from None
            self._made += len(part)
            if self._made > FREE_BYTES + RATIO * self._came:
                detail = (
                    f"The body grows more than {RATIO} times when it is unpacked; send it plain."
                )
                raise BodyError(413, "too-large", detail)
            yield part
            chunk = self._inflate.unconsumed_tail

    def end(self) -> None:
        if not self._inflate.eof:
            raise _unreadable(_BROKEN_OFF)


ENCODINGS: Final = ("gzip", "deflate")


class BodyReader:
    """Reads the bodies of one server."""

    def __init__(self, max_bytes: int, encodings: tuple[str, ...]) -> None:
        """``max_bytes`` of one body that are kept; ``encodings`` of content that are unpacked."""
        self._max_bytes = max_bytes
        self._encodings = encodings
        self.budget = Budget(max(LEAST_BUDGET, 2 * max_bytes))

    async def read(self, request: web.Request, connection: Connection, verifier: Verifier) -> Body:
        """The body, once all of it is there and hashed; what is too large is not kept.

        Raises ``BodyError`` for one that comes too slowly, breaks off, is packed in a way that is
        not configured, or is larger than what is hashed.
        """
        packed = self._unpacking(request)
        if (request.content_length or 0) > OVERSIZE * self._max_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(BODY_S):
                return await self._gather(request, connection, verifier, packed)
        except TimeoutError:
            slow = f"The body did not come within {BODY_S:.0f} s; send the webhook again."
            raise BodyError(408, "slow", slow) from None
        except (web.RequestPayloadError, BadHttpMessage) as exc:
            raise _unreadable(type(exc).__name__) from None
        finally:
            self.budget.give_back(connection)

    async def _gather(
        self,
        request: web.Request,
        connection: Connection,
        verifier: Verifier,
        packed: _Packed | None,
    ) -> Body:
        kept, size = bytearray(), 0
        content = request.content
        while not content.at_eof():
            chunk = await content.readany()
            for part in (chunk,) if packed is None else packed.parts(chunk):
                size += len(part)
                if size > OVERSIZE * self._max_bytes:
                    raise self._too_large()
                verifier.update(part)
                if size > self._max_bytes:
                    kept = (kept + part[:HEAD_BYTES])[:HEAD_BYTES]
                    self.budget.give_back(connection)
                else:
                    kept += part
                    self.budget.take(connection, len(part))
                if packed is not None:
                    await asyncio.sleep(0)
        if packed is not None:
            packed.end()
        return Body(bytes(kept), size, is_whole=size <= self._max_bytes)

    def _unpacking(self, request: web.Request) -> _Packed | None:
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding in {"", "identity"}:
            return None
        if encoding not in self._encodings:
            known = ", ".join(self._encodings) or "none"
            detail = (
                f"Content-Encoding {encoding[:20]!r} is not under bridge.content_encodings "
                f"(there: {known}); send the webhook plain."
            )
            raise BodyError(415, "encoded", detail)
        return _Packed(encoding)

    def _too_large(self) -> BodyError:
        detail = (
            f"The body is larger than {OVERSIZE} times {self._max_bytes} bytes; "
            "raise bridge.max_body_bytes if the gateway needs more."
        )
        return BodyError(413, "too-large", detail)


def _unreadable(why: str) -> BodyError:
    detail = f"The body could not be read ({why}); check Content-Encoding and Content-Length."
    return BodyError(400, "unreadable", detail)
