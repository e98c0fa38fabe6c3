"""What one call under two identities says of them: that they are one person. Does no IO."""

from __future__ import annotations

from models.calls import CallOffered
from models.records import Record
from streams.call_sessions.legs import leg_of
from streams.call_sessions.session import CallSession
from streams.callers.links import KnownLinks, LinkChanges, is_lid, is_phone


def link_records(
    session: CallSession, offer: CallOffered, known: KnownLinks, source: str
) -> list[Record]:
    """The link of a LID and a number that offered one call; nothing where it is known already.

    The link ranks below a payload's and a contact's, and is withdrawn by its key. May be repeated:
    it has the offer's time. Two numbers are never linked, for they are never one leg.
    """
    leg = leg_of(session, offer.caller)
    callers = [party.caller for party in leg.parties] if leg is not None else []
    lids, phones = list(filter(is_lid, callers)), list(filter(is_phone, callers))
    if len(lids) != 1 or len(phones) != 1:
        return []
    links = LinkChanges(known, offer.received_at_ms)
    if links.caller_of(lids[0]) != phones[0]:
        links.link(lids[0], phones[0], "call")
    return [*links.records(source), *links.words(source)]
