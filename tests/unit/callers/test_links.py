"""Who is who: whatever is said in whatever order, one person ends under one key, and no two people
under one."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import topics
from models.codec import decode
from models.contacts import Contact, IdentityLink, LinkSource
from models.identity_links import CallerLinked
from streams.audit.key_check import misplaced
from streams.bridge.intake import Intake, WebhookRecords
from streams.callers.contact_records import forget_contact, keys_of, removal_records, settle_contact
from streams.callers.links import (
    AGAIN_MS,
    LinkChanges,
    is_lid,
    linked_records,
)
from streams.views.callers import Identities, caller_linked
from tests.support.records import PARTITIONS, T0, Log
from tests.support.webhooks import GOWS_OFFER, MESSAGE, NOWEB_OFFER, changed, settings, take

NOW_MS = 1_767_261_601_000
PHONES = [f"1202555{number:04}@c.us" for number in range(110, 115)]
LIDS = [f"90000000000{number:04}@lid" for number in range(110, 115)]
PEOPLE = list(zip(PHONES, LIDS, strict=True))


def knowing(*links: IdentityLink) -> Identities:
    known = Identities()
    for link in links:
        known.set(link.key, link)
    return known


def wire(jid: str) -> str:
    return jid.replace("@c.us", "@s.whatsapp.net")


def payload(person: int, kind: str, names: str) -> dict[str, object]:
    phone, lid = PEOPLE[person]
    if kind == "message":
        if names == "phone":
            return changed(MESSAGE, **{"from": phone})
        key = {"remoteJid": lid, "fromMe": False} | (
            {"remoteJidAlt": wire(phone)} if names == "both" else {}
        )
        return changed(MESSAGE, **{"from": lid, "_data": {"key": key}})
    if names == "phone":
        return changed(NOWEB_OFFER, **{"from": phone, "_data": {"from": wire(phone)}})
    if kind == "gows":
        alt = wire(phone) if names == "both" else ""
        return changed(
            GOWS_OFFER, **{"from": lid, "_data": {"CallCreator": lid, "CallCreatorAlt": alt}}
        )
    known = {"callerPn": wire(phone)} if names == "both" else {}
    return changed(NOWEB_OFFER, **{"from": lid, "_data": {"from": lid} | known})


def confirm(intake: Intake, taken: WebhookRecords) -> WebhookRecords:
    intake._callers.confirm(taken.links)
    return taken


def keys(taken: WebhookRecords) -> set[str]:
    return {
        record.key.decode()
        for record in taken.records
        if record.topic in {topics.CALLS_EVENTS, topics.MESSAGES_EVENTS}
        and not isinstance(decode(record.topic.values, record.value), CallerLinked)
    }


STEPS = st.lists(
    st.tuples(
        st.integers(0, len(PEOPLE) - 1),
        st.sampled_from(["message", "noweb", "gows"]),
        st.sampled_from(["phone", "lid", "both"]),
    ),
    max_size=30,
)


@given(STEPS, st.lists(st.booleans(), min_size=30, max_size=30))
def test_once_linked_all_are_keyed_by_phone_in_any_order(
    steps: list[tuple[int, str, str]], together: list[bool]
) -> None:
    intake = Intake(settings(), "office")
    linked: set[int] = set()
    body: list[tuple[int, str, str]] = []
    for step, more in zip(steps, together, strict=False):
        body.append(step)
        if more:
            continue
        # several envelopes in one body are one webhook; a repeat of the body changes nothing
        for _ in range(2):
            now = set(linked)
            taken = take([payload(*each) for each in body], intake=intake)
            expected = set()
            for person, kind, names in body:
                # what a call says beside its stanza is only claimed
                if names == "both" and kind == "message":
                    now.add(person)
                phone, lid = PEOPLE[person]
                expected.add(phone if names == "phone" or person in now else lid)
            assert keys(taken) == expected
            confirm(intake, taken)
            linked = now
        body = []
    for person, (phone, lid) in enumerate(PEOPLE):
        assert intake._callers.known.caller_of(phone) == phone
        assert intake._callers.known.caller_of(lid) == (phone if person in linked else lid)
        for kind in ("message", "noweb", "gows"):
            assert keys(take(payload(person, kind, "lid"), intake=intake)) == {
                phone if person in linked else lid
            }


def test_an_event_of_a_known_lid_names_it_and_keeps_from() -> None:
    intake = Intake(settings(), "office")
    confirm(intake, take(payload(0, "message", "both"), intake=intake))
    phone, lid = PEOPLE[0]
    raw = f"{lid.removesuffix('@lid')}:7@lid"
    taken = take(changed(NOWEB_OFFER, **{"from": raw, "_data": ...}), intake=intake)
    (offer,) = [
        decode(r.topic.values, r.value) for r in taken.records if r.topic is topics.CALLS_EVENTS
    ]
    assert (offer.caller, offer.caller_raw, offer.caller_known_as) == (phone, raw, (lid,))
    # and a payload with the number alone names the LID too
    taken = take(payload(0, "noweb", "phone"), intake=intake)
    (offer,) = [
        decode(r.topic.values, r.value) for r in taken.records if r.topic is topics.CALLS_EVENTS
    ]
    assert (offer.caller, offer.caller_known_as) == (phone, (lid,))


def test_links_come_before_the_events_and_the_word_after_them() -> None:
    taken = take([payload(0, "noweb", "lid"), payload(0, "message", "both")])
    said = [
        (
            "word"
            if r.topic.values and isinstance(decode(r.topic.values, r.value), CallerLinked)
            else r.topic.name
        )
        for r in taken.records
    ]
    assert said == [
        "identities",
        "calls.events",
        "calls.lifecycle",
        "messages.events",
        "word",
        "word",
    ]


def test_a_link_is_told_once_until_it_changes() -> None:
    intake = Intake(settings(), "office")
    first = confirm(intake, take(payload(0, "message", "both"), intake=intake))
    again = confirm(intake, take(payload(0, "message", "both"), intake=intake))
    assert bool(first.links)
    assert not again.links
    # not durable, not known: the gateway's repeat tells it again
    unconfirmed = Intake(settings(), "office")
    for _ in range(2):
        assert take(payload(0, "message", "both"), intake=unconfirmed).links


@pytest.mark.parametrize("kind", ["noweb", "gows"])
def test_what_a_callers_client_wrote_links_nothing(kind: str) -> None:
    taken = take(payload(0, kind, "both"))
    assert keys(taken) == {LIDS[0]}
    assert not taken.links


def test_a_young_link_is_told_by_whoever_says_it_again() -> None:
    """The bridge that learned it died between the link and the word; the gateway repeats the
    webhook elsewhere."""
    phone, lid = PEOPLE[0]
    link = IdentityLink(alias=lid, caller=phone, source="payload", at_ms=T0)
    for since_ms, told in ((0, True), (AGAIN_MS - 1, True), (AGAIN_MS, False)):
        known = knowing(link)
        changes = LinkChanges(known, T0 + since_ms)
        changes.learn((lid, phone))
        words = [decode(record.topic.values, record.value) for record in changes.words("/test")]
        assert not changes.records("/test")
        assert {(word.alias, word.caller, word.at_ms) for word in words} == (
            {(lid, phone, T0)} if told else set()
        )


def test_what_came_under_an_alias_meanwhile_is_joined_again() -> None:
    """Two webhooks at once: the second is keyed by LID, and may stand behind the word of the
    first."""
    intake = Intake(settings(), "office")
    phone, lid = PEOPLE[0]
    first = take(payload(0, "message", "both"), intake=intake)
    assert keys(take(payload(0, "message", "lid"), intake=intake)) == {lid}
    confirm(intake, first)
    assert [(link.alias, link.caller) for link in intake._callers.late()] == [(lid, phone)]


def test_an_older_word_does_not_beat_a_newer_one() -> None:
    """A dead letter that is put back says what was believed then."""
    (phone, lid), (other, _) = PEOPLE[:2]
    known = knowing(IdentityLink(alias=lid, caller=phone, source="payload", at_ms=T0))
    changes = LinkChanges(known, T0 - 1)
    changes.learn((lid, other))
    assert changes.caller_of(lid) == phone
    assert not changes


@pytest.mark.parametrize("first", ["payload", "contact", "call"])
def test_of_two_sources_the_one_of_higher_rank_holds(first: LinkSource) -> None:
    """Whichever was said first: envelope, then contact record, then one call under both."""
    lid = LIDS[0]
    ranks: list[LinkSource] = ["payload", "contact", "call"]
    order = [first, *(each for each in ranks if each != first)]
    known = Identities()
    for at_ms, source in enumerate(order):
        changes = LinkChanges(known, at_ms)
        changes.link(lid, PHONES[ranks.index(source)], source)
        changes.apply(known)
    for best in ranks:
        assert known.caller_of(lid) == PHONES[ranks.index(best)]
        changes = LinkChanges(known, 9)
        changes.withdraw(next(link for link in known.said(lid) if link.source == best))
        changes.apply(known)
    assert (known.caller_of(lid), known.values()) == (lid, [])


def test_a_link_read_after_its_aliass_event_is_joined_once() -> None:
    intake = Intake(settings(), "office")
    phone, lid = PEOPLE[0]
    take(payload(0, "noweb", "lid"), intake=intake)
    link = IdentityLink(alias=lid, caller=phone, source="payload", at_ms=5)
    intake._callers.known.set(link.key, link)
    assert intake._callers.late() == [caller_linked(lid, phone, 5)]
    assert intake._callers.late() == []
    other = IdentityLink(alias=PEOPLE[1][1], caller=phone, source="payload", at_ms=5)
    intake._callers.known.set(other.key, other)
    assert intake._callers.late() == []


def test_a_link_of_its_caller_concerns_the_alias_too() -> None:
    """Another bridge learns that the number is a second one's, while this one keyed by LID."""
    intake = Intake(settings(), "office")
    known = intake._callers.known
    first = IdentityLink(alias=LIDS[0], caller=PHONES[0], source="payload", at_ms=5)
    known.set(first.key, first)
    take(payload(0, "message", "lid"), intake=intake)
    second = IdentityLink(alias=PHONES[0], caller=PHONES[1], source="contact", at_ms=6)
    known.set(second.key, second)
    assert intake._callers.late() == [caller_linked(PHONES[0], PHONES[1], 6)]
    assert known.caller_of(LIDS[0]) == PHONES[1]


