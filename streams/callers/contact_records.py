"""The records of a contact that is put or taken back, whoever says so."""

from __future__ import annotations

from models import records
from models.contacts import Contact
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
    records deletes the one that is left over.
    """
    keys = (jid,) if is_phone(jid) else keys_of(jid, links)
    for key in keys:
        forget_contact(key, links)
    gone = [
        records.tombstone(Contact(contact=key, source="", at_ms=at_ms), source, at_ms)
        for key in keys
    ]
    return [*gone, *links.records(source)]


def keys_of(jid: str, links: LinkChanges) -> tuple[str, ...]:
    """Where the record of a person may stand.

    One that was made for a LID stays under it when a number is learned.
    """
    return tuple(dict.fromkeys((links.caller_of(jid), jid)))
