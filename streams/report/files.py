"""Writing a report's files: whole, or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path

from streams.common.errors import EnvironmentFaultError
from streams.report.figures import Figures


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


def check_writable(path: Path) -> None:
    """Raise ``EnvironmentFaultError`` where a file's folder is missing or may not be written."""
    folder = path.absolute().parent
    if not folder.is_dir():
        msg = f"{path} cannot be written: there is no folder {folder}; make it first"
        raise EnvironmentFaultError(msg)
    if not os.access(folder, os.W_OK):
        msg = f"{path} cannot be written: the folder {folder} may not be changed by this user"
        raise EnvironmentFaultError(msg)


def as_json(figures: Figures) -> str:
    """The figures as one JSON object."""
    return json.dumps(figures.as_dict(), indent=2, ensure_ascii=False) + "\n"


def write_csv(figures: Figures, folder: Path) -> list[Path]:
    """One file for each table of the figures, with a heading even where it has no row.

    Makes the folder. Raises ``EnvironmentFaultError`` where something cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        msg = f"the folder {folder} cannot be made: {exc.strerror or exc}; name another place"
        raise EnvironmentFaultError(msg) from exc
    texts = {}
    for name, heading, rows in figures.tables():
        text = io.StringIO()
        writer = csv.DictWriter(text, heading, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        texts[folder / f"{name}.csv"] = text.getvalue()
    write_whole(texts)
    return list(texts)
