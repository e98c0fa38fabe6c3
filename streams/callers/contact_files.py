"""Contact files: CSV or JSON Lines in UTF-8, row by row, with faults that name the line.

The file as a whole is looked at first (encoding, columns), so that nothing is half imported for a
fault that runs through all of it.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from models.contacts import Contact
from streams.callers.contact_rows import FIELDS, ContactError, read_contact
from streams.common.errors import ConfigurationError

SOURCE: Final = "import"

WHO: Final = ("jid", "number")
COLUMNS: Final = (*WHO, *FIELDS)

_DELIMITERS: Final = (",", ";", "\t")
_ALIASES: Final = re.compile(r"[;|,]")
_CHUNK: Final = 1 << 20
_MARKS: Final = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that is left out: the line on which it ends, the field, and how to fix it."""

    line: int
    field: str
    hint: str


def check_encoding(path: Path) -> None:
    """Read the whole file once; raises ``ConfigurationError`` that names line, encoding and fix.

    Raises ``ConfigurationError`` too where the file cannot be read at all.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    try:
        with path.open("rb") as file:
            head = file.read(2)
            file.seek(0)
            if head in _MARKS or b"\0" in head:
                raise _not_utf8(path, 1, "UTF-16")
            while chunk := file.read(_CHUNK):
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError as exc:
                    # what was kept of the chunk before is at most a part of one sign
                    raise _not_utf8(
                        path, line + exc.object.count(b"\n", 0, exc.start), "WINDOWS-1252"
                    ) from None
                line += chunk.count(b"\n")
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                raise _not_utf8(path, line, "WINDOWS-1252") from None
    except OSError as exc:
        msg = f"{path}: cannot be read ({exc.strerror})"
        raise ConfigurationError(msg) from None


def _not_utf8(path: Path, line: int, guess: str) -> ConfigurationError:
    msg = (
        f"{path}:{line}: the file is not in UTF-8, it looks like {guess}; nothing was imported. "
        f"Convert it: iconv -f {guess} -t UTF-8 {path.name} > utf8-{path.name}"
    )
    return ConfigurationError(msg)


def read_rows(path: Path, at_ms: int) -> Iterator[Contact | RowFault]:
    """Each row as a record or as a fault, in order.

    Raises ``ConfigurationError`` for wrong columns.

    ``at_ms`` is the time of every record. The kind of the file is its suffix: ``.csv`` or
    ``.jsonl``.
    """
    kind = path.suffix.lower()
    if kind == ".csv":
        return _csv(path, at_ms)
    if kind in {".jsonl", ".ndjson"}:
        return _jsonl(path, at_ms)
    msg = f"{path}: name the file .csv or .jsonl, whichever it is"
    raise ConfigurationError(msg)


def _csv(path: Path, at_ms: int) -> Iterator[Contact | RowFault]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        delimiter = max(_DELIMITERS, key=head.count)
        columns = _columns(path, next(csv.reader([head], delimiter=delimiter), []))
        rows = csv.reader(file, delimiter=delimiter)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as exc:
                yield RowFault(rows.line_num + 1, "row", f"is no CSV ({exc})")
                continue
            if not any(row):
                continue
            line = rows.line_num + 1
            if len(row) != len(columns):
                hint = f"put values that hold {delimiter!r} in quotes"
                yield RowFault(
                    line,
                    "row",
                    f"has {len(row)} columns, the first line has {len(columns)}: {hint}",
                )
                continue
            said: dict[str, object] = dict(zip(columns, row, strict=True))
            aliases = str(said.get("aliases") or "")
            said["aliases"] = [each.strip() for each in _ALIASES.split(aliases) if each.strip()]
            yield _contact(said, line, at_ms)


def _columns(path: Path, found: list[str]) -> list[str]:
    columns = [name.strip().lower() for name in found]
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown or len(set(columns)) != len(columns) or not set(columns) & set(WHO):
        what = (
            f"there is no column {', '.join(map(repr, unknown))}"
            if unknown
            else "each is named once at most"
        )
        msg = (
            f"{path}:1: the first line must name the columns: jid or number, and any of"
            f" {', '.join(FIELDS)}; {what}. Nothing was imported"
        )
        raise ConfigurationError(msg)
    return columns


def _jsonl(path: Path, at_ms: int) -> Iterator[Contact | RowFault]:
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                said = orjson.loads(raw.removeprefix(codecs.BOM_UTF8))
            except orjson.JSONDecodeError as exc:
                yield RowFault(line, "row", f"is no JSON ({exc.msg})")
                continue
            if not isinstance(said, dict):
                yield RowFault(
                    line,
                    "row",
                    'must be a JSON object, such as {"number": "+44 7700 900123", "tier": "gold"}',
                )
                continue
            yield _contact(said, line, at_ms)


def _contact(said: dict[str, object], line: int, at_ms: int) -> Contact | RowFault:
    given = [(field, said.pop(field)) for field in WHO if field in said]
    field, who = next(((field, value) for field, value in given if value), ("jid", ""))
    try:
        return read_contact(who if isinstance(who, str) else "", said, SOURCE, at_ms)
    except ContactError as fault:
        return RowFault(line, field if fault.field == "jid" else fault.field, fault.hint)
