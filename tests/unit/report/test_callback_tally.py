from __future__ import annotations

import pytest

from streams.report.figures import ClosedCallbackRow, OpenCallbackRow
from tests.support.records import T0
from tests.support.reports import DAY_MS, HOUR_MS, callback, figures_of

NOW = T0 + DAY_MS


@pytest.mark.parametrize(
    ("age_ms", "name"),
    [
        (-5, "under 1 h"), (HOUR_MS - 1, "under 1 h"), (HOUR_MS, "1 to 4 h"),
        (4 * HOUR_MS, "4 to 24 h"), (DAY_MS, "1 to 3 days"), (3 * DAY_MS, "over 3 days"),
    ],
)  # fmt: skip
def test_an_open_callback_counts_by_its_age(age_ms: int, name: str) -> None:
    (row,) = figures_of([callback("a", opened_ms=NOW - age_ms)]).callbacks_open
    assert (row.age, row.oldest_ms) == (name, max(age_ms, 0))


def test_callbacks_of_one_kind_are_one_row() -> None:
    values = [callback(each, opened_ms=NOW - age) for each, age in (("a", 5), ("b", 9), ("c", 2))]
    assert figures_of(values).callbacks_open == (
        OpenCallbackRow(
            line="london", tier="gold", rule="desk", age="under 1 h", callbacks=3, oldest_ms=9
        ),
    )


def test_settled_ones_count_where_they_were_settled_in_the_time() -> None:
    settled = {"state": "closed", "closed_by": "written to"}
    values = [
        callback("a", opened_ms=T0 - 60, closed_at_ms=T0, **settled),
        callback("b", opened_ms=T0 - 100, closed_at_ms=T0, **settled),
        callback("c", opened_ms=T0 - 9 * DAY_MS, closed_at_ms=T0 - 8 * DAY_MS, **settled),
    ]
    assert figures_of(values).callbacks_closed == (
        ClosedCallbackRow(
            line="london", closed_by="written to", callbacks=2, median_ms=60, longest_ms=100
        ),
    )
