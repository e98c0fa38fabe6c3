"""Rules about who calls: emergencies, lists, tiers, countries, kinds of call, and what limits a
rule."""

from __future__ import annotations

from typing import Any

import pytest

from models.overrides import CallerBlock, ListEntry
from models.topics import CONTACTS
from streams.screening.decide import decide
from streams.views.views import Views
from tests.support.facts import NOW_MS, contact, facts, knowing, offer, policy

TEXT_FIRST = {"id": "text-first", "type": "text_first", "reply": "text-first"}
ALLOW = {"id": "friends", "type": "allow_list"}
DENY = {"id": "nuisance", "type": "deny_list", "reply": "slow-down"}
VIP = {"id": "vip", "type": "vip_only", "tiers": ["gold", "platinum"], "reply": "text-first"}
CALLER = "12025550143@c.us"


def entry(pattern: str = CALLER, name: str = "deny", **more: Any) -> ListEntry:
    return ListEntry(list=name, pattern=pattern, author="mia", added_at_ms=NOW_MS - 5_000, **more)


def block(until_ms: int, **more: Any) -> CallerBlock:
    given: dict[str, Any] = {
        "caller": CALLER,
        "line": "london",
        "author": "mia",
        "at_ms": NOW_MS - 1000,
    }
    return CallerBlock(until_ms=until_ms, **given | more)


# lists


@pytest.mark.parametrize("pattern", [CALLER, "+1202*", "+12025550143*", "US"])
def test_a_denied_caller_is_rejected_however_the_entry_is_given(pattern: str) -> None:
    taken = decide(policy(DENY), facts(known=knowing(entry(pattern, reason="robocalls"))))
    assert (taken.verdict, taken.rule, taken.reply) == ("reject", "nuisance", "slow-down")
    assert taken.why == "on the list deny: robocalls"
    assert taken.facts["list_entry"] == f"deny/{entry(pattern).entry_id}"
    assert taken.facts["list_entry_age_ms"] == 5_000
    assert CALLER[:6] not in str(taken.facts)


@pytest.mark.parametrize(
    "other",
    [
        entry("12025550144@c.us"),
        entry("+1203*"),
        entry("GB"),
        entry(name="allow"),
        entry(lines=("paris",)),
        entry(expires_at_ms=NOW_MS),
        entry("12025550143@lid"),
    ],
)
def test_an_entry_that_means_another_call_does_nothing(
    other: ListEntry,
) -> None:
    assert decide(policy(DENY), facts(known=knowing(other))).verdict == "ring"


def test_an_entry_counts_until_the_last_millisecond() -> None:
    assert (
        decide(policy(DENY), facts(known=knowing(entry(expires_at_ms=NOW_MS + 1)))).verdict
        == "reject"
    )


def test_an_entry_that_was_removed_is_gone() -> None:
    known = knowing(entry("+1202*"), entry("US"))
    known.overrides.apply(entry("+1202*").key.encode(), None)
    assert (
        decide(policy(DENY), facts(known=known)).facts["list_entry"]
        == f"deny/{entry('US').entry_id}"
    )
    known.overrides.apply(entry("US").key.encode(), None)
    assert decide(policy(DENY), facts(known=known)).verdict == "ring"


def test_the_most_exact_entry_is_quoted() -> None:
    known = knowing(entry("US"), entry("+12*"), entry("+120255*"), entry(CALLER))
    assert (
        decide(policy(DENY), facts(known=known)).facts["list_entry"]
        == f"deny/{entry(CALLER).entry_id}"
    )


def test_an_alias_of_the_caller_is_the_caller() -> None:
    call = offer(
        caller="900000000000143@lid", caller_raw="900000000000143@lid", caller_known_as=(CALLER,)
    )
    assert decide(policy(DENY), facts(call, known=knowing(entry()))).verdict == "reject"
    known = knowing(entry(), contact("900000000000143@lid", aliases=(CALLER,)))
    alone = offer(caller="900000000000143@lid", caller_raw="900000000000143@lid")
    assert decide(policy(DENY), facts(alone, known=known)).verdict == "reject"


