"""The records of a contact that is put or taken back, whoever says so."""

from __future__ import annotations

from dataclasses import replace

from models import records
from models.contacts import Contact
from models.numbers import all_forms
from models.records import Record
from streams.callers.links import LinkChanges, apart, is_lid, is_phone


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


def settle_contact(contact: Contact, links: LinkChanges) -> Contact:
    """The record under the JID of its person; links its aliases, drops former ones.

    A phone number that has a record is a caller of its own, whatever an older record says.
    """
    key = contact.contact
    if is_lid(key):
        _, phones = apart(contact.aliases)
        key = phones[0] if phones else key
    elif links.caller_of(key) != key:
        links.link(key, key, "contact")
    aliases = dict.fromkeys((contact.contact, *contact.aliases))
    aliases.pop(key, None)
    forget_contact(key, links, keep=(key, *aliases))
    for alias in aliases:
        links.link(alias, key, "contact")
    return replace(contact, contact=key, aliases=tuple(aliases))


def forget_contact(caller: str, links: LinkChanges, keep: tuple[str, ...] = ()) -> None:
    """Withdraw what the caller's contact record had said, except of those to ``keep``."""
    for alias in links.named(caller):
        for link in links.said(alias):
            if link.source == "contact" and link.caller == caller and alias not in keep:
                links.withdraw(link)
