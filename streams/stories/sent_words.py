"""The words of a text, rendered once more: no text stands on Kafka. Does no IO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.commands import TEXT_FACTS
from models.contacts import Contact
from models.decisions import Decision
from models.outcomes import Outcome
from models.policy import Policy, texts_of
from streams.policies.templates import FactMissingError, TextFacts, render, variables_of
from streams.settings import LineSettings
from streams.views.phone_numbers import zone_of


@dataclass(frozen=True, slots=True)
class SentWords:
    """What a caller read, as far as it can be known."""

    text: str | None
    """None: it cannot be known; ``notes`` say why."""
    notes: tuple[str, ...] = ()
    """What was taken from today's records, since none of then has it."""


def sent_words(
    decision: Decision,
    sent: Outcome,
    policy: Policy | None,
    line: LineSettings | None,
    contact: Contact | None,
) -> SentWords:
    """The words of the text that an outcome says was sent, or may have been.

    ``policy`` is the revision that the decision quotes; None where it is no longer known. ``line``
    and ``contact`` are today's.
    """
    if policy is None:
        revision = f"revision {decision.policy_revision} of the policy of {decision.policy}"
        return SentWords(None, (f"{revision} is no longer on the topic policies",))
    name = sent.reply or decision.reply
    reply = None if name is None else policy.replies.get(name)
    if reply is None or texts_of(reply, sent.variant) is None:
        variant = f" with the variant {sent.variant}" if sent.variant else ""
        return SentWords(None, (f"that policy has no reply {name}{variant}",))
    facts, notes = _facts(decision, sent, line, contact)
    speaks_of = variables_of(reply)
    if facts.name is not None and "name" in speaks_of:
        notes.append("the name is the contact record's of today: decisions hold no names")
    if "line" in speaks_of:
        notes.append("the line's title is the configuration's of today")
    try:
        return SentWords(render(reply, sent.variant, facts, policy.links), tuple(notes))
    except FactMissingError as exc:
        return SentWords(None, (f"the decision does not hold {exc}, of which the text speaks",))


def _facts(
    decision: Decision, sent: Outcome, line: LineSettings | None, contact: Contact | None
) -> tuple[TextFacts, list[str]]:
    read: Mapping[str, Any] | None = decision.snapshot
    lost = set(read.get("truncated", ())) if read is not None else {"contact", "line_locale"}
    notes = []
    if read is None or "contact" in lost:
        known = {"locale": contact.locale, "time_zone": contact.time_zone} if contact else {}
        notes.append("the caller's language and zone are the contact record's of today")
    else:
        known = read.get("contact", {})
    if read is None or "line_locale" in lost:
        locale, zone = (line.locale, line.time_zone) if line is not None else ("en", "UTC")
        notes.append("the line's language and zone are the configuration's of today")
    else:
        locale, zone = read.get("line_locale", "en"), read.get("line_zone", "UTC")
    opens, wait = (_number(decision, name) for name in TEXT_FACTS)
    facts = TextFacts(
        line=(line.title if line is not None else None) or decision.line,
        name=contact.name if contact is not None else None,
        locales=(known.get("locale"), locale),
        line_zone=zone,
        caller_zone=known.get("time_zone") or zone_of(decision.caller),
        opens_at_ms=opens,
        wait_ms=wait,
        now_ms=sent.sent_at_ms or sent.at_ms,
    )
    return facts, notes


def _number(decision: Decision, name: str) -> int | None:
    value = decision.facts.get(name)
    return value if isinstance(value, int) else None
