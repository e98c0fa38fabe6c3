"""A record as the line of JSON from which its row is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import orjson

from models.codec import UndecodableError, check_version
from streams.export.masking import Masker
from streams.kafka.reader import Seen

_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be written of one record."""

    text: bytes
    fault: str | None = None
    """Why the record has no row in its topic's table."""


class Lines:
    """Makes lines of records; ``masker`` None leaves numbers as they are."""

    def __init__(self, masker: Masker | None) -> None:
        self._masker = masker
        self._text = lru_cache(maxsize=1 << 16)(self._as_json)

    def of(self, seen: Seen) -> Line:
        """A record's line, with a line break at its end."""
        fault = self.fault(seen)
        if fault is not None:
            return Line(self.unreadable(seen, fault), fault)
        if seen.topic.values is None:
            value = self._anything(seen.raw)
            extra = b',"headers":' + self._headers(seen)
        else:
            value = self._value(seen.raw) if seen.raw else b"null"
            extra = b""
        return Line(
            b'{"offset":%d,"time":%d,"key":%s,"source":%s,"trace":%s,"v":%s%s}\n'
            % (seen.offset, seen.timestamp_ms, *self._about(seen), value, extra)
        )

    def unreadable(self, seen: Seen, fault: str) -> bytes:
        """The line of a record that no table of its topic can hold."""
        return b'{"offset":%d,"time":%d,"key":%s,"fault":%s,"v":%s,"headers":%s}\n' % (
            seen.offset,
            seen.timestamp_ms,
            self._text(seen.key),
            orjson.dumps(fault),
            self._anything(seen.raw),
            self._headers(seen),
        )

    @staticmethod
    def fault(seen: Seen) -> str | None:
        """Why a record cannot be read; None where it can."""
        if seen.topic.values is None or (not seen.raw and seen.topic.cleanup == "compact"):
            return None
        if seen.fault is not None:
            return seen.fault
        try:
            check_version(seen.headers)
        except UndecodableError as exc:
            return str(exc)
        return None

    def _about(self, seen: Seen) -> tuple[bytes, bytes, bytes]:
        source = trace = None
        for name, value in seen.headers:
            if name == "ce_source":
                source = value
            elif name == "traceparent":
                trace = value
        return (
            self._text(seen.key),
            self._text(source),
            orjson.dumps(_decoded(trace)),
        )

    def _as_json(self, raw: bytes | None) -> bytes:
        text = orjson.dumps(_decoded(raw))
        return text if self._masker is None else self._masker.text(text)

    def _value(self, raw: bytes) -> bytes:
        # a line break in JSON stands between its parts, never within a text
        line = raw.replace(b"\n", b" ") if b"\n" in raw else raw
        return line if self._masker is None else self._masker.text(line)

    def _anything(self, raw: bytes) -> bytes:
        return orjson.dumps(self._hidden(raw))

    def _headers(self, seen: Seen) -> bytes:
        return orjson.dumps([[k, self._hidden(v)] for k, v in seen.headers])

    def _hidden(self, raw: bytes | None) -> str | None:
        """Bytes of which nothing is known, as text without numbers."""
        text = _decoded(raw)
        if text is None or self._masker is None:
            return text
        return self._masker.anything(text.encode()).decode()


def refused_line(line: bytes, why: str) -> bytes:
    """The line of ``Lines.unreadable`` for a record whose own line DuckDB cannot hold."""
    head, _, value = line.partition(b',"v":')
    record = orjson.loads(head + b"}")
    return orjson.dumps(
        {
            "offset": record["offset"],
            "time": record["time"],
            "key": record["key"],
            "fault": why,
            "v": value.removesuffix(b"}\n").decode(),
            "headers": [],
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _decoded(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", "backslashreplace")


@lru_cache(maxsize=512)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * _DAY_S, UTC).strftime("%Y-%m-%d")


def day_of(at_ms: int) -> str:
    """The day of a time, in UTC."""
    return _day(at_ms // (_DAY_S * 1000))
