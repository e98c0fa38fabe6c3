"""What the continuous audit measures. Labels have few, fixed values; never a call or a caller."""

from __future__ import annotations

from typing import Final

from streams.metric_defs.kinds import CounterDef, GaugeDef

CHECKED: Final = CounterDef("ringfence_audit_checked", "Records compared", ("kind",))
FINDINGS: Final = GaugeDef("ringfence_audit_findings", "Contradictions that hold now", ("code",))
FINDINGS_REPORTED: Final = CounterDef(
    "ringfence_audit_findings_told", "Contradictions ever found", ("code",)
)
OPEN: Final = GaugeDef("ringfence_audit_open", "Under way, and not due yet", ("what",))
DEAD_LETTERS: Final = CounterDef("ringfence_audit_dead_letters", "Dead letters", ("reason",))
TEXTS_UNSURE: Final = CounterDef(
    "ringfence_audit_texts_unsure", "Texts of which nobody knows whether they arrived"
)
REJECTS: Final = CounterDef("ringfence_audit_rejects", "Rejects that ended")
QUICK_REJECTS: Final = CounterDef(
    "ringfence_audit_rejects_within_one_second", "Rejects that the gateway took within 1 s"
)
QUICK_RATIO: Final = GaugeDef(
    "ringfence_rejects_within_one_second_ratio",
    "Of the rejects of the last hour: from the webhook to the gateway's answer in 1 s or less; "
    "NaN without any",
    unit="ratio",
)
OLDEST_UNDECIDED: Final = GaugeDef(
    "ringfence_oldest_undecided_offer_age_seconds",
    "Since the webhook of the oldest offer without a decision; 0 when all are decided",
    unit="seconds",
)
LAG: Final = GaugeDef(
    "ringfence_audit_lag_seconds",
    "Since the moment up to which the topics are read for certain",
    unit="seconds",
)

METRICS: Final = (
    CHECKED,
    FINDINGS,
    FINDINGS_REPORTED,
    OPEN,
    DEAD_LETTERS,
    TEXTS_UNSURE,
    REJECTS,
    QUICK_REJECTS,
    QUICK_RATIO,
    OLDEST_UNDECIDED,
    LAG,
)
"""All of them, in the order of ``/metrics``."""
