"""The folder of an export: what is refused, and what a killed run leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streams.common.errors import ConfigurationError, EnvironmentFaultError
from streams.export.folder import (
    UNREADABLE,
    ExportFolder,
    Part,
    Source,
    State,
    file_name,
    into_place,
    open_folder,
    read_state,
)

SOURCE = Source(cluster="abc", topic_prefix="", numbers="masked", key="1234")


def put(folder: ExportFolder, first: int, last: int, topic: str = "calls.events") -> Path:
    """A file as a run leaves it."""
    made = folder.work / "made"
    made.write_bytes(b"x")
    place = folder.place(topic, "2026-11-28", file_name(2, first, last))
    into_place(made, place)
    return place


def test_a_state_is_read_as_it_was_written() -> None:
    state = State(SOURCE, {"calls.events": {2: Part(7, 5, 1, 2), 10: Part(1)}, "policies": {}})
    assert State.of_json(state.as_json()) == state
    assert state.part("calls.events", 2) == Part(7, 5, 1, 2)
    assert state.part("calls.events", 3) is None
    assert state.part("contacts", 0) is None


def test_a_new_folder_is_made_and_says_what_it_is_of(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    with open_folder(path, SOURCE) as folder:
        assert folder.state == State(SOURCE)
        assert read_state(path) == State(SOURCE), "before any file is there"
    assert not folder.work.exists()


def test_files_beyond_the_state_go_and_the_others_stay(tmp_path: Path) -> None:
    with open_folder(tmp_path, SOURCE) as folder:
        kept = put(folder, 0, 4)
        folder.state.parts["calls.events"] = {2: Part(5, 5)}
        folder.save()
        # killed here: files of the next batch are there, and the state says nothing of them
        beyond = put(folder, 5, 9)
        unknown = put(folder, 0, 9, "contacts")
        made = folder.work / "made"
        made.write_bytes(b"x")
        aside = folder.place(UNREADABLE, "2026-11-28", file_name(2, 6, 6, "calls.events"))
        into_place(made, aside)
        own = folder.place("calls.events", "2026-11-28", "notes")
        own.write_bytes(b"somebody's")
    with open_folder(tmp_path, SOURCE) as folder:
        assert folder.files() == sorted([kept, own])
    assert not any(each.exists() for each in (beyond, unknown, aside))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(SOURCE, cluster="xyz"), r"another cluster \(abc; this one is xyz\)"),
        (replace(SOURCE, topic_prefix="demo."), "whether --demo is what you mean"),
        (replace(SOURCE, numbers="full", key=None), "add --numbers masked"),
        (replace(SOURCE, key="other"), "another key.*--key-file"),
    ],
)
def test_an_export_of_something_else_is_refused(tmp_path: Path, other: Source, said: str) -> None:
    with open_folder(tmp_path, SOURCE):
        pass
    before = (tmp_path / "export.json").read_bytes()
    with pytest.raises(ConfigurationError, match=said), open_folder(tmp_path, other):
        pass
    assert (tmp_path / "export.json").read_bytes() == before


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with (
        pytest.raises(ConfigurationError, match=r"not empty \(holiday.jpg is there\)"),
        open_folder(tmp_path, SOURCE),
    ):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format": 2}'])
def test_a_state_that_cannot_be_read_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "export.json").write_text(content, encoding="utf-8")
    with (
        pytest.raises(ConfigurationError, match=r"export\.json cannot be read.*another folder"),
        open_folder(tmp_path, SOURCE),
    ):
        pass


def test_a_file_and_a_pattern_are_no_folders(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    with pytest.raises(ConfigurationError, match="is no folder"), open_folder(file, SOURCE):
        pass
    with (
        pytest.raises(ConfigurationError, match="none of the signs"),
        open_folder(tmp_path / "a[b]", SOURCE),
    ):
        pass


def test_two_exports_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        open_folder(tmp_path, SOURCE) as folder,
        pytest.raises(EnvironmentFaultError, match="another `ringfence export` writes to"),
        open_folder(tmp_path, SOURCE),
    ):
        pass
    with open_folder(tmp_path, SOURCE) as folder:
        assert folder.work.is_dir()


def test_names_sort_by_partition_and_offset() -> None:
    names = [file_name(partition, offset, offset) for partition in (2, 10) for offset in (9, 10)]
    assert names == sorted(names)
