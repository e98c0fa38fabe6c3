"""Who is meant: the one canonical identity of a person whom a payload names in several ways."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers

from models.identity import Jid, JidKind
from models.numbers import number_forms
from streams.gateways.dialect.envelope import name

Link = tuple[object, object]
"""Two raw JIDs that the payload gives for one person; either may be missing."""

_BARE: Final = re.compile(r"\+?[1-9][0-9]{4,19}")
_NO_NUMBER: Final = 14


@dataclass(frozen=True, slots=True)
class Person:
    """A canonical JID and the other canonical JIDs of the same person."""

    jid: str
    known_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Party:
    """What deciding who is meant needs of one JID, worked out once."""

    canonical: str
    kind: JidKind
    user: str

    @property
    def is_person(self) -> bool:
        """Whether it names one person, by phone number or LID."""
        return self.kind in {"phone", "lid"}


@lru_cache(maxsize=8192)
def parsed(raw: str) -> Party | None:
    """The JID, or None where it is none.

    Digits without a server are a number's. A number that no country can have is a LID that an
    engine took for one (Baileys, issue 1031). Kept, for the same callers and own numbers come again
    and again.
    """
    try:
        jid = Jid.parse(f"{raw.removeprefix('+')}@c.us" if _BARE.fullmatch(raw) else raw)
    except ValueError:
        return None
    if jid.kind == "phone" and is_lid_in_disguise(jid.user):
        return Party(f"{jid.user}@lid", "lid", jid.user)
    return Party(jid.canonical, jid.kind, jid.user)


def is_lid_in_disguise(digits: str) -> bool:
    """Whether digits that stand for a phone number are those of a LID.

    A LID has 13 digits or more, and hardly any number 14. Where some country may have numbers of
    this form it cannot be seen, only remembered: see ``Callers.settle``.
    """
    return len(digits) >= _NO_NUMBER and not any(map(_is_possible, number_forms(digits)))


def _is_possible(digits: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return False


def party(value: object) -> Party | None:
    """The JID in a payload's field, or None where there is none."""
    raw = name(value)
    return parsed(raw) if raw is not None else None


def own_jids(me: Mapping[str, object]) -> frozenset[str]:
    """The canonical JIDs of the line's own account, as ``me`` gives them."""
    return _own(name(me.get("id")), name(me.get("lid")), name(me.get("jid")))


@lru_cache(maxsize=1024)
def _own(*raw: str | None) -> frozenset[str]:
    found = (parsed(each) for each in raw if each is not None)
    return frozenset(each.canonical for each in found if each is not None)


def identify(who: Party, links: Iterable[Link], own: frozenset[str]) -> Person:
    """One person out of a JID and what else the payload says of them.

    The phone JID is the canonical one wherever it is known, else the LID. A link counts only if one
    of its ends is known to be this person, so that another participant's number never slips in, nor
    the line's own. A phone number with a LID's digits is no phone number: an engine has taken the
    LID for one.
    """
    known = {who.canonical: who}
    for one, other in links:
        ends = [end for end in (party(one), party(other)) if end is not None]
        if any(end.canonical in known for end in ends):
            known.update(
                (end.canonical, end) for end in ends if end.is_person and end.canonical not in own
            )
    if len(known) == 1:
        return Person(who.canonical)
    lids = {each.user for each in known.values() if each.kind == "lid"}
    kept = [key for key, each in known.items() if each.kind == "lid" or each.user not in lids]
    phones = [key for key in kept if known[key].kind == "phone"]
    best = who.canonical if who.canonical in phones else (phones or kept)[0]
    return Person(best, tuple(key for key in kept if key != best))
