"""Policies made ready: every fault with its place, and conditions that are refused before a call
meets them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from models.policy import read_calendar, read_policy, revision_of
from streams.policies.book import FORMER_KEPT, PolicyBook, PolicyInForce
from streams.policies.cel import EXAMPLE_FACTS, Condition, ConditionError
from streams.policies.compile import PolicyError, compile_policy
from streams.screening.decide import decide
from tests.support.facts import REPLIES, facts, policy

OFFICE = {"calendar": "office", "week": {"mon-fri": ["09:00-17:00"]}}
HOURS = {"id": "hours", "type": "quiet_hours", "calendar": "office"}
FACTS = ", ".join(EXAMPLE_FACTS)
FORMS = (
    "write a number in E.164 (+447700900123), a JID (447700900123@c.us),"
    " a prefix (+44*) or a country (GB)"
)


def faults(*rules: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(PolicyError) as refused:
        policy(*rules, **more)
    found = [(".".join(map(str, each.where)), each.message) for each in refused.value.faults]
    assert str(refused.value) == "; ".join(f"{where}: {message}" for where, message in found)
    return found


def test_every_fault_is_told_with_its_place() -> None:
    rules = (
        {"id": "first", "type": "text_first"},
        {"id": "own", "type": "expression", "condition": "strnger"},
        {"id": "nuisance", "type": "deny_list", "callers": ["US", "all of them", "+44*", "nobody"]},
        HOURS | {"calendar": "ofice"},
    )
    replies = {
        "no": {"en": "fine", "fr": "{colour}"},
        "test": {"variants": {"a": {"texts": {"de": "{upgrade_link}"}}}},
    }
    found = faults(
        *rules, replies=replies, calendars=[OFFICE, {"calendar": "night", "extends": "nihgt"}]
    )
    assert {where for where, _ in found} == {
        "rules.1.condition",
        "rules.2.callers.1",
        "rules.2.callers.3",
        "rules.3.calendar",
        "calendars.1",
        "replies.no.fr",
        "replies.test.variants.a.texts.de",
    }
    said = dict(found)
    assert said["rules.1.condition"] == f"there is no fact 'strnger'; the facts are {FACTS}"
    assert said["rules.2.callers.1"] == said["rules.2.callers.3"] == FORMS
    assert "ofice" in said["rules.3.calendar"]
    assert "nihgt" in said["calendars.1"]
    variables = "{name}, {line}, {next_opening}, {wait}, {upgrade_link}, {callback_link}"
    assert said["replies.no.fr"] == f"{{colour}} is no variable; there are {variables}"
    assert (
        said["replies.test.variants.a.texts.de"]
        == "{upgrade_link} needs links.upgrade in the policy"
    )


def test_a_policy_in_force_has_its_revision_and_its_rules_needs() -> None:
    document = {
        "line": "london",
        "rules": [
            {"id": "ward", "type": "emergency", "callers": ["US"]},
            {"id": "own", "type": "expression", "condition": "stranger"},
            HOURS,
            HOURS | {"id": "again"},
            HOURS | {"id": "nights", "calendar": "night"},
        ],
        "replies": {"up": {"en": "{upgrade_link}"}},
        "links": {"upgrade": "https://a.example/up"},
        "calendars": [OFFICE],
    }
    read = read_policy(document)
    night = read_calendar({"calendar": "night", "extends": "office"})
    made = compile_policy(read, {"night": night, "other": read_calendar({"calendar": "other"})})
    assert (made.policy, made.revision) == (read, revision_of(read))
    assert list(made.calendars) == ["office", "night"]
    assert made.conditions["own"].source == "stranger"
    assert len(made.callers["ward"]) == 1


def test_a_policys_own_calendar_hides_a_shared_one_of_its_name() -> None:
    shared = {"office": read_calendar({"calendar": "office", "week": {"sun": ["00:00-24:00"]}})}
    read = read_policy({"line": "*", "rules": [HOURS], "calendars": [OFFICE]})
    assert compile_policy(read, shared).calendars["office"].at(1_767_261_601_000, "UTC").open


# conditions


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("stranger &&", "not a CEL expression: "),
        ("", "not a CEL expression: "),
        ("strnger", f"there is no fact 'strnger'; the facts are {FACTS}"),
        ("age_ms + 1", "gives int, and must give true or false; compare it with something"),
        ("line", "gives str, and must give true or false; compare it with something"),
        ('stranger || line + 1 == "x"', ""),
        ('!stranger || line + 1 == "x"', ""),
        ("two_way && hour == 'x' + 1", ""),
        (
            "1 / agents_online > 0",
            (
                "fails where a fact has such a value"
                " (division by zero in CEL expression); ask for that"
            ),
        ),
        (
            "age_ms + 9223372036854775807 > 0",
            "fails where a fact has such a value (Arithmetic overflow",
        ),
        ("[1][hour] == 1", "fails where a fact has such a value (index out of bounds"),
        ('{"a": 1}[line] == 1', "fails where a fact has such a value ("),
    ],
)
def test_a_condition_that_cannot_be_asked_is_refused_at_once(condition: str, said: str) -> None:
    with pytest.raises(ConditionError) as refused:
        Condition(condition)
    message = str(refused.value)
    assert message.startswith(said)
    assert message.removeprefix("not a CEL expression: ") not in {"", "None"}
    assert "\n" not in message


NESTED = "[1,2,3,4,5,6,7,8].map(hour, " * 6 + "hour" + ")" * 6
COSTLY = {
    "maps in maps": f"size({NESTED}) > 0",
    "all": "[1].all(hour, hour > 0)",
    "exists": "[1].exists (hour, true)",
    "exists_one": "[1].exists_one\n(hour, true)",
    "existsOne": "[1].existsOne(hour, true)",
    "filter": "size([1].filter(hour, true)) > 0",
    "a macro behind a comment": "[1].map // (\n(hour, hour) == [1]",
    "a macro in a string, as one may think": 'r"\\" == "" || [1].all(hour, "" == "")',
    "has": "has({'a': 1}.a)",
    "times": 'timestamp("2026-01-01T00:00:00Z").getHours() == 1',
    "numbers of texts": 'string(hour) + string(hour) == "1"',
    "a repeated pattern": 'line.matches("(a{1000}){9}")',
    "a pattern of classes": r'line.matches("\\w\\w\\w\\w")',
    "a pattern of facts": "line.matches(tier)",
    "a pattern made up": 'line.matches("a" + line)',
    "a long pattern": f'line.matches("{"a" * 61}")',
    "many patterns": " && ".join(['line.matches("a")'] * 5),
}


@pytest.mark.parametrize("condition", COSTLY.values(), ids=COSTLY)
def test_a_condition_is_bounded_by_its_cost(condition: str) -> None:
    with pytest.raises(ConditionError, match=r"no function|takes a pattern|comment|times at most"):
        Condition(condition)


CHEAP = {
    "sums": "hour" + " + hour" * 280 + " > 0",
    "lists": f"hour in [{','.join(map(str, range(500)))}]",
    "ors": "group" + " || group" * 180,
    "texts": "line + " * 200 + 'line != ""',
    "patterns": " || ".join([f'line.matches("{"(a|b)*" * 8}$")'] * 4),
    "functions": "line.contains('x') || line.startsWith('x') || !line.endsWith('x')",
    "a parenthesis behind in": "hour in ([1, 10])",
}


@pytest.mark.parametrize("condition", CHEAP.values(), ids=CHEAP)
def test_what_a_condition_may_say_costs_little(condition: str) -> None:
    assert len(condition) <= 2_000
    asked = Condition(condition)
    began = time.thread_time()
    for _ in range(20):
        asked.holds(EXAMPLE_FACTS)
    assert (time.thread_time() - began) / 20 < 0.005


def test_a_condition_asks_for_the_facts_that_it_names_alone() -> None:
    condition = Condition("stranger && age_ms > 500")
    assert sorted(condition.names) == ["age_ms", "stranger"]
    assert condition.holds({"stranger": True, "age_ms": 501})
    assert not condition.holds({"stranger": True, "age_ms": 500, "line": "x"})


def test_a_condition_that_fails_when_it_is_asked_says_why() -> None:
    with pytest.raises(ConditionError, match=r"(?i)zero"):
        Condition("1 / wrote_ago_ms < 9").holds({"wrote_ago_ms": 0})
    assert Condition("agents_online > 0 && 1 / agents_online == 1").holds({"agents_online": 1})


# what the policy decides where no rule does


def test_the_policy_says_what_becomes_of_a_call_if_a_rule_fails() -> None:
    rule = {
        "id": "own",
        "type": "expression",
        "condition": "1 / wrote_ago_ms < 9",
        "reply": "slow-down",
    }
    failed = facts(last_in_ms=facts().now_ms)
    for on_error, then in (
        ("ring", "the policy lets the call ring then"),
        ("reject", "the policy rejects then"),
    ):
        taken = decide(policy(rule, on_error=on_error), failed)
        assert (taken.verdict, taken.rule, taken.reply) == (on_error, "own", None)
        assert taken.why == f"the rule failed (ConditionError); {then}"
        (trace,) = taken.rules
        assert (trace.kind, trace.why, trace.error, trace.matched) == (
            "expression",
            taken.why,
            True,
            False,
        )


# which policies a text may still quote


def revision(number: int, line: str = "*") -> PolicyInForce:
    return PolicyInForce(read_policy({"line": line, "rules": [], "replies": REPLIES}), f"r{number}")


def test_a_book_keeps_the_last_revisions_of_each_policy_once() -> None:
    book = PolicyBook({"*": revision(0), "london": revision(9, "london")})
    for number in range(1, FORMER_KEPT + 2):
        book = book.followed_by({"*": revision(number), "london": revision(9, "london")})
    assert [each.revision for each in book.former["*"]] == ["r3", "r2", "r1"]
    assert "london" not in book.former
    assert book.quoted("*", "r0") is None
    assert (kept := book.quoted("*", "r1")) is not None
    assert kept.revision == "r1"
    assert book.quoted("*", "r4") is book.for_line("paris")
    back = book.followed_by({"*": revision(2)})
    assert [each.revision for each in back.former["*"]] == ["r4", "r3", "r1"]
    assert [each.revision for each in back.former["london"]] == ["r9"]
    assert (gone := back.quoted("london", "r9")) is not None
    assert gone.revision == "r9"
    assert back.quoted("paris", "r2") is None


def test_texts_are_kept_as_long_as_the_most_patient_policy_asks() -> None:
    short, long = (policy(texts={"cooldown": each}) for each in ("1h", "2d"))
    assert PolicyBook({"*": short, "london": long}).longest_cooldown_ms == 2 * 86_400_000
    assert PolicyBook({}).longest_cooldown_ms == 0