JIDS = st.sampled_from(PHONES + LIDS)
LINKS = st.lists(st.tuples(JIDS, JIDS, st.sampled_from(["payload", "contact"])), max_size=25)


@given(LINKS)
def test_what_was_said_stays_said_and_chains_end(said: list[tuple[str, str, str]]) -> None:
    known = Identities()
    for at_ms, (alias, caller, source) in enumerate(said):
        changes = LinkChanges(known, at_ms)
        if is_lid(caller) and not is_lid(alias):
            with pytest.raises(ValueError, match="never the other way round"):
                changes.link(alias, caller, source)  # type: ignore[arg-type]
            continue
        before = known.values()
        changes.link(alias, caller, source)  # type: ignore[arg-type]
        expected = {jid: changes.caller_of(jid) for jid in PHONES + LIDS}
        names = {jid: set(changes.aliases_of(jid)) for jid in PHONES + LIDS}
        changes.apply(known)
        assert {jid: known.caller_of(jid) for jid in PHONES + LIDS} == expected
        assert {jid: set(known.aliases_of(jid)) for jid in PHONES + LIDS} == names
        for link in before:
            kept = known.get(link.key)
            assert kept is not None
            assert kept == link or kept.at_ms == at_ms
        for jid, end in expected.items():
            assert known.caller_of(end) == end, "an end leads nowhere else"
            assert jid == end or jid in known.aliases_of(end)
            assert is_lid(jid) or not is_lid(end)


