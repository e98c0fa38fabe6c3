"""The dashboard for whoever runs gateways: what they answer, and who is told what."""

from __future__ import annotations

from typing import Final

from tests.support.dashboards.panels import Dashboard, Panel, Query, Row, quantiles, rate

AT: Final = '{gateway=~"$gateway"}'
OUTCOMES: Final = "ringfence_outcomes_total"


def results(more: str) -> str:
    """Outcomes of the gateways chosen."""
    return f'{{gateway=~"$gateway", {more}}}'


NOT_CLOSED: Final = results('state!="closed"')
ENDED: Final = results('result!~"confirmed|unconfirmed"')
ILL_ENDED: Final = results('result=~"failed|unknown"')


GATEWAYS: Final = Dashboard(
    uid="ringfence-gateways",
    title="Ringfence: gateways and texts",
    what="Whether gateways do what they are asked, how fast, and who is told by text.",
    variables=(("gateway", OUTCOMES),),
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(
                    title="Gateways that answer",
                    what="1 while the gateway answers its health request, at every worker.",
                    queries=[Query(f"min by (gateway) (ringfence_gateway_up{AT})", "{{gateway}}")],
                    number=True,
                    good_from=1,
                    width=6,
                ),
                Panel(
                    title="Circuits that are not closed",
                    what="Of gateways and of sessions: nothing is sent to them.",
                    queries=[
                        Query(
                            f"sum(max by (gateway) (ringfence_gateway_circuit{NOT_CLOSED}))",
                            "gateways",
                        ),
                        Query(
                            "sum(max by (gateway, session) (ringfence_session_circuit"
                            f"{NOT_CLOSED}))",
                            "sessions",
                        ),
                    ],
                    number=True,
                    bad_from=1,
                    width=6,
                ),
                Panel(
                    title="Rejects in a second or less",
                    what="Of the last hour, from the webhook to the gateway's answer. The audit"
                    " says so.",
                    queries=[Query("min(ringfence_rejects_within_one_second_ratio)")],
                    unit="percentunit",
                    number=True,
                    good_from=0.95,
                    width=6,
                ),
                Panel(
                    title="Commands that failed or are unknown",
                    what="Of all that ended.",
                    queries=[
                        Query(
                            f"(sum(rate({OUTCOMES}{ILL_ENDED}"
                            "[$__rate_interval])) or vector(0))"
                            f" / sum(rate({OUTCOMES}{ENDED}"
                            "[$__rate_interval]))"
                        )
                    ],
                    unit="percentunit",
                    number=True,
                    bad_from=0.05,
                    width=6,
                ),
            ),
        ),
        Row(
            title="Commands",
            panels=(
                Panel(
                    title="Outcomes",
                    what="`raced`: the call was answered or over before; `suppressed`: a guard"
                    " held it back.",
                    queries=[rate(OUTCOMES, "command", "result", where=AT)],
                    unit="ops",
                ),
                Panel(
                    title="Why commands failed, or nobody knows",
                    what="What each reason means stands in the document of alerts.",
                    queries=[
                        rate(
                            OUTCOMES,
                            "gateway",
                            "command",
                            "reason",
                            where=results('result=~"failed|unknown|late"'),
                        )
                    ],
                    unit="ops",
                ),
                Panel(
                    title="What a gateway took",
                    what="From a command's last request to its answer.",
                    queries=quantiles("ringfence_gateway_seconds", "gateway", AT),
                    unit="s",
                ),
                Panel(
                    title="What Ringfence took",
                    what="From the webhook to the request that rejects, or from the reject's"
                    " answer to the request that sends the text.",
                    queries=quantiles("ringfence_own_seconds", "command"),
                    unit="s",
                ),
                Panel(
                    title="From the webhook to the result",
                    what="Both together.",
                    queries=quantiles("ringfence_outcome_seconds", "command"),
                    unit="s",
                ),
                Panel(
                    title="Lines connected to WhatsApp",
                    what="As gateways reported last; a line appears with its first report.",
                    queries=[Query("max by (line) (ringfence_line_connected)", "{{line}}")],
                ),
            ),
        ),
        Row(
            title="Texts",
            panels=(
                Panel(
                    title="Texts by result",
                    what="To rejected and queued callers.",
                    queries=[rate(OUTCOMES, "result", where=results('command="text"'))],
                    unit="ops",
                ),
                Panel(
                    title="Who was not told, and why",
                    what="Rejected or queued, and no text.",
                    queries=[rate("ringfence_not_told_total", "reason")],
                    unit="cps",
                ),
                Panel(
                    title="Texts to strangers left",
                    what="Of `texts.strangers_per_day`, at the worker that sends the line's texts.",
                    queries=[Query("min by (line) (ringfence_stranger_texts_left)", "{{line}}")],
                ),
            ),
        ),
        Row(
            title="Webhooks",
            panels=(
                Panel(
                    title="Webhooks by answer",
                    what="`unavailable` is 503: the bridge could not write, and the gateway"
                    " repeats it.",
                    queries=[
                        rate(
                            "ringfence_bridge_webhook_seconds_count", "gateway", "result", where=AT
                        )
                    ],
                    unit="reqps",
                ),
                Panel(
                    title="A webhook's answer takes",
                    what="With the acknowledgement of Kafka.",
                    queries=quantiles("ringfence_bridge_webhook_seconds", "gateway", AT),
                    unit="s",
                ),
                Panel(
                    title="Events of accepted webhooks",
                    what="What they reported, and what became of it.",
                    queries=[rate("ringfence_bridge_events_total", "event", "result", where=AT)],
                    unit="ops",
                ),
                Panel(
                    title="Connections to the bridge",
                    what="512 are kept; more close the oldest that has shown no right signature.",
                    queries=[Query("sum by (instance) (ringfence_bridge_connections)")],
                    bad_from=512,
                ),
            ),
        ),
    ),
)
