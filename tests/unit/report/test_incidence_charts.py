from __future__ import annotations

from dataclasses import replace

from streams.report.drawing import NARROW, SIZES
from streams.report.incidence_charts import by_reply, by_rule, by_way
from tests.support.records import T0
from tests.support.reports import asked, busy_day, figures_of, opened, returned


def test_a_rule_after_which_nobody_came_back_is_shown() -> None:
    events = [opened("a", T0), returned("a", T0, "wrote", 9), opened("b", T0)]
    drawn = by_rule(figures_of([*events, replace(opened("c", T0), rule="storm")]), NARROW)
    assert "hours 50 %" in drawn
    assert "storm 0 %" in drawn


def test_nothing_is_drawn_where_nobody_came_back() -> None:
    figures = figures_of([opened("a", T0)])
    assert [each(figures, NARROW) for each in (by_way, by_rule, by_reply)] == ["", "", ""]


def test_an_svg_is_as_wide_as_what_it_is_for() -> None:
    figures = figures_of(busy_day(), asked())
    for size in SIZES:
        assert f'width="{size.width}"' in by_way(figures, size)[:200]