@given(LINKS, st.integers(0, 24))
def test_taking_one_word_back_undoes_exactly_it(
    said: list[tuple[str, str, str]], which: int
) -> None:
    """As if it had never been said."""
    told = [each for each in said if not (is_lid(each[1]) and not is_lid(each[0]))]
    keys_said = list(dict.fromkeys(_link(*each, 0).key for each in told))
    if not keys_said:
        return
    gone = keys_said[which % len(keys_said)]
    known, without = Identities(), Identities()
    for at_ms, each in enumerate(told):
        link = _link(*each, at_ms)
        known.set(link.key, link)
        if link.key != gone:
            without.set(link.key, link)
    changes = LinkChanges(known, 99)
    changes.withdraw(next(each for each in known.values() if each.key == gone))
    (record,) = changes.records("/test")
    assert (record.key, record.value) == (gone.encode(), None)
    changes.apply(known)
    for jid in PHONES + LIDS:
        assert known.caller_of(jid) == without.caller_of(jid)
        assert set(known.aliases_of(jid)) == set(without.aliases_of(jid))


def _link(alias: str, caller: str, source: Any, at_ms: int) -> IdentityLink:
    return IdentityLink(alias=alias, caller=caller, source=source, at_ms=at_ms)


@given(st.lists(st.lists(JIDS, min_size=1, max_size=4), max_size=15))
def test_no_payload_makes_two_phone_numbers_one_caller(said: list[list[str]]) -> None:
    known = Identities()
    for at_ms, jids in enumerate(said):
        changes = LinkChanges(known, at_ms)
        changes.learn(jids)
        changes.apply(known)
        assert [known.caller_of(phone) for phone in PHONES] == PHONES


