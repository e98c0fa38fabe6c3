"""Files that are written as a whole, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from streams.common.errors import EnvironmentFaultError


def write_whole(texts: Mapping[Path, str]) -> None:
    """Replace files once all of them are written; where one cannot be, all stay as they were.

    Raises ``EnvironmentFaultError`` then, such as on a full disk.
    """
    unfinished = {path: path.with_name(f".{path.name}.unfinished") for path in texts}
    path = Path()
    try:
        try:
            for path, text in texts.items():
                unfinished[path].write_text(text, encoding="utf-8")
            for path, made in unfinished.items():
                made.replace(path)
        finally:
            for made in unfinished.values():
                made.unlink(missing_ok=True)
    except OSError as exc:
        msg = (
            f"{path} cannot be written: {exc.strerror or exc}; what stood there is untouched;"
            " make room, or name another place"
        )
        raise EnvironmentFaultError(msg) from exc
