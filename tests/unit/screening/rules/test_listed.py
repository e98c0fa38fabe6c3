"""What only a caller's own client wrote: it grants nothing, and denies as well as ever."""

from __future__ import annotations

from typing import Any

import pytest

from models.contacts import IdentityLink
from models.overrides import CallerBlock, ListEntry
from models.records import Reference
from streams.screening.decide import decide
from tests.support.facts import NOW_MS, contact, facts, knowing, offer, policy

LID, VICTIM, VICTIM_LID = "900000000000143@lid", "447700900999@c.us", "900000000000777@lid"


def verdict(
    *rules: dict[str, Any], known: tuple[Reference, ...] = (), **call: Any
) -> tuple[str, str | None]:
    claiming = offer(caller=LID, caller_raw=LID, caller_claims=(VICTIM,), **call)
    taken = decide(policy(*rules), facts(claiming, known=knowing(*known)))
    return taken.verdict, taken.rule


def entry(name: str, pattern: str) -> ListEntry:
    return ListEntry(list=name, pattern=pattern, author="mia", added_at_ms=NOW_MS - 1)


def block(caller: str, at_ms: int, until_ms: int) -> CallerBlock:
    return CallerBlock(caller=caller, line="*", until_ms=until_ms, author="mia", at_ms=at_ms)


VIP = {"id": "vip", "type": "vip_only", "tiers": ["gold"]}
ALLOW = {"id": "friends", "type": "allow_list"}
DENY = {"id": "nuisance", "type": "deny_list"}
ALL_DENIED = {"id": "all", "type": "country", "only": ["IE"], "unknown": "reject"}


@pytest.mark.parametrize("pattern", [VICTIM, "+4477*", "GB", VICTIM_LID])
@pytest.mark.parametrize("name", ["allow", "emergency"])
def test_a_claimed_number_is_on_no_list_that_lets_ring(name: str, pattern: str) -> None:
    rule = ALLOW if name == "allow" else {"id": "help", "type": "emergency"}
    link = IdentityLink(alias=VICTIM_LID, caller=VICTIM, source="payload", at_ms=1)
    assert verdict(rule, VIP, known=(entry(name, pattern), link)) == ("reject", "vip")
    own = rule | {"callers": [pattern]}
    assert verdict(own, VIP, known=(link,)) == ("reject", "vip")


def test_a_claimed_number_borrows_no_contact_record() -> None:
    assert verdict(VIP, known=(contact(VICTIM, tier="gold"),)) == ("reject", "vip")
    shown = facts(
        offer(caller=LID, caller_claims=(VICTIM,)), known=knowing(contact(VICTIM, tier="gold"))
    )
    assert (shown.tier, shown.stranger, shown.country, shown.caller_zone) == (
        None, True, None, None,
    )  # fmt: skip
    assert shown.scalars()["claims_other_identity"] is True


@pytest.mark.parametrize("pattern", [VICTIM, "+4477*", "GB", VICTIM_LID])
def test_a_claimed_number_is_on_the_list_that_rejects(pattern: str) -> None:
    link = IdentityLink(alias=VICTIM_LID, caller=VICTIM, source="payload", at_ms=1)
    assert verdict(DENY, known=(entry("deny", pattern), link)) == ("reject", "nuisance")
    assert verdict(DENY | {"callers": [pattern]}, known=(link,)) == ("reject", "nuisance")
    assert verdict(DENY) == ("ring", None)


def test_a_block_by_hand_counts_for_who_claims_to_be_blocked() -> None:
    assert verdict(known=(block(VICTIM, NOW_MS - 1, NOW_MS + 1),)) == ("reject", None)
    # nor does it help to name somebody who was let in again
    blocked = block(LID, NOW_MS - 9, NOW_MS + 1)
    assert verdict(known=(blocked, block(VICTIM, NOW_MS - 1, 0))) == ("reject", None)
    assert verdict(known=(blocked, block(LID, NOW_MS - 1, 0))) == ("ring", None)


def test_a_claimed_country_rejects_and_lets_nobody_ring() -> None:
    foreign = {"id": "home", "type": "country", "only": ["IE"]}
    assert verdict(foreign) == ("reject", "home")
    home = {"id": "home", "type": "country", "only": ["GB"], "unknown": "reject"}
    assert verdict(home) == ("reject", "home")
    assert verdict(home | {"unknown": "ring"}) == ("ring", None)


@pytest.mark.parametrize("group", [False, True])
def test_a_call_that_says_it_is_a_groups_meets_the_lists(*, group: bool) -> None:
    """The caller's client says so, and would pass by every rule."""
    assert verdict(DENY, known=(entry("deny", LID),), group=group) == ("reject", "nuisance")
    allowed = (entry("deny", LID), entry("allow", LID))
    assert verdict(ALLOW, DENY, known=allowed, group=group) == ("ring", "friends")


def test_an_alias_that_messages_gave_away_is_not_the_contacts() -> None:
    """The envelope of a message ranks above what a contact record says."""
    theirs = IdentityLink(alias=VICTIM_LID, caller="447700900555@c.us", source="payload", at_ms=1)
    record = contact(VICTIM, aliases=(VICTIM_LID,))
    deny = DENY | {"callers": [VICTIM_LID]}
    for known, rule in (((record,), "nuisance"), ((record, theirs), None)):
        taken = decide(policy(deny), facts(offer(caller=VICTIM), known=knowing(*known)))
        assert taken.rule == rule
