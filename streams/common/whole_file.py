"""Files and folders that are written as a whole, all of it or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from streams.common.errors import ConfigurationError, EnvironmentFaultError


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


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to be filled, which stands at ``path`` once the block has ended well.

    It is its owner's alone. What the block leaves is made durable first; where it raises, or the
    disk is full, nothing stays. Raises ``ConfigurationError`` where something stands at ``path``
    already, before anything is written, and ``EnvironmentFaultError`` for what the disk refuses.
    """
    if path.is_symlink() or (path.exists() and not _is_empty_folder(path)):
        msg = f"{path} is there already: name a folder that is not"
        raise ConfigurationError(msg)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700, parents=True)
        try:
            yield unfinished
            for each in sorted(unfinished.rglob("*"), reverse=True):
                _make_durable(each)
            _make_durable(unfinished)
            unfinished.rename(path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        _make_durable(path.parent)
    except OSError as exc:
        msg = (
            f"{path} cannot be written: {exc.strerror or exc}; nothing was left there; make room,"
            " or name another place"
        )
        raise EnvironmentFaultError(msg) from exc


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
