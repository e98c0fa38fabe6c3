"""The dashboard for whoever is on duty: whether all parts run, keep up, and agree."""

from __future__ import annotations

from typing import Final

from tests.support.dashboards.panels import ALERTS, Dashboard, Panel, Query, Row, rate

OURS: Final = '{job=~"ringfence.*"}'

PIPELINE: Final = Dashboard(
    uid="ringfence-pipeline",
    title="Ringfence: health of the pipeline",
    what="Whether every process runs and keeps up, and whether the records agree.",
    variables=(),
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(
                    title="Alerts that fire",
                    what="What to do about each: deploy/monitoring/README.md.",
                    queries=[Query(f"count({ALERTS}) or vector(0)")],
                    number=True,
                    bad_from=1,
                    width=4,
                ),
                Panel(
                    title="Processes that do not answer",
                    what="Of all that are scraped.",
                    queries=[Query(f"count(up{OURS} == 0) or vector(0)")],
                    number=True,
                    bad_from=1,
                    width=4,
                ),
                Panel(
                    title="Longest wait of a record",
                    what="At a worker. From 5 s on see the alert RingfenceWorkerBehind.",
                    queries=[Query("max(ringfence_lag_seconds)")],
                    unit="s",
                    number=True,
                    bad_from=5,
                    width=4,
                ),
                Panel(
                    title="Contradictions",
                    what="That the audit finds now. Each names call and record in its output.",
                    queries=[Query("sum(ringfence_audit_findings)")],
                    number=True,
                    bad_from=1,
                    width=4,
                ),
                Panel(
                    title="Policies refused",
                    what="Applied, and not in force.",
                    queries=[Query("max(ringfence_policies_refused)")],
                    number=True,
                    bad_from=1,
                    width=4,
                ),
                Panel(
                    title="Attrition is behind",
                    what="What rejected callers did is counted up to so long ago.",
                    queries=[Query("time() - max(ringfence_attrition_complete_timestamp_seconds)")],
                    unit="s",
                    number=True,
                    bad_from=900,
                    width=4,
                ),
            ),
        ),
        Row(
            title="Keeping up",
            panels=(
                Panel(
                    title="Since when records wait at workers",
                    what="By topic. Those of commands wait for gateways, too.",
                    queries=[Query("max by (topic) (ringfence_lag_seconds)", "{{topic}}")],
                    unit="s",
                ),
                Panel(
                    title="Rebalances",
                    what="Of the workers' group, and of attrition's. Callers wait meanwhile.",
                    queries=[rate("ringfence_rebalances_total", "instance")],
                    unit="ops",
                ),
                Panel(
                    title="What the last rebalance took",
                    what="With the recovery of the tables.",
                    queries=[Query("max by (instance) (ringfence_recovery_seconds)")],
                    unit="s",
                ),
                Panel(
                    title="The audit is behind",
                    what="Since the moment up to which it has read for certain.",
                    queries=[Query("max(ringfence_audit_lag_seconds)", "audit")],
                    unit="s",
                    bad_from=60,
                ),
                Panel(
                    title="Since when records wait in attrition",
                    what="`attrition.lateness` and some seconds are usual. No call waits for it.",
                    queries=[
                        Query("max by (topic) (ringfence_attrition_lag_seconds)", "{{topic}}")
                    ],
                    unit="s",
                ),
                Panel(
                    title="Facts that wait in attrition",
                    what="For those before them; some `attrition.lateness` of them always do.",
                    queries=[Query("max(ringfence_attrition_facts_waiting)", "facts")],
                ),
                Panel(
                    title="Rows of tables",
                    what="In memory, those of standbys included.",
                    queries=[
                        Query("sum by (table) (ringfence_table_rows)", "{{table}}"),
                        Query("max(ringfence_attrition_rows)", "attrition"),
                    ],
                ),
            ),
        ),
        Row(
            title="What could not be read",
            panels=(
                Panel(
                    title="Dead letters",
                    what="`ringfence dlq list` lists them.",
                    queries=[rate("ringfence_audit_dead_letters_total", "reason")],
                    unit="ops",
                ),
                Panel(
                    title="Under way",
                    what="Decisions, commands and confirmations that the audit still expects.",
                    queries=[Query("max by (what) (ringfence_audit_open)", "{{what}}")],
                ),
            ),
        ),
        Row(
            title="Processes",
            panels=(
                Panel(
                    title="Processor time",
                    what="Cores. A worker uses one at most.",
                    queries=[
                        Query(
                            "sum by (instance)"
                            f" (rate(process_cpu_seconds_total{OURS}[$__rate_interval]))"
                        )
                    ],
                    bad_from=0.9,
                ),
                Panel(
                    title="Memory",
                    what="Resident.",
                    queries=[Query(f"max by (instance) (process_resident_memory_bytes{OURS})")],
                    unit="bytes",
                ),
                Panel(
                    title="Bridges connected to Kafka",
                    what="0: it answers webhooks 503.",
                    queries=[Query("min by (instance) (ringfence_bridge_producer_connected)")],
                    good_from=1,
                ),
                Panel(
                    title="Versions that run",
                    what="Two only while an upgrade is under way.",
                    queries=[
                        Query(
                            "count by (version, python) (ringfence_build_info)",
                            "{{version}}, Python {{python}}",
                        )
                    ],
                ),
            ),
        ),
    ),
)
