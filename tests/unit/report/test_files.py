from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from streams.common.errors import EnvironmentFaultError
from streams.common.whole_file import write_whole
from streams.report.figures import TABLES, Figures
from streams.report.files import as_json, check_writable, write_csv
from tests.support.reports import everything, figures_of


@pytest.fixture
def figures() -> Figures:
    return figures_of(everything())


def test_each_table_is_a_file_with_a_heading(figures: Figures, tmp_path: Path) -> None:
    written = write_csv(figures, tmp_path / "made")
    assert [path.stem for path in written] == list(TABLES)
    with (tmp_path / "made" / "verdicts.csv").open(encoding="utf-8") as file:
        first = next(iter(csv.DictReader(file)))
    assert first == {"line": "london", "verdict": "ring", "calls": "1"}


def test_an_empty_table_keeps_its_heading(tmp_path: Path) -> None:
    write_csv(figures_of([]), tmp_path)
    assert (tmp_path / "texts.csv").read_text(encoding="utf-8") == "line,told,reason,calls\n"


def test_json_has_every_table(figures: Figures) -> None:
    found = json.loads(as_json(figures))
    assert set(found) == {"scope", *TABLES}
    assert found["callbacks_open"][0]["age"] == "1 to 3 days"
    assert "447700900" not in as_json(figures)


def test_a_full_disk_leaves_all_that_stood_there(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("before", encoding="utf-8")
    (tmp_path / ".other.csv.unfinished").symlink_to("/dev/full")
    with pytest.raises(EnvironmentFaultError, match=r"other\.csv cannot be written: No space left"):
        write_whole({one: "after", other: "after"})
    assert {each.name: each.read_text(encoding="utf-8") for each in tmp_path.iterdir()} == {
        "one.csv": "before"
    }


def test_a_missing_folder_is_named_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFaultError, match=r"there is no folder .*/away; make it first"):
        check_writable(tmp_path / "away" / "report.html")


def test_a_folder_that_cannot_be_made_is_named(figures: Figures, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFaultError, match=r"the folder .*/file cannot be made"):
        write_csv(figures, tmp_path / "file")
