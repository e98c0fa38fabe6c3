"""Contacts share what is the same in many of them, so that each takes little."""

from __future__ import annotations

from models.codec import encode
from models.contacts import Contact
from streams.views.contact_rows import ContactCutter


def test_names_and_aliases_are_a_contacts_own() -> None:
    cutter, shared = ContactCutter(), set()
    for name, aliases in ((None, ()), ('Ana, "tier":', ("1@lid",)), ("Ana", ("1@lid", "2@lid"))):
        contact = Contact(
            contact="1@c.us", name=name, tier="gold", aliases=aliases, source="crm", at_ms=1
        )
        value = encode(contact)
        parts = cutter.cut(b"1@c.us", value)
        assert parts is not None
        shared.add(parts[1])
        assert cutter.join(b"1@c.us", *parts) == value
    assert len(shared) == 1


def test_a_record_under_another_key_is_kept_whole() -> None:
    value = encode(Contact(contact="1@c.us", source="crm", at_ms=1))
    assert ContactCutter().cut(b"2@c.us", value) is None
    assert ContactCutter().cut(b"1@c.us", value[:-20]) is None
