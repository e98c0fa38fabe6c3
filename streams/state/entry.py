"""One record as a line of a file: JSON that people read and compare. Does no IO.

Keys, headers and values stand as text wherever that gives back the same bytes.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final

import orjson

_NAMES: Final = frozenset({"partition", "offset", "time_ms", "headers", "left_out"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The latest record under one key."""

    partition: int
    offset: int
    """Where it stood: the order of records of one partition."""
    time_ms: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    left_out: str | None = None
    """Why the version that exported it could not read it; it is taken along as it stood."""
    import_id: str | None = None
    """Of the import that wrote it to the cluster; stands in no file."""


def dump(entry: Entry) -> bytes:
    """One line, with its end."""
    content: dict[str, Any] = {
        **_bytes_as("key", entry.key),
        **_value_as(entry.value),
        "partition": entry.partition,
        "offset": entry.offset,
        "time_ms": entry.time_ms,
        "headers": [[name, _text(value)] for name, value in entry.headers],
    }
    if entry.left_out is not None:
        content["left_out"] = entry.left_out
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


def load(line: bytes) -> Entry:
    """The inverse of ``dump``; raises ``ValueError`` that says what is wrong and quotes nothing."""
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError:
        msg = "the line is no JSON"
        raise ValueError(msg) from None
    if not isinstance(content, dict):
        msg = "the line is no JSON object"
        raise ValueError(msg)  # noqa: TRY004 - one error for all that can be wrong with a file
    try:
        found = Entry(
            key=_only(content, {"key": _as_bytes, "key_base64": _of_base64}),
            value=_only(
                content,
                {"value": orjson.dumps, "value_text": _as_bytes, "value_base64": _of_base64},
            ),
            partition=_number(content, "partition"),
            offset=_number(content, "offset"),
            time_ms=_number(content, "time_ms"),
            headers=tuple((_word(name), _header(value)) for name, value in content["headers"]),
            left_out=_word(content["left_out"]) if "left_out" in content else None,
        )
    except KeyError as exc:
        msg = f"{exc.args[0]} is missing"
        raise ValueError(msg) from None
    except (TypeError, ValueError):
        msg = "a field has another form than an export gives it"
        raise ValueError(msg) from None
    if len(content) > len(_NAMES & content.keys()) + 2:
        msg = "the line has fields that no export of this format has"
        raise ValueError(msg)
    return found


def _bytes_as(name: str, raw: bytes) -> dict[str, str]:
    try:
        return {name: raw.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(raw).decode()}


def _value_as(raw: bytes) -> dict[str, Any]:
    """JSON itself where writing it again gives the same bytes."""
    try:
        value = orjson.loads(raw)
        if orjson.dumps(value) == raw:
            return {"value": value}
    except (orjson.JSONDecodeError, TypeError):
        pass
    found = _bytes_as("value_text", raw)
    return {"value_base64" if "base64" in name else name: text for name, text in found.items()}


def _text(raw: bytes) -> Any:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def _header(value: Any) -> bytes:
    return _of_base64(value["base64"]) if isinstance(value, dict) else _as_bytes(value)


def _only(content: dict[str, Any], readers: dict[str, Any]) -> bytes:
    there = [name for name in readers if name in content]
    if len(there) != 1:
        raise KeyError(next(iter(readers)))
    read: bytes = readers[there[0]](content[there[0]])
    return read


def _as_bytes(text: Any) -> bytes:
    return _word(text).encode()


def _of_base64(text: Any) -> bytes:
    return base64.b64decode(_word(text), validate=True)


def _word(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError
    return text


def _number(content: dict[str, Any], name: str) -> int:
    found = content[name]
    # exactly: True is no number here
    if type(found) is not int or found < 0:
        raise TypeError
    return found
