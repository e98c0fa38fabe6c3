"""What a text says: the revision that was quoted, and the caller's own name, language and clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.codec import encode
from models.contacts import Contact
from models.policy import read_policy, revision_of
from streams.policies.book import FORMER_KEPT, PolicyBook, PolicyInForce
from streams.sink.context import Ended
from streams.sink.text_body import LineVoice, text_body
from streams.views.views import Views
from tests.support.facts import NOW_MS, text

LINE = LineVoice("Harbour Clinic", "en-GB", "Europe/London")
LONDON_CALLER = "447700900123@c.us"
OPENS_MS = NOW_MS + 7_200_000
"""12:00:01 in London."""


def revision(words: str | None, *, line: str = "*") -> PolicyInForce:
    """A policy whose only reply says this, or that has none."""
    replies = {} if words is None else {"text-first": {"en": words, "ar": f"ar {words}"}}
    policy = read_policy({"line": line, "replies": replies})
    return PolicyInForce(policy, revision_of(policy))


def knowing(book: PolicyBook, *contacts: Contact) -> Views:
    known = Views.empty()
    known.policies.book = book
    for each in contacts:
        known.contacts.apply(each.contact.encode(), encode(each))
    return known


def contact(**changed: Any) -> Contact:
    given: dict[str, Any] = {"contact": LONDON_CALLER, "source": "crm", "at_ms": NOW_MS}
    return Contact(**given | changed)


def said(words: str, *contacts: Contact, **changed: Any) -> str | Ended:
    in_force = revision(words)
    command = text(**{"caller": LONDON_CALLER, "policy_revision": in_force.revision} | changed)
    return text_body(knowing(PolicyBook({"*": in_force}), *contacts), LINE, command, NOW_MS)


def reason(found: str | Ended) -> tuple[str, str | None]:
    assert isinstance(found, Ended)
    return found.result, found.reason


def followed(*revisions: PolicyInForce) -> PolicyBook:
    book = PolicyBook({})
    for each in revisions:
        book = book.followed_by({"*": each})
    return book


def test_the_revision_that_decided_is_what_is_said() -> None:
    old, new = revision("old words"), revision("new words")
    known = knowing(followed(old, new))
    assert text_body(known, LINE, text(policy_revision=old.revision), NOW_MS) == "old words"
    assert text_body(known, LINE, text(policy_revision=new.revision), NOW_MS) == "new words"
    gone = followed(old, revision(None))
    assert text_body(knowing(gone), LINE, text(policy_revision=old.revision), NOW_MS) == "old words"


def test_a_forgotten_revision_gives_way_to_the_one_in_force() -> None:
    assert (
        text_body(knowing(followed(revision("new"))), LINE, text(policy_revision="unknown"), NOW_MS)
        == "new"
    )
    found = text_body(
        knowing(followed(revision(None))), LINE, text(policy_revision="unknown"), NOW_MS
    )
    assert reason(found) == ("failed", "reply-not-in-policy")


def test_so_many_former_revisions_are_kept_and_each_once() -> None:
    made = [revision(f"words {n}") for n in range(FORMER_KEPT + 3)]
    book = followed(*made, made[-1])
    assert book.former["*"] == tuple(made[-2 : -2 - FORMER_KEPT : -1])
    back = book.followed_by({"*": made[-2]})
    assert back.former["*"] == (made[-1], *made[-3 : -2 - FORMER_KEPT : -1])
    assert back.quoted("*", made[0].revision) is None
    assert back.quoted("*", made[-1].revision) is made[-1]


def test_a_policy_that_was_removed_is_still_quoted() -> None:
    own = revision("own words", line="london")
    book = PolicyBook({"london": own, "*": revision("common")}).followed_by(
        {"*": revision("common")}
    )
    known = knowing(book)
    assert (
        text_body(known, LINE, text(policy="london", policy_revision=own.revision), NOW_MS)
        == "own words"
    )
    assert "*" not in book.former


def test_a_variant_that_is_gone_is_not_replaced_by_another() -> None:
    assert reason(said("plain", variant="a")) == ("failed", "reply-not-in-policy")


def test_the_contact_record_gives_name_language_and_clock() -> None:
    words = "Hello {name}, {line}: {next_opening}"
    asha = contact(name="Asha", locale="ar", time_zone="Asia/Kolkata")
    found = said(words, asha, values={"opens_at_ms": OPENS_MS})
    assert isinstance(found, str)
    assert found.startswith("ar Hello Asha, Harbour Clinic: ")
    assert "5:30" in found, "half past five in India"


@pytest.mark.parametrize("time_zone", [None, "Atlantis/Capital", "", "../etc/passwd"])
def test_without_a_known_zone_the_number_tells_it(time_zone: str | None) -> None:
    indian = "919812345678@c.us"
    found = said(
        "{next_opening}",
        contact(contact=indian, time_zone=time_zone),
        caller=indian,
        values={"opens_at_ms": OPENS_MS},
    )
    assert found == "Thursday 1 January, 12:00 (United Kingdom Time) = 17:30 (India Time)"


def test_a_lid_has_the_clock_of_its_contacts_number() -> None:
    lid = "900000000000143@lid"
    known = contact(contact=lid, aliases=("919812345678@c.us",))
    assert "India" in str(
        said("{next_opening}", known, caller=lid, values={"opens_at_ms": OPENS_MS})
    )
    assert "India" not in str(said("{next_opening}", caller=lid, values={"opens_at_ms": OPENS_MS}))


@pytest.mark.parametrize("words", ["We open {next_opening}.", "Please wait {wait}."])
def test_a_text_with_a_missing_fact_is_suppressed(words: str) -> None:
    assert reason(said(words)) == ("suppressed", "fact-missing")


def test_a_contact_record_that_cannot_be_read_is_as_none() -> None:
    in_force = revision("Hello {name}.")
    known = knowing(PolicyBook({"*": in_force}))
    known.contacts.apply(LONDON_CALLER.encode(), b"{}")
    command = replace(text(policy_revision=in_force.revision), caller=LONDON_CALLER)
    assert text_body(known, LINE, command, NOW_MS) == "Hello."
