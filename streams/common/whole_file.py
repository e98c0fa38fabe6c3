"""Files that are written as a whole, or not at all."""

from __future__ import annotations

from pathlib import Path

from streams.common.errors import EnvironmentFaultError


def write_whole(path: Path, text: str) -> None:
    """Put a text in a file's place at once: whoever reads it sees the old one or the new one.

    Raises ``EnvironmentFaultError`` where it cannot be written; what stood there stays then.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as exc:
        msg = f"{path}: cannot be written ({exc.strerror or exc}); free some room or name another"
        raise EnvironmentFaultError(msg) from exc
