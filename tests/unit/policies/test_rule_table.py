"""The table of rules for people who write policies."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from models.policy import RULE_TYPES, Name, Rule, TimeOfDay
from streams.policies.rule_table import rule_table


def rows(*starts_with: str) -> list[str]:
    start = "".join(f"| {each} " for each in starts_with)
    return [each for each in rule_table().splitlines() if each.startswith(start)]


def test_every_rule_is_there_with_what_it_does() -> None:
    overview, _, _ = rule_table().partition("\n\n")
    assert [each.split("`")[1] for each in overview.splitlines()[2:]] == list(RULE_TYPES)
    assert rows("`storm`")[0] == (
        "| `storm` | Reject strangers, without a text, while many different ones call one line "
        "at once. |  |  |"
    )


def test_replies_are_named_with_the_variables_of_their_own() -> None:
    assert rows("`quiet_hours`")[0].endswith("| `reply` | `{next_opening}` in `reply` |")
    assert rows("`presence`")[0].endswith(
        "| `reply`, `busy_reply`, `queue_reply` | `{wait}` in `queue_reply` |"
    )


@pytest.mark.parametrize(
    ("rule", "parameter", "value", "default"),
    [
        ("burst", "within", "a duration, at least 1s, at most 1d", "`1m`"),
        ("burst", "block", "a duration, at most 30d", "`15m`"),
        ("burst", "calls", "a whole number, at least 2, at most 100", "`3`"),
        ("burst", "on_gateway", "true or false", "`false`"),
        ("storm", "calm", "a number, above 0, at most 1", "`0.5`"),
        ("vip_only", "tiers", "a list; each a name", "must be given"),
        ("allow_list", "callers", "a list; each a caller, a prefix or a country", "none"),
        ("country", "only", "a list; each a country, such as `GB`", "none"),
        ("expression", "condition", "text", "must be given"),
        ("expression", "then", "`ring` or `reject` or `queue`", "`reject`"),
    ],
)
def test_a_parameter_has_its_values_and_its_default(
    rule: str, parameter: str, value: str, default: str
) -> None:
    (row,) = rows(f"`{rule}`", f"`{parameter}`")
    assert row.startswith(f"| `{rule}` | `{parameter}` | {value} | {default} | ")


def test_markup_of_docstrings_becomes_that_of_tables() -> None:
    (row,) = rows("`expression`", "`condition`")
    assert row.endswith('| True where the rule applies: `media == "video" && hour >= 20`. |')


@checked(frozen=True, slots=True, kw_only=True)
class MadeUpRule(Rule):
    """Knows a parameter of two kinds, and one that nothing explains."""

    type: Literal["made_up"] = "made_up"
    size: int | str = 1
    """Either."""
    calls: int = 1


def test_a_parameter_without_a_docstring_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULE_TYPES, "made_up", MadeUpRule)
    with pytest.raises(ValueError, match="the parameter calls of the rule made_up"):
        rule_table()


@checked(frozen=True, slots=True, kw_only=True)
class NightRule(Rule):
    """Knows the night."""

    type: Literal["night"] = "night"
    from_: Annotated[TimeOfDay, Field(alias="from")] = "22:00"
    """When it begins."""
    until: TimeOfDay = Field("06:00", alias="to")
    """When it ends."""
    zone: Name = Field(alias="of")
    """Whose night."""
    porter: Annotated[Name | None, Field(alias="by")] = None
    """Who is there."""


def test_a_parameter_stands_as_policies_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULE_TYPES, "night", NightRule)
    assert rows("`night`")[1:] == [
        "| `night` | `from` | a time of day, such as `22:00` | `22:00` | When it begins. |",
        "| `night` | `to` | a time of day, such as `22:00` | `06:00` | When it ends. |",
        "| `night` | `of` | a name | must be given | Whose night. |",
        "| `night` | `by` | a name | none | Who is there. |",
    ]
