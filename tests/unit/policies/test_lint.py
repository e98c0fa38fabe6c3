"""What a policy says that its author cannot mean, and that what they may mean is let through."""

from __future__ import annotations

from typing import Any

import pytest

from models.patterns import CallerPattern
from streams.policies.countries import read_pattern
from streams.policies.lint import lint
from tests.support.facts import policy

OFFICE = {"calendar": "office", "week": {"mon-fri": ["09:00-17:00"]}}


def found(*rules: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    return [(".".join(map(str, each.where)), each.message) for each in lint(policy(*rules, **more))]


def test_a_calendar_without_a_week_is_doubted_unless_it_says_so() -> None:
    closed = {"calendar": "shop", "overrides": [{"date": "2026-12-25", "name": "Christmas"}]}
    rule = {"id": "hours", "type": "quiet_hours", "calendar": "shop"}
    ((where, said),) = found(rule, calendars=[closed])
    assert where == "rules.0.calendar"
    assert said.startswith(
        "the calendar 'shop' has no week, so that it is closed at all times; give it one"
    )
    assert not found(rule, calendars=[{**closed, "week": {}}])
    assert not found(rule, calendars=[{**closed, "extends": "office"}, OFFICE])
    assert not found(
        rule,
        calendars=[
            {"calendar": "shop", "overrides": [{"date": "2026-12-25", "hours": ["09:00-12:00"]}]}
        ],
    )
    assert not found(calendars=[closed]), "no rule reads it"


def test_a_reply_may_only_speak_of_what_its_rule_knows() -> None:
    first = {"id": "first", "type": "text_first", "reply": "open"}
    hours = {"id": "hours", "type": "quiet_hours", "calendar": "office", "reply": "open"}
    desk = {"id": "desk", "type": "presence", "busy_reply": "busy", "queue_reply": "busy"}
    replies = {
        "open": {"en": "We open {next_opening}."},
        "busy": {"en": "{line} is busy. It takes {wait}."},
    }
    knows = "which only the reply of a quiet_hours rule knows"
    assert found(first, hours, desk, replies=replies, calendars=[OFFICE]) == [
        ("rules.0.reply", f"the reply 'open' speaks of {{next_opening}}, {knows}"),
        (
            "rules.2.busy_reply",
            (
                "the reply 'busy' speaks of {wait},"
                " which only the queue_reply of a presence rule knows"
            ),
        ),
    ]
    experiment = {
        "variants": {"a": {"texts": {"en": "Soon."}}, "b": {"texts": {"en": "In {wait}."}}}
    }
    assert [
        where for where, _ in found({**first, "reply": "test"}, replies={"test": experiment})
    ] == ["rules.0.reply"]


def test_a_country_that_is_none_is_doubted() -> None:
    rules = (
        {"id": "home", "type": "country", "only": ["IE", "UK"]},
        {"id": "away", "type": "country", "reject": ["XX"]},
        {"id": "nuisance", "type": "deny_list", "callers": ["+44*", "GB", "EN"]},
    )
    assert found(*rules) == [
        (
            "rules.0.only.1",
            (
                "no country with telephone numbers has the code UK (did you mean GB?);"
                " use ISO 3166-1, such as GB"
            ),
        ),
        (
            "rules.1.reject.0",
            "no country with telephone numbers has the code XX; use ISO 3166-1, such as GB",
        ),
        (
            "rules.2.callers.2",
            (
                "no country with telephone numbers has the code EN (did you mean GB?);"
                " use ISO 3166-1, such as GB"
            ),
        ),
    ]
    assert read_pattern("IT") == CallerPattern("country", "IT")
    with pytest.raises(ValueError, match="E\\.164"):
        read_pattern("nobody")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"type": "emergency"}, "nobody may be held out of an emergency rule"),
        ({"type": "deny_list"}, "nobody may be held out of a deny_list rule"),
        ({"type": "recording_bridge"}, "nobody may be held out of a recording_bridge rule"),
        ({"type": "burst"}, "nobody may be held out of a burst rule"),
        ({"type": "storm"}, "nobody may be held out of a storm rule"),
        ({"type": "allow_list"}, "nobody may be held out of an allow_list rule"),
        ({"type": "urgent_repeat"}, "nobody may be held out of an urgent_repeat rule"),
        ({"type": "text_first", "mode": "shadow"}, "a rule in shadow rejects nobody"),
        (
            {"type": "expression", "condition": "stranger", "then": "queue"},
            "a holdout measures rejects, and this rule's verdict is queue",
        ),
    ],
)
def test_a_holdout_that_must_not_or_cannot_be_is_refused(rule: dict[str, Any], said: str) -> None:
    ((where, message),) = found({"id": "r", "holdout": 0.1, **rule})
    assert where == "rules.0.holdout"
    assert message.startswith(said)
    assert not found({"id": "r", **rule})


def test_a_holdout_of_a_rule_that_rejects_is_let_through() -> None:
    for rule in (
        {"type": "text_first"},
        {"type": "vip_only", "tiers": ["gold"]},
        {"type": "country", "only": ["GB"]},
        {"type": "media", "reject": ["video"]},
        {"type": "presence"},
        {"type": "quiet_hours", "calendar": "office"},
        {"type": "expression", "condition": "stranger"},
    ):
        assert not found({"id": "r", "holdout": 0.1, **rule}, calendars=[OFFICE])
