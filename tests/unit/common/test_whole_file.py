"""Files and folders are there as a whole, or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from streams.common.errors import ConfigurationError, EnvironmentFaultError
from streams.common.whole_file import whole_folder, write_whole


def test_a_folder_is_there_once_it_is_filled(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "export"
    with whole_folder(place) as folder:
        (folder / "part").mkdir()
        (folder / "part" / "file").write_text("all of it")
        assert not place.exists()
    assert (place / "part" / "file").read_text() == "all of it"
    assert place.stat().st_mode & 0o077 == 0
    assert [each.name for each in place.parent.iterdir()] == ["export"]


def test_an_empty_folder_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    with whole_folder(tmp_path / "export") as folder:
        (folder / "file").touch()
    assert (tmp_path / "export" / "file").exists()


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_what_is_there_stays(tmp_path: Path, there: str) -> None:
    place = tmp_path / "export"
    if there == "file":
        place.write_text("mine")
    elif there == "link":
        place.symlink_to(tmp_path / "nowhere")
    else:
        place.mkdir()
        (place / "mine").touch()
    with pytest.raises(ConfigurationError, match="is there already"), whole_folder(place):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["export"]


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    def fill() -> None:
        with whole_folder(tmp_path / "export") as folder:
            (folder / "file").write_text("half of it")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(EnvironmentFaultError, match="No space left on device; nothing was left"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / ".export.unfinished").mkdir()
    (tmp_path / ".export.unfinished" / "half").touch()
    with whole_folder(tmp_path / "export") as folder:
        (folder / "file").touch()
    assert [each.name for each in (tmp_path / "export").iterdir()] == ["file"]
    assert [each.name for each in tmp_path.iterdir()] == ["export"]


def test_several_files_change_together_or_none_does(tmp_path: Path) -> None:
    old, lost = tmp_path / "old", tmp_path / "no folder" / "new"
    old.write_text("before")
    with pytest.raises(EnvironmentFaultError, match="cannot be written"):
        write_whole({old: "after", lost: "after"})
    assert old.read_text() == "before"
    write_whole({old: "after"})
    assert [each.name for each in tmp_path.iterdir()] == ["old"]
