from __future__ import annotations

from typing import Any

from models.attrition import AttritionEvent
from streams.report.attrition_sentences import by_reply, by_rule, ways
from tests.support.records import T0
from tests.support.reports import DAY_MS, HOUR_MS, closed, figures_of, opened, returned


def gone(who: str, horizon_ms: int) -> list[AttritionEvent]:
    return [opened(who, T0), closed(who, T0, horizon_ms, "gone")]


def back(who: str, horizon_ms: int) -> list[AttritionEvent]:
    more: dict[str, Any] = {"what": "wrote", "after_ms": 9}
    return [
        opened(who, T0),
        returned(who, T0, "wrote", 9),
        closed(who, T0, horizon_ms, "returned", **more),
    ]


def test_back_by_the_shortest_and_left_by_the_longest_horizon() -> None:
    events = [*back("a", HOUR_MS), *gone("b", HOUR_MS), closed("b", T0, 2 * HOUR_MS, "gone")]
    (said,) = by_rule(figures_of(events))
    assert said == (
        "Of 2 callers rejected by hours, 50 % were back within 1 h; of the 1 whose 2 h are over,"
        " 100 % left."
    )


def test_an_open_horizon_makes_nobody_leave() -> None:
    events = [opened("a", T0), opened("b", T0), returned("b", T0, "rang", 9)]
    found = figures_of(events)
    (said,) = by_reply(found)
    assert said.endswith("with the reply closed, 1 came back so far; no horizon has closed yet.")
    assert list(ways(found))[-1].startswith("No horizon has closed yet, so that nobody is said to")


def test_what_nobody_can_tell_is_no_loss() -> None:
    events = [opened("a", T0), closed("a", T0, DAY_MS - 1, "censored", censored_after_ms=0)]
    found = figures_of(events)
    assert list(by_rule(found)) == ["Of 1 caller rejected by hours nobody can tell."]
    assert "Of 1 nobody can tell: answered after all" in list(ways(found))[-1]
