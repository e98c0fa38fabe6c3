"""What the worker measures. Labels are few and fixed; never a JID or a call id."""

from __future__ import annotations

from typing import Final

from streams.metric_defs.kinds import CounterDef, GaugeDef, HistogramDef
from streams.metric_defs.shared import LAG, REBALANCES, RECOVERY, ROWS, ROWS_LEFT_OUT, SPANS

DECISIONS: Final = CounterDef(
    "ringfence_decisions", "Offers decided", ("line", "verdict", "by", "rule")
)
DECIDE_SECONDS: Final = HistogramDef(
    "ringfence_decide_seconds", "From the webhook's arrival to the decision", unit="seconds"
)
DUPLICATES: Final = CounterDef(
    "ringfence_duplicate_offers", "Webhooks of calls already decided", ("line",)
)
DEAD_LETTERS: Final = CounterDef(
    "ringfence_dead_letters", "Records an agent could not read", ("agent",)
)
LEFT_OUT: Final = CounterDef(
    "ringfence_reference_left_out",
    "Records of reference topics that could not be read",
    ("topic",),
)
REFERENCE_RECORDS: Final = CounterDef(
    "ringfence_reference_records", "Records of reference topics read", ("topic",)
)
OUTCOMES: Final = CounterDef(
    "ringfence_outcomes", "What became of commands", ("gateway", "command", "result", "reason")
)
OUTCOME_SECONDS: Final = HistogramDef(
    "ringfence_outcome_seconds",
    "From the offer's webhook to the command's result",
    ("command",),
    "seconds",
)
OWN_SECONDS: Final = HistogramDef(
    "ringfence_own_seconds",
    "What Ringfence took: from the offer's webhook to the request that rejects, or from "
    "the reject's answer to the request that sends the text; commands of one request alone",
    ("command",),
    "seconds",
)
GATEWAY_SECONDS: Final = HistogramDef(
    "ringfence_gateway_seconds",
    "What the gateway took: from a command's last request to its answer",
    ("gateway", "command"),
    "seconds",
)
NOT_TOLD: Final = CounterDef(
    "ringfence_not_told",
    "Callers who were rejected or queued and got no text, by reason",
    ("line", "reason"),
)
SUSPENDED: Final = GaugeDef(
    "ringfence_rule_suspended",
    "1 while a rule lets everybody ring, because messages of its line may be missing",
    ("line", "rule"),
    "0 or 1",
)
GATEWAY_UP: Final = GaugeDef(
    "ringfence_gateway_up", "1 while a gateway answers its health request", ("gateway",), "0 or 1"
)
GATEWAY_CIRCUIT: Final = GaugeDef(
    "ringfence_gateway_circuit",
    "1 for the state of a gateway's circuit: commands are sent while it is closed",
    ("gateway", "state"),
    "0 or 1",
)
SESSION_CIRCUIT: Final = GaugeDef(
    "ringfence_session_circuit",
    "1 for the state of the circuit of a gateway's session",
    ("gateway", "session", "state"),
    "0 or 1",
)
POLICY_INFO: Final = GaugeDef(
    "ringfence_policy_info",
    "1 for the revision of each line's policy (* is the common one) and shared calendar "
    "that is in force",
    ("line", "revision"),
    "0 or 1",
)
POLICIES_REFUSED: Final = GaugeDef(
    "ringfence_policies_refused",
    "Documents on the policies topic that are not in force, for they cannot be compiled",
)
LINE_CONNECTED: Final = GaugeDef(
    "ringfence_line_connected",
    "1 while the session of a line is connected to WhatsApp, as its gateway last reported; "
    "absent until it did",
    ("line",),
    "0 or 1",
)
CALLBACKS_OPEN: Final = GaugeDef("ringfence_callbacks_open", "Callers owed a callback", ("line",))
OLDEST_CALLBACK: Final = GaugeDef(
    "ringfence_oldest_callback_age_seconds",
    "Since the call of the caller who has been owed a callback for longest; 0 without any",
    ("line",),
    "seconds",
)
AGENTS_ONLINE: Final = GaugeDef(
    "ringfence_agents_online", "Agents of a line who are at work, busy or not", ("line",)
)
AGENTS_FREE: Final = GaugeDef(
    "ringfence_agents_free", "Agents of a line who can take one more call", ("line",)
)
STORM_ACTIVE: Final = GaugeDef(
    "ringfence_storm_active",
    "1 while a storm rule of a line takes its strangers for a storm",
    ("line", "rule"),
    "0 or 1",
)
STRANGER_TEXTS_LEFT: Final = GaugeDef(
    "ringfence_stranger_texts_left",
    "Texts to strangers that a line may still send within 24 hours: texts.strangers_per_day less "
    "those sent; at the worker that sends the line's texts alone",
    ("line",),
)

SCRAPED: Final = (
    LINE_CONNECTED,
    CALLBACKS_OPEN,
    OLDEST_CALLBACK,
    AGENTS_ONLINE,
    AGENTS_FREE,
    STORM_ACTIVE,
    STRANGER_TEXTS_LEFT,
    LAG,
    RECOVERY,
    ROWS,
)
"""What is worked out when the metrics are read, not before."""

METRICS: Final = (
    DECISIONS,
    DECIDE_SECONDS,
    DUPLICATES,
    DEAD_LETTERS,
    LEFT_OUT,
    ROWS_LEFT_OUT,
    REFERENCE_RECORDS,
    OUTCOMES,
    OUTCOME_SECONDS,
    OWN_SECONDS,
    GATEWAY_SECONDS,
    NOT_TOLD,
    SUSPENDED,
    GATEWAY_UP,
    GATEWAY_CIRCUIT,
    SESSION_CIRCUIT,
    *SCRAPED,
    REBALANCES,
    POLICY_INFO,
    POLICIES_REFUSED,
    SPANS,
)
"""All of them, in the order of ``/metrics``."""