@pytest.mark.parametrize(
    "jids", [(LIDS[0], PHONES[0], PHONES[1]), (LIDS[0], LIDS[1]), (PHONES[0],), ()]
)
def test_a_payload_that_names_no_number_or_two_teaches_nothing(jids: tuple[str, ...]) -> None:
    changes = LinkChanges(Identities(), 1)
    changes.learn(jids)
    assert not changes


@given(
    st.dictionaries(
        st.sampled_from(PHONES), st.tuples(st.sampled_from(PHONES), st.integers(0, 3)), max_size=5
    )
)
def test_whatever_stands_on_the_topic_a_circle_has_one_end(
    links: dict[str, tuple[str, int]],
) -> None:
    known = Identities()
    for alias, (caller, at_ms) in links.items():
        link = IdentityLink(alias=alias, caller=caller, source="contact", at_ms=at_ms)
        known.set(link.key, link)
    for alias, (caller, _) in links.items():
        assert known.caller_of(alias) == known.caller_of(caller)


def test_the_newest_word_holds_and_the_log_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    intake = Intake(settings(), "office")
    confirm(intake, take(payload(0, "message", "both"), intake=intake))
    key = {"remoteJid": LIDS[0], "remoteJidAlt": wire(PHONES[1]), "fromMe": False}
    other = changed(MESSAGE, **{"from": LIDS[0], "_data": {"key": key}})
    with caplog.at_level(logging.WARNING):
        taken = confirm(intake, take(other, now_ms=NOW_MS + 1, intake=intake))
    assert keys(taken) == {PHONES[1]}
    assert "it was known as" in caplog.text
    for jid in (PHONES[0], PHONES[1], LIDS[0]):
        assert jid.partition("@")[0] not in caplog.text
    assert keys(take(payload(0, "message", "lid"), intake=intake)) == {PHONES[1]}


def contact(jid: str, *aliases: str) -> Contact:
    return Contact(contact=jid, aliases=aliases, source="crm", at_ms=7)


def put(known: Identities, said: Contact) -> Contact:
    changes = LinkChanges(known, said.at_ms)
    settled = settle_contact(said, changes)
    changes.apply(known)
    return settled


def test_a_record_for_a_lid_stands_under_the_phone_number() -> None:
    known = Identities()
    assert put(known, contact(LIDS[0])).contact == LIDS[0]
    settled = put(known, contact(LIDS[0], PHONES[0]))
    assert (settled.contact, settled.aliases) == (PHONES[0], (LIDS[0],))
    assert known.caller_of(LIDS[0]) == PHONES[0]
    # what is said of the LID alone stays with it: the number may be taken back
    assert put(known, contact(LIDS[0])).contact == LIDS[0]
    assert keys_of(PHONES[0], LinkChanges(known, 9)) == (PHONES[0], LIDS[0])
    taken_back = removal_records(LIDS[0], LinkChanges(known, 9), "/test", 9)
    assert {record.key for record in taken_back if record.topic is topics.CONTACTS} == {
        LIDS[0].encode(),
        PHONES[0].encode(),
    }


