"""What attrition measures. Labels are few and fixed; never a JID."""

from __future__ import annotations

from typing import Final

from streams.metric_defs.kinds import CounterDef, GaugeDef
from streams.metric_defs.shared import REBALANCES, RECOVERY, ROWS_LEFT_OUT

OPENED: Final = CounterDef(
    "ringfence_attrition_opened",
    "Callers who were rejected: episodes that began",
    ("line", "rule"),
)
RETURNED: Final = CounterDef(
    "ringfence_attrition_returned",
    "What rejected callers did first",
    ("line", "rule", "what"),
)
CLOSED: Final = CounterDef(
    "ringfence_attrition_closed",
    "How episodes stood as a horizon closed: returned, gone, or censored",
    ("line", "rule", "horizon", "state"),
)
COMPLETE: Final = GaugeDef(
    "ringfence_attrition_complete_timestamp_seconds",
    "Up to which time everything is counted",
    unit="seconds since 1970",
)
FIRST_START: Final = GaugeDef(
    "ringfence_attrition_first_start_timestamp_seconds",
    "When attrition was first followed on this cluster; what began before is censored",
    unit="seconds since 1970",
)
LAG: Final = GaugeDef(
    "ringfence_attrition_lag_seconds",
    "Since when, to the second, a record of a topic waits here that is not counted and durable; "
    "attrition.lateness and some seconds are usual while records come, 0 for none",
    ("topic",),
    "seconds",
)
WAITING: Final = GaugeDef(
    "ringfence_attrition_facts_waiting", "Facts that wait for those before them"
)
ROWS: Final = GaugeDef(
    "ringfence_attrition_rows", "Rows of the table: callers and lines of whom something is kept"
)
LATE: Final = CounterDef(
    "ringfence_attrition_late_facts", "Facts that came later than attrition.lateness allows"
)
LEFT_OUT: Final = CounterDef(
    "ringfence_attrition_left_out", "Records that could not be read", ("topic",)
)

METRICS: Final = (
    OPENED,
    RETURNED,
    CLOSED,
    COMPLETE,
    FIRST_START,
    LAG,
    WAITING,
    ROWS,
    LATE,
    LEFT_OUT,
    ROWS_LEFT_OUT,
    REBALANCES,
    RECOVERY,
)
"""All of them, in the order of ``/metrics``."""
