"""Contact records out of files: what is read, and what is said of what cannot be."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contacts import Contact
from models.identity import Jid
from streams.callers.contact_files import RowFault, check_encoding, read_rows
from streams.callers.contact_import import BATCH, Importer
from streams.callers.contact_rows import ContactError, read_contact, read_jid
from streams.callers.import_bookmark import Bookmark
from streams.common.errors import ConfigurationError
from streams.settings import KafkaSettings

NOW_MS = 1_767_261_600_000
HEAD = "number,name,tier,time_zone,locale,aliases\n"
ROW = "+44 7700 900123,Anna,gold,Europe/London,en-GB,900000000000143@lid;447700900456\n"


def read(path: Path, text: str | bytes) -> list[Contact | RowFault]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    check_encoding(path)
    return list(read_rows(path, NOW_MS))


ANNA = Contact(
    contact="447700900123@c.us",
    name="Anna",
    tier="gold",
    time_zone="Europe/London",
    locale="en-GB",
    aliases=("900000000000143@lid", "447700900456@c.us"),
    source="import",
    at_ms=NOW_MS,
)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + ROW,
        "\ufeff" + HEAD + ROW,
        HEAD + ROW.replace("\n", "\r\n\r\n"),
        (HEAD + ROW.replace(";", "|")).replace(",", ";"),
        (HEAD + ROW).replace(",", "\t"),
        "jid,number" + HEAD.removeprefix("number") + "," + ROW,
        'JID, Name,tier,time_zone,locale,aliases\n447700900123:4@s.whatsapp.net," Anna "'
        + ROW.partition("Anna")[2],
    ],
)
def test_a_csv_row_is_a_record(tmp_path: Path, text: str) -> None:
    assert read(tmp_path / "crm.csv", text) == [ANNA]


def test_a_line_of_json_is_a_record(tmp_path: Path) -> None:
    line = (
        '{"number": "+447700900123", "name": "Anna", "tier": "gold",'
        ' "time_zone": "Europe/London", "locale": "en-GB",'
        ' "aliases": ["900000000000143@lid", "447700900456"]}\n'
    )
    assert read(tmp_path / "crm.jsonl", "\ufeff" + line + "\n" + line) == [ANNA, ANNA]


def test_each_fault_has_line_field_and_hint(tmp_path: Path) -> None:
    rows = read(
        tmp_path / "crm.csv",
        HEAD
        + ROW
        + "07700900123,,,,,\n"
        + '+447700900124,"Two\nlines",,,,\n'
        + "+447700900125,,,Mars,,\n"
        "+447700900126,a,b\n" + "+447700900127,,VIP,,,\n" + ",x,,,,\n"
        "+447700900128,,,,,12345678901234567890123\n" + ROW,
    )
    assert rows[0] == rows[-1] == ANNA
    found = [row for row in rows if isinstance(row, RowFault)]
    assert [(fault.line, fault.field) for fault in found] == [
        (3, "number"), (5, "name"), (6, "time_zone"), (7, "row"), (8, "tier"), (9, "jid"),
        (10, "aliases"),
    ]  # fmt: skip
    assert "country's code" in found[0].hint
    assert not any(
        quoted in fault.hint for fault in found for quoted in ("900124", "900128", "Mars", "VIP")
    )


@pytest.mark.parametrize(
    "line", ["{", "[]", "7", '"x"', '{"name": "Anna"}', '{"jid": 7}', '{"jid": "1@g.us"}']
)
def test_a_line_that_is_no_record_is_a_fault(tmp_path: Path, line: str) -> None:
    (fault,) = read(tmp_path / "crm.jsonl", line)
    assert isinstance(fault, RowFault)
    assert fault.line == 1


@pytest.mark.parametrize(
    ("body", "line", "encoding"),
    [
        ((HEAD + ROW + "+447700900124,Zoë,,,,\n").encode("windows-1252"), 3, "WINDOWS-1252"),
        ((HEAD + ROW).encode("utf-16"), 1, "UTF-16"),
        ((HEAD + ROW).encode("utf-16-be"), 1, "UTF-16"),
        ((HEAD + ROW).encode() + b"+447700900124,Zo\xc3", 3, "WINDOWS-1252"),
        ((HEAD + ROW * 20_000).encode() + b"+447700900124,Zo\xeb,,,,\n", 20_002, "WINDOWS-1252"),
    ],
)
def test_another_encoding_is_named_with_line_and_mend(
    tmp_path: Path, body: bytes, line: int, encoding: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path / "crm.csv", body)
    assert f"crm.csv:{line}: " in str(caught.value)
    assert f"iconv -f {encoding} -t UTF-8 crm.csv" in str(caught.value)


def test_a_sign_on_the_edge_of_what_is_read_at_once_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    path.write_bytes(b"x" * ((1 << 20) - 1) + "ë\n".encode())
    check_encoding(path)


@pytest.mark.parametrize("head", ["", "name,tier\n", "number,nmae\n", "number,name,name\n", "\n"])
def test_wrong_columns_are_refused_with_what_there_is(tmp_path: Path, head: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"crm\.csv:1: .*jid or number.*Nothing was imported"
    ):
        read(tmp_path / "crm.csv", head + ROW)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\.csv or \.jsonl"):
        read(tmp_path / "crm.xlsx", "x")


def test_a_check_lists_what_would_be_left_out_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    path.write_text(HEAD + (ROW + "0,,,,,\n") * BATCH)
    importer = Importer(path, KafkaSettings(), on_progress=lambda _done: None)
    done = importer.check()
    assert (done.rows, done.contacts, done.faults) == (2 * BATCH, BATCH, BATCH)
    with importer.errors.open(newline="") as file:
        listed = list(csv.reader(file))
    assert listed[0] == ["line", "field", "hint"]
    assert [int(row[0]) for row in listed[1:]] == [3 + 2 * n for n in range(BATCH)]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["crm.csv", "crm.errors.csv"]


def test_a_bookmark_is_of_one_state_of_one_file_for_one_cluster(tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    path.write_text(HEAD + ROW)
    assert Bookmark.read(path, "a") is None
    Bookmark.of(path, "a", 5).write(path)
    found = Bookmark.read(path, "a")
    assert found is not None
    assert found.rows == 5
    with pytest.raises(ConfigurationError, match="without --resume"):
        Bookmark.read(path, "b")
    path.write_text(HEAD + ROW + ROW)
    with pytest.raises(ConfigurationError, match="without --resume"):
        Bookmark.read(path, "a")
    Bookmark.place(path).write_text("{")
    with pytest.raises(ConfigurationError, match="remove it"):
        Bookmark.read(path, "a")


@given(
    st.text(max_size=30)
    | st.from_regex(r"[+0-9 ().-]{3,25}", fullmatch=True)
    | st.none()
    | st.integers()
)
def test_any_person_is_read_or_the_wrong_field_is_named(value: object) -> None:
    jid, fault = "", ""
    try:
        jid = read_jid(value, "jid")
    except ContactError as exc:
        fault = exc.field
    if fault:
        assert fault == "jid"
    else:
        assert Jid.parse(jid).kind in {"phone", "lid"}
        assert Jid.parse(jid).canonical == jid


@given(st.from_regex(r"[1-9][0-9]{15,20}", fullmatch=True))
def test_the_digits_of_a_lid_are_no_number(digits: str) -> None:
    with pytest.raises(ContactError, match="a LID ends in @lid"):
        read_jid(digits, "jid")


FIELDS = st.sampled_from(["name", "tier", "time_zone", "locale", "aliases", "x"])


@given(st.dictionaries(FIELDS, st.text() | st.none() | st.integers() | st.lists(st.text())))
def test_no_record_whatever_is_too_much(said: dict[str, object]) -> None:
    fault = None
    try:
        read_contact("447700900123", said, "crm", NOW_MS)
    except ContactError as exc:
        fault = exc.field
    assert fault is None or fault in said