def test_a_record_of_a_number_is_found_and_removed_in_any_form() -> None:
    changes = LinkChanges(Identities(), 9)
    forms = {"5511987654321@c.us", "551187654321@c.us"}
    assert set(keys_of("5511987654321@c.us", changes)) == forms
    gone = removal_records("551187654321@c.us", changes, "/test", 9)
    assert {record.key.decode() for record in gone} == forms


def test_a_contact_that_lets_an_alias_go_frees_it_alone() -> None:
    """The LID is P's; for a while Q's record names P as well."""
    known = Identities()
    put(known, contact(PHONES[0], LIDS[0]))
    put(known, replace(contact(PHONES[1], PHONES[0]), at_ms=8))
    assert known.caller_of(LIDS[0]) == PHONES[1]
    put(known, replace(contact(PHONES[1]), at_ms=9))
    assert {known.caller_of(jid) for jid in (LIDS[0], PHONES[0])} == {PHONES[0]}


def test_two_contacts_that_name_one_lid_take_it_back_singly() -> None:
    known = Identities()
    put(known, contact(PHONES[0], LIDS[0]))
    put(known, replace(contact(PHONES[1], LIDS[0]), at_ms=8))
    assert known.caller_of(LIDS[0]) == PHONES[1]
    changes = LinkChanges(known, 9)
    found = removal_records(PHONES[1], changes, "/test", 9)
    words = [
        decode(record.topic.values, record.value)
        for record in found
        if record.topic is topics.CALLS_EVENTS
    ]
    assert words == [caller_linked(LIDS[0], PHONES[0], 9)]
    changes.apply(known)
    assert known.caller_of(LIDS[0]) == PHONES[0]


def test_a_record_drops_its_old_aliases_but_not_the_payloads() -> None:
    known = Identities()
    changes = LinkChanges(known, 1)
    changes.learn((PHONES[0], LIDS[0]))
    changes.apply(known)
    put(known, contact(PHONES[0], PHONES[1], LIDS[1], LIDS[0]))
    assert {known.caller_of(jid) for jid in (PHONES[1], *LIDS[:2])} == {PHONES[0]}
    put(known, contact(PHONES[0], LIDS[1]))
    assert (known.caller_of(PHONES[1]), known.caller_of(LIDS[1])) == (PHONES[1], PHONES[0])
    changes = LinkChanges(known, 9)
    forget_contact(PHONES[0], changes)
    assert changes.records("/test")[0].value is None
    changes.apply(known)
    assert (known.caller_of(LIDS[1]), known.caller_of(LIDS[0])) == (LIDS[1], PHONES[0])


def test_a_number_with_its_own_record_is_its_own_caller() -> None:
    known = Identities()
    put(known, contact(PHONES[0], PHONES[1]))
    assert put(known, replace(contact(PHONES[1], PHONES[0]), at_ms=8)).contact == PHONES[1]
    assert {known.caller_of(jid) for jid in PHONES[:2]} == {PHONES[1]}


def test_all_of_a_chain_are_told_when_its_end_moves() -> None:
    known = Identities()
    changes = LinkChanges(known, 1)
    changes.learn((PHONES[1], LIDS[1]))
    changes.apply(known)
    changes = LinkChanges(known, 2)
    settle_contact(contact(PHONES[0], PHONES[1]), changes)
    told = {
        word.alias: word.caller
        for word in (decode(r.topic.values, r.value) for r in changes.words("/test"))
    }
    assert told == {PHONES[1]: PHONES[0], LIDS[1]: PHONES[0]}


def test_the_word_stands_under_its_alias_and_the_audit_knows_it() -> None:
    log = Log()
    for record in linked_records([caller_linked(LIDS[0], PHONES[0], T0)], "/test"):
        seen = log.append_record(record, T0)
        assert isinstance(seen.value, CallerLinked)
        assert misplaced(seen, PARTITIONS) is None
        assert misplaced(replace(seen, key=PHONES[0].encode()), PARTITIONS) is not None
