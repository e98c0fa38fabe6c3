"""The words of a text, rendered once more from what was recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.contacts import Contact
from models.decisions import Decision
from models.policy import Policy, read_policy
from streams.settings import LineSettings
from streams.stories.sent_words import SentWords, sent_words
from tests.support.records import T0, decision, offer, outcome, text

LINE = LineSettings(
    gateway="office", session="default", locale="fr", time_zone="Europe/Paris", title="Clinic"
)
ANN = Contact(contact="447700900123@c.us", name="Ann", locale="de", source="crm", at_ms=1)
SNAPSHOT: Any = {"v": 1, "line_locale": "en", "line_zone": "Europe/London"}


def policy(reply: Any) -> Policy:
    return read_policy({"line": "*", "rules": [], "replies": {"text-first": reply}})


def words(
    reply: Any,
    *,
    snapshot: Any = SNAPSHOT,
    variant: str | None = None,
    facts: dict[str, Any] | None = None,
    contact: Contact | None = ANN,
    line: LineSettings | None = LINE,
) -> SentWords:
    of = offer("A")
    decided: Decision = replace(decision(of), snapshot=snapshot, facts=facts or {})
    sent = replace(outcome(text(of, decided, rejected_at_ms=T0), at_ms=T0), variant=variant)
    return sent_words(decided, sent, reply and policy(reply), line, contact)


BOTH = {"en": "Write first.", "de": "Erst schreiben.", "fr": "Écrivez."}


def test_the_language_is_the_one_that_was_recorded() -> None:
    assert words(BOTH) == SentWords("Write first."), "no contact record then, whatever today's says"
    german: Any = {**SNAPSHOT, "contact": {"at_ms": 1, "locale": "de"}}
    assert words(BOTH, snapshot=german) == SentWords("Erst schreiben.")


def test_without_a_snapshot_todays_records_are_named() -> None:
    found = words(BOTH, snapshot=None, contact=None)
    assert found.text == "Écrivez."
    assert [note.partition(" are ")[0] for note in found.notes] == [
        "the caller's language and zone",
        "the line's language and zone",
    ]
    assert words(BOTH, snapshot=None, contact=None, line=None).text == "Write first."
    cut: Any = {**SNAPSHOT, "truncated": ["contact"]}
    assert words(BOTH, snapshot=cut).text == "Erst schreiben."


def test_a_name_and_a_title_are_todays() -> None:
    found = words({"en": "Hello {name}, this is {line}."})
    assert found.text == "Hello Ann, this is Clinic."
    assert [note.partition(" is ")[0] for note in found.notes] == ["the name", "the line's title"]
    assert words({"en": "Hello {name}, write."}, contact=None) == SentWords("Hello, write.")


def test_a_variant_is_the_one_that_was_sent() -> None:
    tried = {"variants": {"a": {"texts": {"en": "A."}}, "b": {"texts": {"en": "B."}}}}
    assert words(tried, variant="b").text == "B."
    (why,) = words(tried, variant="gone").notes
    assert why == "that policy has no reply text-first with the variant gone"


def test_times_are_those_of_the_decision() -> None:
    reply = {"en": "We open {next_opening}."}
    opens = words(reply, facts={"opens_at_ms": T0 + 3_600_000})
    assert opens.text is not None
    assert "11:00" in opens.text, "on the line's clock of then"
    lost = words(reply)
    assert lost.text is None
    assert lost.notes == ("the decision does not hold next_opening, of which the text speaks",)


def test_a_policy_that_is_gone_leaves_the_words_unknown() -> None:
    found = words(None)
    assert found.text is None
    assert "revision 0123456789ab of the policy of * is no longer" in found.notes[0]
