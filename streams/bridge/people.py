"""Who is meant: the one canonical identity of a person whom a payload names in several ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from models.identity import Jid
from streams.bridge.envelope import name

Link = tuple[object, object]
"""Two raw JIDs that the payload gives for one person; either may be missing."""


@dataclass(frozen=True, slots=True)
class Person:
    """A canonical JID and the other canonical JIDs of the same person."""

    jid: str
    known_as: tuple[str, ...] = ()


@lru_cache(maxsize=8192)
def parsed(raw: str) -> Jid | None:
    """The JID, or None where it is none; kept, for the same callers and own numbers come again and again."""
    try:
        return Jid.parse(raw)
    except ValueError:
        return None


def jid_of(value: object) -> Jid | None:
    """The JID in a payload's field, or None where there is none."""
    raw = name(value)
    return parsed(raw) if raw is not None else None


def own_jids(me: dict[str, object]) -> frozenset[str]:
    """The canonical JIDs of the line's own account, as ``me`` gives them."""
    return frozenset(
        jid.canonical for jid in (jid_of(me.get(field)) for field in ("id", "lid", "jid")) if jid is not None
    )


def identify(jid: Jid, links: Iterable[Link], own: frozenset[str]) -> Person:
    """One person out of a JID and what else the payload says of them.

    The phone JID is the canonical one wherever it is known, else the LID. A link counts only if one
    of its ends is known to be this person, so that another participant's number never slips in, nor
    the line's own. A phone number with a LID's digits is no phone number: an engine has taken the
    LID for one.
    """
    known = {jid.canonical: jid}
    for one, other in links:
        ends = [end for end in (jid_of(one), jid_of(other)) if end is not None and _may_be(end, own)]
        if any(end.canonical in known for end in ends):
            known.update((end.canonical, end) for end in ends)
    if len(known) == 1:
        return Person(jid.canonical)
    lids = {each.user for each in known.values() if each.kind == "lid"}
    known = {key: each for key, each in known.items() if each.kind == "lid" or each.user not in lids}
    best = jid.canonical
    if best not in known or jid.kind == "lid":
        best = next((key for key, each in known.items() if each.kind == "phone"), next(iter(known)))
    return Person(best, tuple(key for key in known if key != best))


def _may_be(jid: Jid, own: frozenset[str]) -> bool:
    return jid.kind in {"phone", "lid"} and jid.canonical not in own
