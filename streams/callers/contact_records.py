"""The records of a contact that is put or taken back, whoever says so."""

from __future__ import annotations

from models import records
from models.contacts import Contact
from models.numbers import all_forms
from models.records import Record
from streams.callers.links import LinkChanges, forget_contact, is_phone, settle_contact


def put_records(said: Contact, links: LinkChanges, source: str) -> tuple[Contact, list[Record]]:
    """The record as it is kept, and what to write.

    The record, then what it changes of who is who.
    """
    contact = settle_contact(said, links)
    return contact, [
        records.reference(contact, source, contact.at_ms),
        *links.records(source),
        *links.words(source),
    ]


def removal_records(jid: str, links: LinkChanges, source: str, at_ms: int) -> list[Record]:
    """What takes a contact back, and the links that it had made.

    Another number's record is not this one's, even where it names this one: a CRM that merges two
    records deletes the one that is left over. A LID's own word may stand in the record of the
    number that it was put with.
    """
    links_of = {link.caller for link in links.said(jid) if link.source == "contact"}
    keys = (jid,) if is_phone(jid) else (jid, *sorted(links_of - {jid}))
    for key in keys:
        forget_contact(key, links)
    gone = [
        records.tombstone(Contact(contact=each, source="", at_ms=at_ms), source, at_ms)
        for each in all_forms(keys)
    ]
    return [*gone, *links.records(source), *links.words(source)]


def keys_of(jid: str, links: LinkChanges) -> tuple[str, ...]:
    """Where records of a person may stand: under each of the JIDs, in each form of a number."""
    caller = links.caller_of(jid)
    return all_forms((caller, jid, *links.aliases_of(caller)))
