"""Brings together what is known of a call: the facts that its decision may depend on."""

from __future__ import annotations

from models.calls import CallOffered
from models.codec import UndecodableError
from models.contacts import Contact
from models.snapshot import SNAPSHOT_VERSION, BlockFacts, ContactFacts, Snapshot
from streams.policies.data_versions import data_versions
from streams.screening.facts import Facts, LineFacts
from streams.screening.lookups import Lookups
from streams.screening.recent_calls import KEEP_MS, RecentCalls
from streams.screening.storms import Storms
from streams.views.views import Views


def gather(  # noqa: PLR0913 - one keyword for each thing that is known
    offer: CallOffered,
    *,
    now_ms: int,
    recent: RecentCalls,
    last_in_ms: int,
    last_out_ms: int,
    history_incomplete: bool,
    known: Views,
    line: LineFacts,
    storms: Storms,
    reach_ms: int = KEEP_MS,
) -> Facts:
    """Bring together what is known. ``reach_ms`` is how far back ``recent`` is whole.

    A contact record that cannot be read is as none, and is on the record.
    """
    try:
        contact, unreadable = known.contacts.of_any((offer.caller, *offer.caller_known_as)), False
    except UndecodableError:
        contact, unreadable = None, True
    identities = known.identities
    ends = {identities.caller_of(jid) for jid in (offer.caller, *offer.caller_known_as)}
    # an alias that a source of higher rank gives to somebody else is not the caller's
    aliases = [
        alias
        for alias in (contact.aliases if contact is not None else ())
        if identities.caller_of(alias) in {alias, *ends}
    ]
    jids = tuple(dict.fromkeys((offer.caller, *offer.caller_known_as, *aliases)))
    claimed = identities.names_of(*offer.caller_claims)
    claims = tuple(jid for jid in claimed if jid not in jids)
    lookups = Lookups(known, storms, offer, jids, claims, now_ms)
    call = recent.find(offer.line, offer.call_id, offer.offered_at_ms)
    snapshot = _of_offer(offer, jids, claims)
    _add_line(snapshot, line)
    facts = Facts(
        offer=offer,
        generation=call.generation if call is not None else 0,
        now_ms=now_ms,
        jids=jids,
        claims=claims,
        snapshot=snapshot,
        lookups=lookups,
    )
    if last_in_ms:
        snapshot["last_in_ms"] = last_in_ms
    if last_out_ms:
        snapshot["last_out_ms"] = last_out_ms
    if history_incomplete:
        snapshot["history_incomplete"] = True
    if contact is not None:
        snapshot["contact"] = _contact(contact)
    if unreadable:
        snapshot["contact_unreadable"] = True
    ago = recent.offered_ago_ms(offer.line, offer.offered_at_ms)
    if ago:
        snapshot["calls_ago_ms"] = ago
    if reach_ms != KEEP_MS:
        snapshot["calls_reach_ms"] = reach_ms
    _add_blocks(facts, recent, lookups)
    return facts


def _of_offer(offer: CallOffered, jids: tuple[str, ...], claims: tuple[str, ...]) -> Snapshot:
    snapshot = Snapshot(v=SNAPSHOT_VERSION, data=data_versions())
    if offer.media != "voice":
        snapshot["media"] = offer.media
    if offer.group:
        snapshot["group"] = True
    if offer.offline:
        snapshot["offline"] = True
    if offer.ended:
        snapshot["ended"] = True
    if offer.time_source != "payload":
        snapshot["time_source"] = offer.time_source
    if len(jids) > 1:
        snapshot["known_as"] = list(jids[1:])
    if claims:
        snapshot["claims"] = list(claims)
    return snapshot


def _add_line(snapshot: Snapshot, line: LineFacts) -> None:
    if line.time_zone != "UTC":
        snapshot["line_zone"] = line.time_zone
    if line.locale != "en":
        snapshot["line_locale"] = line.locale


def _contact(contact: Contact) -> ContactFacts:
    found = ContactFacts(at_ms=contact.at_ms)
    if contact.tier is not None:
        found["tier"] = contact.tier
    if contact.time_zone is not None:
        found["time_zone"] = contact.time_zone
    if contact.locale is not None:
        found["locale"] = contact.locale
    return found


def _add_blocks(facts: Facts, recent: RecentCalls, lookups: Lookups) -> None:
    """Blocks and night switches: asked for by nearly every call, and cheap where there are none."""
    snapshot = facts.snapshot
    block = recent.block(facts.offer.line)
    if block is not None and lookups.lifted_at_ms() < block.begun_ms:
        snapshot["block"] = BlockFacts(
            begun_ms=block.begun_ms,
            until_ms=block.until_ms,
            strikes=block.strikes,
            keep_until_ms=block.keep_until_ms,
        )
    by_hand = lookups.hand_block()
    if by_hand is not None:
        snapshot["hand_block"], facts.remarks["hand_block"] = by_hand
    for switch, remark in lookups.switches():
        snapshot.setdefault("switches", []).append(switch)
        facts.remarks[f"switch/{switch['at_ms']}"] = remark
