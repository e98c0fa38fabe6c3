"""The manifest: sealed, and refused where another version or an accident changed it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from models.topics import LAYOUT_VERSION
from streams.common.errors import ConfigurationError
from streams.state.manifest import Listed, Manifest, digest, dump, load, moment

MADE = Manifest(
    ringfence="0.1.0",
    layout=LAYOUT_VERSION,
    cluster="QhJ-eLBlREmoKPBb9RMoIw",
    topic_prefix="",
    partitions=4,
    exported_at_ms=1_767_261_600_000,
    exported_at=moment(1_767_261_600_000),
    workers=("worker-1",),
    files={"topics/contacts.jsonl": Listed(topic="contacts", records=2, bytes=9, sha256="ab")},
).sealed()


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(dump(MADE)) | fields).encode()


def test_it_comes_back_as_it_was_sealed() -> None:
    assert load(dump(MADE), "manifest.json", "0.1.0") == MADE
    assert MADE.exported_at == "2026-01-01T10:00:00+00:00"
    assert MADE.records == 2


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "manifest.json is damaged"),
        (changed(partitions=8), "is damaged"),
        (changed(files=3), "is damaged"),
        (b"[]", "is no manifest of `ringfence state export`"),
        (b'{"name": "package"}', "is no manifest of `ringfence state export`"),
        (
            changed(format=2, ringfence="9.0"),
            "format 2, and Ringfence 0.1.0 reads format 1: import it with Ringfence 9.0",
        ),
    ],
)
def test_what_cannot_be_trusted_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load(raw, "manifest.json", "0.1.0")


def test_another_layout_is_refused_with_who_can_read_it() -> None:
    other = replace(MADE, layout=LAYOUT_VERSION + 1, ringfence="9.0").sealed()
    with pytest.raises(ConfigurationError, match="which made it"):
        load(dump(other), "manifest.json", "0.1.0")


def test_what_a_later_version_adds_is_passed_over() -> None:
    later = json.loads(dump(MADE)) | {"mood": "fine"}
    later["id"] = digest(later)
    assert replace(load(json.dumps(later).encode(), "manifest.json", "0.1.0"), id="") == replace(
        MADE, id=""
    )
