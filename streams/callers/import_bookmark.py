"""How far a contact file has been imported: a small file beside it, gone when all is done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import orjson

from streams.common.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """The file as it was, for which cluster, and how many of its rows are durable."""

    size: int
    modified_ns: int
    cluster: str
    rows: int

    @staticmethod
    def place(path: Path) -> Path:
        """Where the bookmark of a contact file stands."""
        return path.with_name(f"{path.name}.progress")

    @classmethod
    def of(cls, path: Path, cluster: str, rows: int = 0) -> Self:
        """The file as it is now."""
        found = path.stat()
        return cls(size=found.st_size, modified_ns=found.st_mtime_ns, cluster=cluster, rows=rows)

    @classmethod
    def read(cls, path: Path, cluster: str) -> Self | None:
        """What an import of this file left behind, or None.

        Raises ``ConfigurationError`` where it is of another cluster, or the file has changed since.
        """
        place = cls.place(path)
        try:
            found = cls(**orjson.loads(place.read_bytes()))
        except FileNotFoundError:
            return None
        except (orjson.JSONDecodeError, TypeError):
            msg = f"{place}: cannot be read; remove it, and import without --resume"
            raise ConfigurationError(msg) from None
        now = cls.of(path, cluster)
        if (found.size, found.modified_ns, found.cluster) != (
            now.size,
            now.modified_ns,
            now.cluster,
        ):
            msg = (
                f"{path}: the import that stopped was of another state of this file, or into"
                " another cluster; import without --resume"
            )
            raise ConfigurationError(msg)
        return found

    def write(self, path: Path) -> None:
        """Keep it; a crash leaves the former one or this one, never half of one."""
        place = self.place(path)
        draft = place.with_name(f"{place.name}.new")
        draft.write_bytes(orjson.dumps(asdict(self)))
        draft.replace(place)
