"""A report's files."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

from streams.common.errors import EnvironmentFaultError
from streams.common.whole_file import write_whole
from streams.report.figures import Figures


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
