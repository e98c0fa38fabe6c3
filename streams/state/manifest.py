"""``manifest.json``: of which cluster an export is, when it was made, and what its files hold.

Does no IO.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from models.topics import LAYOUT_VERSION
from streams.common.errors import ConfigurationError

FILE: Final = "manifest.json"
FORMAT: Final = 1
"""Raised when an older version could not read the files any more; new fields and files do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One file of an export."""

    topic: str
    """What it was read from, without the prefix."""
    records: int
    left_out: int = 0
    """Of these, records that the version which exported them could not read."""
    bytes: int
    sha256: str
    ends: dict[str, int] = field(default_factory=dict)
    """By partition, the offset up to which it was read; not included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an export is."""

    format: int = FORMAT
    id: str = ""
    """A hash of all else: it also shows whether the manifest is whole."""
    ringfence: str
    """The version that made it."""
    layout: int
    cluster: str
    """The cluster's own id."""
    topic_prefix: str
    partitions: int
    """``kafka.partitions``, by which keys are placed."""
    exported_at_ms: int
    exported_at: str
    """The same for people."""
    workers: tuple[str, ...] = ()
    """Workers that ran meanwhile: what they wrote since ``exported_at_ms`` may be missing."""
    files: dict[str, Listed]
    """By their names within the export."""

    def sealed(self) -> Manifest:
        """The manifest with its id."""
        return replace(self, id=digest(asdict(self)))

    @property
    def records(self) -> int:
        """Of all files."""
        return sum(each.records for each in self.files.values())


def digest(content: dict[str, Any]) -> str:
    """The id of a manifest: of everything in it, fields of a later version included."""
    raw = orjson.dumps(content | {"id": ""}, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(raw).hexdigest()[:32]


def moment(at_ms: int) -> str:
    """A time as it stands in a manifest."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


def dump(manifest: Manifest) -> bytes:
    """The file's content."""
    return orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def load(raw: bytes, where: str, ours: str) -> Manifest:
    """Read the file's content; ``ours`` is the version that reads.

    Raises ``ConfigurationError`` for another format, another layout, or what was changed.
    """
    damaged = f"{where} is damaged: take another copy of this export, or another export"
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise ConfigurationError(damaged) from None
    _refuse_other_format(content, where, ours)
    if content.get("id") != digest(content):
        raise ConfigurationError(damaged)
    try:
        found: Manifest = TypeAdapter(Manifest).validate_python(content)
    except ValidationError:
        raise ConfigurationError(damaged) from None
    if found.layout != LAYOUT_VERSION:
        msg = (
            f"{where}: the export is of layout version {found.layout}, and Ringfence {ours} writes"
            f" version {LAYOUT_VERSION}: import it with Ringfence {found.ringfence}, which made it"
        )
        raise ConfigurationError(msg)
    return found


def _refuse_other_format(content: Any, where: str, ours: str) -> None:
    form = content.get("format") if isinstance(content, dict) else None
    if form == FORMAT:
        return
    maker = content.get("ringfence") if isinstance(content, dict) else None
    if not isinstance(form, int) or not isinstance(maker, str):
        msg = f"{where} is no manifest of `ringfence state export`"
    else:
        msg = (
            f"{where}: the export has format {form}, and Ringfence {ours} reads format {FORMAT}:"
            f" import it with Ringfence {maker}, which made it"
        )
    raise ConfigurationError(msg)
