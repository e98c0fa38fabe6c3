"""Words a text for one caller: the decision's reply, filled with what is known now."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from models.codec import UndecodableError
from models.commands import SendText
from models.contacts import Contact
from streams.policies.templates import FactMissingError, TextFacts, render
from streams.sink.context import Ended
from streams.views.phone_numbers import zone_of
from streams.views.views import Views


@dataclass(frozen=True, slots=True)
class LineVoice:
    """How the configuration has a line speak."""

    title: str
    locale: str = "en"
    time_zone: str = "UTC"


def text_body(known: Views, line: LineVoice, command: SendText, now_ms: int) -> str | Ended:
    """The text, or how the command ends without one.

    The policy is the revision that the command quotes, where that is still known: what was decided
    is said. Else it is the one in force, if it has the reply (and variant).
    """
    book = known.policies.book
    policy = (
        book.quoted(command.policy, command.policy_revision) or book.for_line(command.line)
    ).policy
    reply = policy.replies.get(command.reply)
    try:
        text = (
            render(reply, command.variant, _facts(known, line, command, now_ms), policy.links)
            if reply
            else None
        )
    except FactMissingError:
        return Ended(result="suppressed", reason="fact-missing", at_ms=now_ms)
    return (
        text
        if text is not None
        else Ended(result="failed", reason="reply-not-in-policy", at_ms=now_ms)
    )


def _facts(known: Views, line: LineVoice, command: SendText, now_ms: int) -> TextFacts:
    contact = _contact(known, command.caller)
    return TextFacts(
        line=line.title,
        name=contact.name if contact else None,
        locales=(contact.locale if contact else None, line.locale),
        line_zone=line.time_zone,
        caller_zone=_zone(contact, command.caller),
        opens_at_ms=command.values.get("opens_at_ms"),
        wait_ms=command.values.get("wait_ms"),
        now_ms=now_ms,
    )


def _contact(known: Views, caller: str) -> Contact | None:
    try:
        return known.contacts.of_any(known.identities.names_of(caller))
    except UndecodableError:
        return None  # as if there were none: the text can do without


def _zone(contact: Contact | None, caller: str) -> str | None:
    """The caller's zone: of the contact record, else of the number where that has one zone only."""
    if contact is not None and contact.time_zone is not None and _is_zone(contact.time_zone):
        return contact.time_zone
    numbers = (caller, *(contact.aliases if contact else ()))
    return next(
        (zone for zone in map(zone_of, numbers) if zone is not None and _is_zone(zone)), None
    )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
