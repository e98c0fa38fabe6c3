"""What is known of a caller under all the caller's names, and of the blocks that people took
back."""

from __future__ import annotations

import pytest

from models.decisions import Block
from models.overrides import CallerBlock, LineSwitch, ListEntry
from streams.screening.decide import decide
from streams.screening.recent_calls import RecentCalls, blocked
from tests.support.facts import NOW_MS, contact, facts, knowing, offer, policy

LID = "900000000000143@lid"
BRITISH = "442079460123@c.us"
"""A number of London; a British mobile number alone says no zone, for it may be one of Guernsey."""
BLOCKED = blocked(
    RecentCalls(), "london", Block(until_ms=NOW_MS + 60_000, strikes=1), NOW_MS - 1_000, 1_000
)


def test_a_lid_caller_has_country_and_zone_of_the_known_number() -> None:
    known = facts(offer(caller=LID, caller_known_as=(BRITISH,)))
    assert (known.country, known.caller_zone) == ("GB", "Europe/London")
    alone = facts(offer(caller=LID))
    assert (alone.country, alone.caller_zone) == (None, None)
    told = contact(BRITISH, time_zone="Asia/Kolkata")
    assert facts(offer(caller=BRITISH), known=knowing(told)).caller_zone == "Asia/Kolkata"
    silent = knowing(contact(BRITISH))
    assert facts(offer(caller=BRITISH), known=silent).caller_zone == "Europe/London"


@pytest.mark.parametrize(
    ("at_ms", "until_ms", "who", "stands"),
    [
        (NOW_MS - 1_000, 0, BRITISH, False),
        (NOW_MS - 1_001, 0, BRITISH, True),
        (NOW_MS - 500, 0, LID, False),
        (NOW_MS - 500, NOW_MS - 1, BRITISH, True),
    ],
)
def test_a_block_stands_until_all_that_had_begun_are_undone(
    at_ms: int, until_ms: int, who: str, *, stands: bool
) -> None:
    word = CallerBlock(caller=who, line="london", until_ms=until_ms, author="mia", at_ms=at_ms)
    known = facts(
        offer(caller=BRITISH, caller_known_as=(LID,)), recent=BLOCKED, known=knowing(word)
    )
    begun_ms = known.block["begun_ms"] if known.block is not None else None
    assert begun_ms == (BLOCKED.blocks[0].begun_ms if stands else None)


def test_an_entry_for_this_line_means_its_callers() -> None:
    entry = ListEntry(
        list="deny", pattern="US", lines=("london",), author="mia", added_at_ms=NOW_MS
    )
    assert facts(known=knowing(entry)).entry("deny") == {
        "entry": entry.entry_id,
        "at_ms": NOW_MS,
    }
    assert facts(offer(line="paris"), known=knowing(entry)).entry("deny") is None


def test_a_contact_record_adds_to_the_facts_and_takes_none_away() -> None:
    without, known = facts().scalars(), facts(known=knowing(contact(tier="gold"))).scalars()
    assert known == without | {"stranger": False, "tier": "gold", "contact_age_ms": 60_000}


def test_a_switch_is_on_record_beside_the_calendar_that_it_beats() -> None:
    switch = LineSwitch(line="london", state="closed", author="mia", at_ms=NOW_MS - 5)
    rule = {"id": "hours", "type": "quiet_hours", "calendar": "office"}
    taken = decide(
        policy(rule, calendars=[{"calendar": "office", "week": {}}]), facts(known=knowing(switch))
    )
    assert taken.facts.items() >= {
        ("line_switch", "closed"),
        ("line_switch_age_ms", 5),
        ("calendar", "office"),
        ("calendar_zone", "UTC"),
    }
