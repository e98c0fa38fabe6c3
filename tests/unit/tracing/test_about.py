"""What a span says of its value: ids, and a hash in a number's place."""

from __future__ import annotations

import pytest

from models.codec import encode
from streams.export.masking import Masker
from streams.tracing.about import attributes_of
from tests.support.facts import offer, reject

KEY = b"k" * 32


def test_a_value_and_its_bytes_say_the_same() -> None:
    call = offer()
    said = attributes_of(call, KEY)
    assert said == attributes_of(encode(call), KEY)
    assert said["ringfence.call.id"] == call.call_id
    assert said["ringfence.line"] == call.line
    assert call.caller.partition("@")[0] not in str(said)


def test_a_command_names_its_decision() -> None:
    assert attributes_of(reject(), KEY)["ringfence.decision.id"] == reject().decision_id


def test_a_caller_is_found_in_exports_by_the_same_hash() -> None:
    call = offer()
    exported = Masker(KEY).text(f'"{call.caller}"'.encode()).decode().strip('"')
    hashed = attributes_of(call, KEY)["ringfence.caller.hash"]
    assert exported.partition("#")[2] == hashed
    assert attributes_of(call, b"o" * 32)["ringfence.caller.hash"] != hashed


@pytest.mark.parametrize("about", [None, b"", b"[1]", b"{", b'{"call_id": 7, "caller": null}', 7])
def test_what_is_about_no_call_says_nothing(about: object) -> None:
    assert attributes_of(about, KEY) == {}