def test_an_allowed_caller_rings_whatever_comes_after() -> None:
    taken = decide(policy(ALLOW, TEXT_FIRST), facts(known=knowing(entry(name="allow"))))
    assert (taken.verdict, taken.rule, [trace.rule for trace in taken.rules]) == (
        "ring",
        "friends",
        ["friends"],
    )
    behind = decide(policy(TEXT_FIRST, ALLOW), facts(known=knowing(entry(name="allow"))))
    assert behind.verdict == "reject"


def test_callers_named_in_the_policy_need_no_list() -> None:
    taken = decide(policy(DENY | {"callers": ["+1 202 555-0143"]}), facts())
    assert (taken.verdict, taken.facts["list_entry"]) == ("reject", "policy/jid")
    assert "2025550143" not in taken.why


# emergencies and blocks by hand


def test_an_emergency_rings_wherever_its_rule_stands() -> None:
    rule = {"id": "ward", "type": "emergency", "callers": ["+12025550143"]}
    known = knowing(block(NOW_MS + 60_000), entry())
    taken = decide(policy(DENY, TEXT_FIRST, rule), facts(known=known))
    assert (taken.verdict, taken.rule, len(taken.rules)) == ("ring", "ward", 1)
    listed = decide(
        policy(DENY, rule | {"callers": []}), facts(known=knowing(entry(), entry(name="emergency")))
    )
    assert listed.verdict == "ring"


@pytest.mark.parametrize(
    ("until_ms", "verdict"), [(NOW_MS + 1, "reject"), (NOW_MS, "ring"), (0, "ring")]
)
@pytest.mark.parametrize("line", ["london", "*"])
def test_a_block_by_hand_rejects_whatever_the_rules_say(
    until_ms: int, verdict: str, line: str
) -> None:
    known = knowing(block(until_ms, line=line, reason="threats"), entry(name="allow"))
    taken = decide(policy(ALLOW), facts(known=known))
    assert taken.verdict == verdict
    if verdict == "reject":
        assert (taken.rule, taken.why, taken.reply) == (None, "blocked by mia: threats", None)
        assert taken.facts["blocked_until_ms"] == until_ms


def test_the_newest_block_or_unblock_counts_on_its_line() -> None:
    older, newer = block(NOW_MS + 60_000), block(0, line="*", at_ms=NOW_MS - 10)
    assert decide(policy(), facts(known=knowing(older, newer))).verdict == "ring"
    assert (
        decide(policy(), facts(known=knowing(block(NOW_MS + 60_000, line="paris")))).verdict
        == "ring"
    )


# tiers


@pytest.mark.parametrize(
    ("tier", "verdict"),
    [("gold", "ring"), ("platinum", "ring"), ("silver", "reject"), (None, "reject")],
)
def test_only_the_tiers_named_may_ring(tier: str | None, verdict: str) -> None:
    taken = decide(policy(VIP), facts(known=knowing(contact(tier=tier))))
    assert taken.verdict == verdict
    assert (taken.facts["tier"], taken.facts["contact_age_ms"]) == (tier, 60_000)


def test_a_caller_without_a_contact_record_is_no_vip() -> None:
    taken = decide(policy(VIP), facts())
    assert (taken.verdict, taken.reply) == ("reject", "text-first")
    assert taken.why == "no contact record, and the line is for gold, platinum"


def unreadable() -> Views:
    known = Views.empty()
    assert known.contacts.topic is CONTACTS
    known.contacts.apply(CALLER.encode(), b"no json")
    return known


def test_an_unreadable_contact_is_an_error_for_the_policy() -> None:
    taken = decide(policy(VIP), facts(known=unreadable()))
    assert (taken.verdict, taken.rules[0].error, taken.facts["contact_unreadable"]) == (
        "ring",
        True,
        True,
    )
    strict = decide(policy(VIP, on_error="reject"), facts(known=unreadable()))
    assert (strict.verdict, strict.rule, strict.reply) == ("reject", "vip", None)


