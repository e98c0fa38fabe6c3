"""Contacts and identity links, as a worker knows them."""

from __future__ import annotations

from tests.support.facts import contact, knowing


def test_a_contact_written_by_number_is_found_by_jid() -> None:
    known = knowing(contact("541123456789@c.us", tier="gold"))
    found = known.contacts.of_any(("5491123456789@c.us",))
    assert found is not None
    assert found.tier == "gold"


def test_of_two_records_of_one_person_the_newest_holds() -> None:
    older = contact("5511987654321@c.us", name="old")
    newer = contact("900000000000143@lid", name="new")
    newer = type(newer)(contact=newer.contact, name="new", source="test", at_ms=older.at_ms + 1)
    known = knowing(older, newer)
    found = known.contacts.of_any(("551187654321@c.us", "900000000000143@lid"))
    assert found == newer
