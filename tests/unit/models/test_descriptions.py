"""What a field means, as its model's source says."""

from __future__ import annotations

from models.descriptions import attribute_docs, field_meaning


class Example:
    """A class."""

    told: str
    """What is
    told."""
    untold: str


def test_what_is_said_of_an_attribute_is_found() -> None:
    assert attribute_docs(Example) == {"told": "What is told."}


def test_what_a_model_says_goes_before_what_holds_everywhere() -> None:
    assert field_meaning("caller", {"caller": "Of this call."}) == "Of this call."
    assert field_meaning("caller", {}) == "The caller's canonical JID."
    assert field_meaning("colour", {}) == ""
