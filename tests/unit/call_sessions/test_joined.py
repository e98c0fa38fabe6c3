"""One call under a LID and a number links them; nothing else does."""

from __future__ import annotations

from typing import Any

import orjson

from models.calls import CallOffered
from models.contacts import IdentityLink
from models.records import Record
from streams.call_sessions.joined import link_records
from streams.views.callers import Identities
from tests.support.facts import NOW_MS, offer
from tests.support.lifecycle import after

LID, PHONE, OTHER = "900000000000143@lid", "12025550143@c.us", "12025550144@c.us"


def offered(caller: str, later_ms: int = 0, **more: Any) -> CallOffered:
    return offer(caller=caller, offered_at_ms=NOW_MS + later_ms, **more)


def linked(*offers: CallOffered, known: Identities | None = None) -> list[Record]:
    return link_records(after(*offers), offers[-1], known or Identities(), "/test")


def said(found: list[Record]) -> list[tuple[str, str, str]]:
    values = [(each.topic.name, orjson.loads(each.value or b"{}")) for each in found]
    return [(topic, value["alias"], value["caller"]) for topic, value in values]


def test_a_lid_and_a_number_of_one_call_are_linked() -> None:
    found = linked(offered(LID), offered(PHONE, 300))
    assert said(found) == [
        ("identities", LID, PHONE),
        ("messages.events", LID, PHONE),
        ("calls.events", LID, PHONE),
    ]
    assert orjson.loads(found[0].value or b"")["source"] == "call"
    assert said(linked(offered(PHONE), offered(LID, 300))) == said(found)


def test_two_numbers_are_never_linked() -> None:
    assert linked(offered(PHONE), offered(OTHER, 300)) == []


def test_what_comes_long_after_links_nothing() -> None:
    assert linked(offered(LID), offered(PHONE, 20_000)) == []


def test_what_a_contact_says_is_not_changed() -> None:
    known = Identities()
    link = IdentityLink(alias=LID, caller=OTHER, source="contact", at_ms=NOW_MS - 5000)
    known.set(link.key, link)
    found = said(linked(offered(LID), offered(PHONE, 300), known=known))
    assert found == [("identities", LID, PHONE)], "it stands on record, and nobody follows it"


def test_a_link_that_is_known_is_not_repeated() -> None:
    known = Identities()
    link = IdentityLink(alias=LID, caller=PHONE, source="payload", at_ms=NOW_MS - 5000)
    known.set(link.key, link)
    assert linked(offered(LID), offered(PHONE, 300), known=known) == []