# countries and kinds of call


@pytest.mark.parametrize(
    ("rule", "caller", "verdict"),
    [
        ({"only": ["US"]}, CALLER, "ring"),
        ({"only": ["GB", "IE"]}, CALLER, "reject"),
        ({"reject": ["US"]}, CALLER, "reject"),
        ({"reject": ["GB"]}, CALLER, "ring"),
        ({"only": ["US"]}, "900000000000143@lid", "ring"),
        ({"only": ["US"], "unknown": "reject"}, "900000000000143@lid", "reject"),
    ],
)
def test_countries(rule: dict[str, Any], caller: str, verdict: str) -> None:
    taken = decide(
        policy({"id": "where", "type": "country", **rule}),
        facts(offer(caller=caller, caller_raw=caller)),
    )
    assert taken.verdict == verdict
    assert taken.facts["country"] == ("US" if caller == CALLER else None)


@pytest.mark.parametrize(
    ("reject", "media", "group", "verdict"),
    [
        (["video"], "video", False, "reject"),
        (["video"], "voice", False, "ring"),
        (["group"], "voice", True, "reject"),
        (["group"], "video", False, "ring"),
        (["video"], "video", True, "ring"),
        (["video", "group"], "video", True, "reject"),
    ],
)
def test_kinds_of_call(*, reject: list[str], media: str, group: bool, verdict: str) -> None:
    rule = {"id": "kind", "type": "media", "reject": reject, "reply": "text-first"}
    taken = decide(policy(rule), facts(offer(media=media, group=group)))
    assert taken.verdict == verdict
    assert taken.reply == ("text-first" if verdict == "reject" and not group else None)


def test_only_lists_and_media_rules_look_at_a_group_call() -> None:
    taken = decide(policy(TEXT_FIRST, DENY), facts(offer(group=True)))
    assert (taken.verdict, [trace.rule for trace in taken.rules]) == ("ring", [DENY["id"]])
    assert taken.why == "a group call: only lists and media rules look at it"
    taken = decide(policy(TEXT_FIRST, DENY), facts(offer(group=True), known=knowing(entry())))
    assert (taken.verdict, taken.rule, taken.reply) == ("reject", DENY["id"], None)


# limits of a rule


@pytest.mark.parametrize(
    ("when", "verdict"),
    [
        ({"lines": ["london"]}, "reject"),
        ({"lines": ["paris"]}, "ring"),
        ({"tiers": ["silver"]}, "reject"),
        ({"tiers": ["gold"]}, "ring"),
        ({"callers": "known"}, "reject"),
        ({"callers": "strangers"}, "ring"),
        ({"media": "voice"}, "reject"),
        ({"media": "video"}, "ring"),
        ({"lines": ["london"], "tiers": ["gold"]}, "ring"),
    ],
)
def test_a_rule_can_be_limited(when: dict[str, Any], verdict: str) -> None:
    known = knowing(contact(tier="silver"))
    taken = decide(policy(TEXT_FIRST | {"when": when}), facts(known=known))
    assert taken.verdict == verdict
    assert taken.rules[0].matched is (verdict == "reject")
    if verdict == "ring":
        assert taken.rules[0].why.startswith("only for ")


def test_a_rule_not_meant_for_the_call_is_not_why_it_rings() -> None:
    rules = ({"id": "burst", "type": "burst"}, TEXT_FIRST | {"when": {"media": "video"}})
    assert decide(policy(*rules), facts()).why == "1 of 3 calls within 60 s"
    assert decide(policy(rules[1]), facts()).why == "no rule applies"


def test_a_stranger_has_neither_contact_nor_message() -> None:
    rule = policy(TEXT_FIRST | {"within": "1s", "when": {"callers": "strangers"}})
    assert decide(rule, facts()).verdict == "reject"
    assert decide(rule, facts(last_out_ms=1)).verdict == "reject"
    assert decide(rule, facts(last_in_ms=1)).verdict == "ring"
    assert decide(rule, facts(known=knowing(contact()))).verdict == "ring"
