"""An export on disk: checked as a whole, with file and line of what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from models.codec import encode
from models.contacts import Contact
from models.topics import LAYOUT_VERSION
from streams.common.errors import ConfigurationError
from streams.kafka.partitioner import partition_of
from streams.settings import KafkaSettings
from streams.state import manifest
from streams.state.check import check
from streams.state.entry import Entry
from streams.state.folder import FileWriter, by_partition
from streams.state.manifest import Manifest

KAFKA = KafkaSettings(partitions=4)
CONTACTS = "topics/contacts.jsonl"


def contact(number: int, **more: object) -> Entry:
    made = Contact(contact=f"4477009001{number:02d}@c.us", source="crm", at_ms=number)
    key = made.contact.encode()
    entry = Entry(
        partition=partition_of(key, 4), offset=number, time_ms=1, key=key, value=encode(made)
    )
    return replace(entry, **more)  # type: ignore[arg-type]


TWENTY = sorted((contact(number) for number in range(20)), key=lambda e: (e.partition, e.key))


def write(
    folder: Path, entries: Sequence[Entry] = TWENTY, name: str = CONTACTS, **more: object
) -> Manifest:
    """An export with one file."""
    with FileWriter(folder / name) as file:
        file.write(entries)
    made = Manifest(
        ringfence="0.0.9",
        layout=LAYOUT_VERSION,
        cluster="c",
        topic_prefix="",
        partitions=4,
        exported_at_ms=1,
        exported_at=manifest.moment(1),
        files={name: file.listed("contacts", dict.fromkeys(range(4), 20))},
    )
    made = replace(made, **more).sealed()  # type: ignore[arg-type]
    (folder / manifest.FILE).write_bytes(manifest.dump(made))
    return made


def test_a_sound_export_of_another_version_is_taken(tmp_path: Path) -> None:
    made = write(tmp_path)
    checked = check(tmp_path, KAFKA)
    assert checked.manifest == made
    assert [each.name for each in checked.places] == ["topics/contacts"]
    read = [each for part in by_partition(tmp_path / CONTACTS) for each in part]
    assert sorted(read, key=lambda each: each.offset) == [contact(n) for n in range(20)]
    assert [each.partition for each in read] == sorted(each.partition for each in read)


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    write(tmp_path)
    assert (tmp_path / CONTACTS).stat().st_mode & 0o077 == 0


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"crm", b"CRM", 1))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (Path.unlink, "contacts.jsonl is missing: take another copy"),
        (cut, "contacts.jsonl is not as it was exported"),
        (flip, "contacts.jsonl is not as it was exported"),
        (lambda path: (path.parent / "notes.txt").touch(), "notes.txt is no part of the export"),
        (
            lambda path: (path.parent.parent / manifest.FILE).unlink(),
            "is no export: there is no manifest.json",
        ),
    ],
    ids=["missing", "cut", "changed", "strange", "no manifest"],
)
def test_a_damaged_export_is_refused(
    tmp_path: Path, harm: Callable[[Path], None], said: str
) -> None:
    write(tmp_path)
    harm(tmp_path / CONTACTS)
    with pytest.raises(ConfigurationError, match=said):
        check(tmp_path, KAFKA)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([contact(1, value=b"{}")], ":1: contact: Field required"),
        ([*TWENTY, contact(1)], ":21: its partition's other records stand further up"),
        ([contact(1), contact(1)], ":2: a record of this key stands further up"),
        ([contact(1, partition=4)], ":1: there is no partition 4"),
        ([contact(1, partition=contact(1).partition ^ 1)], ":1: it stands in another partition"),
    ],
)
def test_a_wrong_record_is_named_by_file_and_line(
    tmp_path: Path, entries: list[Entry], said: str
) -> None:
    write(tmp_path, entries)
    with pytest.raises(ConfigurationError, match=f"{CONTACTS}{said}"):
        check(tmp_path, KAFKA)


def test_what_was_unreadable_before_is_taken_along(tmp_path: Path) -> None:
    write(tmp_path, [contact(1, value=b"\xff", left_out="value: Invalid JSON")])
    assert check(tmp_path, KAFKA).manifest.files[CONTACTS].left_out == 1


def test_another_number_of_partitions_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(ConfigurationError, match=r"Set kafka\.partitions: 4 for the new cluster"):
        check(tmp_path, KafkaSettings(partitions=8))


def test_what_only_a_newer_version_knows_is_refused(tmp_path: Path) -> None:
    write(tmp_path, name="tables/moods.jsonl", ringfence="9.0")
    with pytest.raises(ConfigurationError, match=r"import it with Ringfence 9\.0"):
        check(tmp_path, KAFKA)
