"""What several processes measure alike."""

from __future__ import annotations

from typing import Final

from streams.metric_defs.kinds import CounterDef, GaugeDef

BUILD_INFO: Final = GaugeDef(
    "ringfence_build_info",
    "1 for the version of Ringfence and of Python that runs",
    ("version", "python"),
    "0 or 1",
)
ROWS_LEFT_OUT: Final = CounterDef(
    "ringfence_table_rows_left_out", "Rows of tables that could not be read", ("table",)
)
ROWS: Final = GaugeDef(
    "ringfence_table_rows", "Rows of a table in memory, those of its standbys included", ("table",)
)
LAG: Final = GaugeDef(
    "ringfence_lag_seconds",
    "Since when, to the second, a record of a topic waits here that is not worked on and durable; "
    "0 for none",
    ("topic",),
    "seconds",
)
REBALANCES: Final = CounterDef(
    "ringfence_rebalances", "Rebalances of the consumer group that began"
)
RECOVERY: Final = GaugeDef(
    "ringfence_recovery_seconds",
    "What the last rebalance took, with the recovery of the tables",
    unit="seconds",
)

SPANS: Final = CounterDef(
    "ringfence_spans",
    "Spans of traces: exported, failed at the collector, or dropped where the queue was full",
    ("result",),
)

PROCESS: Final = (
    GaugeDef("process_virtual_memory_bytes", "Virtual memory size in bytes.", unit="bytes"),
    GaugeDef("process_resident_memory_bytes", "Resident memory size in bytes.", unit="bytes"),
    GaugeDef(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        unit="seconds since 1970",
    ),
    CounterDef(
        "process_cpu_seconds", "Total user and system CPU time spent in seconds.", unit="seconds"
    ),
    GaugeDef("process_open_fds", "Number of open file descriptors."),
    GaugeDef("process_max_fds", "Maximum number of open file descriptors."),
)
"""What prometheus_client measures of every process by itself."""

EVERYWHERE: Final = (BUILD_INFO, *PROCESS)
