"""List entries come back from their parts byte for byte, and share what is the same."""

from __future__ import annotations

from models.codec import encode
from models.overrides import ListEntry
from streams.views.list_rows import EntryCutter


def entry(pattern: str, reason: str = "") -> bytes:
    return encode(
        ListEntry(
            list="deny",
            pattern=pattern,
            author="anna",
            added_at_ms=1_767_261_600_000,
            reason=reason,
        )
    )


def test_entries_of_one_import_share_all_but_pattern_and_times() -> None:
    cutter = EntryCutter()
    shared = set()
    for number in range(3):
        pattern = f"44770090012{number}@c.us"
        key, value = f"deny/{pattern}".encode(), entry(pattern, reason='said "no", and left')
        parts = cutter.cut(key, value)
        assert parts is not None
        shared.add(parts[1])
        assert cutter.join(key, *parts) == value
        assert parts[0] == (b'1767261600000,"expires_at_ms":null}',)
    assert len(shared) == 1


def test_a_value_of_another_form_is_kept_whole() -> None:
    cutter = EntryCutter()
    assert cutter.cut(b"deny/+44*", entry("+45*")) is None
    assert cutter.cut(b"deny/+44*", b'{"pattern":"+44*"}') is None
