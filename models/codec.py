"""The JSON codec of every topic: orjson out, validated dataclasses in.

Values are plain JSON objects with a ``type`` field, readable with any Kafka tool. Readers ignore
fields they do not know, so that a newer writer may add some; a type or a schema version they do
not know is an error that sends the record to the dead-letter topic.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

SCHEMA_VERSION: Final = 1
"""Additive changes keep the number; any other change raises it."""

_OURS: Final = f":{SCHEMA_VERSION}".encode()

Headers = list[tuple[str, bytes]]


class UndecodableError(ValueError):
    """A value that is not what the topic promises.

    ``str()`` says what and where, never the payload.
    """


def encode(value: object) -> bytes:
    """The JSON bytes of a model; raises ``TypeError`` for anything JSON has no form for."""
    return orjson.dumps(value)


def parse(raw: bytes) -> Any:
    """JSON whose form no type says; raises ``UndecodableError`` that does not quote it."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        msg = "value: Invalid JSON"
        raise UndecodableError(msg) from None


def columns(row: object, kinds: tuple[tuple[type, ...], ...], least: int) -> list[Any]:
    """A row that is a JSON list, as far as its columns are known here.

    ``kinds`` are the types of each column, of which ``least`` must be there; a newer version's
    columns stand behind them and are passed over. Raises ``UndecodableError``.
    """
    if not isinstance(row, list) or len(row) < least:
        msg = f"a list of {least} columns or more was expected"
        raise UndecodableError(msg)
    for at, (value, allowed) in enumerate(zip(row, kinds, strict=False)):
        # exactly: True is no number here
        if type(value) not in allowed:
            msg = f"column {at} has another type than is known here"
            raise UndecodableError(msg)
    return row[: len(kinds)]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def decode(kind: Any, raw: bytes | None) -> Any:
    """Read one value as ``kind`` (a model, or a union of models told apart by ``type``).

    Raises ``UndecodableError`` with the place of the first fault, without quoting the value.
    """
    if raw is None:
        msg = "the value is null"
        raise UndecodableError(msg)
    try:
        return _adapter(kind).validate_json(raw, strict=True)
    except ValidationError as exc:
        raise UndecodableError(_explain(exc)) from None


def check_version(headers: Iterable[tuple[str, bytes | None]]) -> None:
    """Raise ``UndecodableError`` where the headers name a schema version that is not ours.

    Such a value may read well and mean something else. Records without the header are taken as
    ours.
    """
    for name, text in headers:
        if name == "ce_dataschema":
            if not (text or b"").endswith(_OURS):
                msg = f"ce_dataschema: the schema version is not {SCHEMA_VERSION}, "
                msg += "the only one known here"
                raise UndecodableError(msg)
            return


def _explain(exc: ValidationError) -> str:
    first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "value"
    more = exc.error_count() - 1
    return f"{where}: {first['msg']}" + (f" (and {more} more)" if more else "")


def cloud_event(
    kind: str, event_id: str, source: str, at_ms: int, traceparent: str | None = None
) -> Headers:
    """The headers of one record: CloudEvents 1.0 Kafka binding, binary mode, and W3C trace context.

    ``kind`` is the value's ``type``; ``source`` names the writer, as a URI path.
    """
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", f"ringfence.{kind}".encode()),
        ("ce_source", source.encode()),
        ("ce_time", _rfc3339(at_ms).encode()),
        ("ce_dataschema", f"urn:ringfence:{kind}:{SCHEMA_VERSION}".encode()),
        ("content-type", b"application/json"),
        ("traceparent", (traceparent or new_trace()).encode()),
    ]


def _rfc3339(at_ms: int) -> str:
    seconds, millis = divmod(at_ms, 1000)
    return f"{_utc_seconds(seconds)}.{millis:03d}Z"


@lru_cache(maxsize=64)
def _utc_seconds(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def new_trace() -> str:
    """A fresh, sampled W3C ``traceparent``."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


_TRACEPARENT: Final = re.compile(
    r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})(?:-|\Z)"
)
"""W3C trace context; a later version may add parts after the flags."""


def child_trace(parent: str | bytes | None) -> str:
    """A ``traceparent`` in the same trace with a span of its own.

    A fresh trace where there is none.
    """
    text = parent.decode("ascii", "replace") if isinstance(parent, bytes) else (parent or "")
    found = _TRACEPARENT.match(text)
    if found is None:
        return new_trace()
    return f"00-{found[1]}-{os.urandom(8).hex()}-{found[2]}"


def short_hash(data: bytes) -> str:
    """Twelve hexadecimal digits that stand for these bytes (a revision, a masked identity)."""
    return hashlib.sha256(data).hexdigest()[:12]
