"""The dashboard for whoever answers calls, or is asked why nobody does: calls now."""

from __future__ import annotations

from typing import Final

from tests.support.dashboards.panels import Dashboard, Panel, Query, Row, quantiles, rate

OF: Final = '{line=~"$line"}'
DECISIONS: Final = "ringfence_decisions_total"
TURNED_AWAY: Final = '{line=~"$line", verdict=~"reject|queue"}'


def of_lines(metric: str) -> str:
    """A gauge that several workers show alike, once for each line."""
    return f"max by (line) ({metric}{OF})"


CALLS: Final = Dashboard(
    uid="ringfence-calls",
    title="Ringfence: calls now",
    what="Which calls come, what is decided, and who is there to take them.",
    variables=(("line", DECISIONS),),
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(
                    title="Calls a minute",
                    what="Calls that were decided, of all lines chosen.",
                    queries=[Query(f"60 * sum(rate({DECISIONS}{OF}[$__rate_interval]))")],
                    number=True,
                    width=4,
                ),
                Panel(
                    title="Rejected or queued",
                    what="Of all calls that were decided.",
                    queries=[
                        Query(
                            f"sum(rate({DECISIONS}{TURNED_AWAY}[$__rate_interval]))"
                            f" / sum(rate({DECISIONS}{OF}[$__rate_interval]))"
                        )
                    ],
                    unit="percentunit",
                    number=True,
                    width=4,
                ),
                Panel(
                    title="Oldest call undecided",
                    what="Since its webhook. From 5 s on callers hear it ring: see the alert"
                    " RingfenceOffersUndecided. The audit says so.",
                    queries=[Query("max(ringfence_oldest_undecided_offer_age_seconds)")],
                    unit="s",
                    number=True,
                    bad_from=5,
                    width=4,
                ),
                Panel(
                    title="Agents free",
                    what="Who can take one more call.",
                    queries=[Query(f"sum({of_lines('ringfence_agents_free')})")],
                    number=True,
                    width=4,
                ),
                Panel(
                    title="Callbacks owed",
                    what="`ringfence callbacks list` lists them.",
                    queries=[Query(f"sum({of_lines('ringfence_callbacks_open')})")],
                    number=True,
                    width=4,
                ),
                Panel(
                    title="Lines away",
                    what="Not connected to WhatsApp: no calls come.",
                    queries=[
                        Query(f"count({of_lines('ringfence_line_connected')} == 0) or vector(0)")
                    ],
                    number=True,
                    bad_from=1,
                    width=4,
                ),
            ),
        ),
        Row(
            title="What is decided",
            panels=(
                Panel(
                    title="Decisions by verdict",
                    what="`late` are calls that were over, or nearly, when they were read.",
                    queries=[rate(DECISIONS, "verdict", where=OF)],
                    unit="cps",
                ),
                Panel(
                    title="Decisions by line",
                    what="Where calls come in.",
                    queries=[rate(DECISIONS, "line", where=OF)],
                    unit="cps",
                ),
                Panel(
                    title="Rejected or queued, by rule",
                    what="Which rule of the policy it was.",
                    queries=[rate(DECISIONS, "rule", where=TURNED_AWAY)],
                    unit="cps",
                ),
                Panel(
                    title="From the webhook to the decision",
                    what="Of all workers.",
                    queries=quantiles("ringfence_decide_seconds"),
                    unit="s",
                ),
            ),
        ),
        Row(
            title="People",
            panels=(
                Panel(
                    title="Agents",
                    what="Online are those at work, free those who can take one more call.",
                    queries=[
                        Query(of_lines("ringfence_agents_online"), "online {{line}}"),
                        Query(of_lines("ringfence_agents_free"), "free {{line}}"),
                    ],
                ),
                Panel(
                    title="The oldest callback",
                    what="Since the call of whoever has been owed one for longest.",
                    queries=[Query(of_lines("ringfence_oldest_callback_age_seconds"), "{{line}}")],
                    unit="s",
                ),
                Panel(
                    title="Rules out of the ordinary",
                    what="1 while strangers of a line count as a storm, or while a rule lets"
                    " everybody ring because messages may be missing.",
                    queries=[
                        Query(
                            f"max by (line, rule) (ringfence_storm_active{OF})",
                            "storm {{line}} {{rule}}",
                        ),
                        Query(
                            f"max by (line, rule) (ringfence_rule_suspended{OF})",
                            "suspended {{line}} {{rule}}",
                        ),
                    ],
                ),
                Panel(
                    title="What rejected callers did first",
                    what="By attrition, which says everything `attrition.lateness` late.",
                    queries=[rate("ringfence_attrition_returned_total", "what", where=OF)],
                    unit="cps",
                ),
                Panel(
                    title="Rejected callers as a horizon closed",
                    what="Returned, gone, or censored: rejected before attrition's first start.",
                    queries=[
                        rate("ringfence_attrition_closed_total", "horizon", "state", where=OF)
                    ],
                    unit="cps",
                ),
                Panel(
                    title="Callers rejected for the first time",
                    what="Episodes of attrition that began.",
                    queries=[rate("ringfence_attrition_opened_total", "line", where=OF)],
                    unit="cps",
                ),
            ),
        ),
    ),
)
