"""Each alert rule in Prometheus' own evaluation: a history that fires it, and one that does not."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.support.monitoring import RULES, alerts
from tests.support.prometheus import BIN, SHIPPED

PROMTOOL: Final = BIN / "promtool"

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True, slots=True)
class Case:
    """Series over two hours, a sample each minute, in promtool's notation."""

    fires: dict[str, str]
    calm: dict[str, str]
    at: str = "30m"


def outcomes(result: str, reason: str = "") -> dict[str, str]:
    labels = f'gateway="office",command="reject",result="{result}",reason="{reason}"'
    return {f"ringfence_outcomes_total{{{labels}}}": "0+3x120"}


ACCEPTED: Final = {
    'ringfence_outcomes_total{gateway="office",command="reject",result="accepted",reason=""}': (
        "0+97x120"
    )
}
MANY: Final = {
    'ringfence_outcomes_total{gateway="office",command="reject",result="accepted",reason=""}': (
        "0+997x120"
    )
}
DECIDED: Final = 'ringfence_decisions_total{line="london",verdict="reject",by="rule",rule="x"}'
NOT_TOLD: Final = 'ringfence_not_told_total{line="london",reason="%s"}'
WEBHOOKS: Final = 'ringfence_bridge_webhook_seconds_count{gateway="office",result="%s"}'


def gauge(series: str, fires: str, calm: str) -> Case:
    return Case({series: fires}, {series: calm})


CASES: Final = {
    "RingfenceOffersUndecided": gauge(
        "ringfence_oldest_undecided_offer_age_seconds", "6+60x120", "4 0 4 0 5x120"
    ),
    "RingfenceWorkerBehind": Case(
        {
            'ringfence_lag_seconds{topic="calls.events",process="worker-1"}': "0x120",
            'ringfence_lag_seconds{topic="calls.events",process="worker-2"}': "20x120",
        },
        {'ringfence_lag_seconds{topic="calls.events"}': "5x120"},
    ),
    "RingfenceOffersLate": Case(
        {
            DECIDED: "0+90x120",
            'ringfence_decisions_total{line="london",verdict="late",by="age",rule=""}': "0+10x120",
        },
        {DECIDED: "0+9x120"},
    ),
    "RingfenceProcessDown": gauge(
        'up{job="ringfence/ringfence",instance="a:1"}', "0x120", "0 1 1x120"
    ),
    "RingfenceBridgeWithoutKafka": gauge(
        'ringfence_bridge_producer_connected{instance="a:1"}', "0x120", "1x120"
    ),
    "RingfenceWebhooksUnavailable": Case(
        {WEBHOOKS % "unavailable": "0+2x120", WEBHOOKS % "accepted": "0+98x120"},
        {WEBHOOKS % "unavailable": "0+1x120", WEBHOOKS % "accepted": "0+999x120"},
    ),
    "RingfenceRejectsSlow": gauge(
        "ringfence_rejects_within_one_second_ratio", "0.9x120", "NaN 0.96x120"
    ),
    "RingfenceGatewayDown": gauge('ringfence_gateway_up{gateway="office"}', "0x120", "1x120"),
    "RingfenceGatewayCircuitOpen": gauge(
        'ringfence_gateway_circuit{gateway="office",state="open"}', "1x120", "0x120"
    ),
    "RingfenceSessionCircuitOpen": Case(
        {'ringfence_session_circuit{gateway="o",session="s",state="half-open"}': "1x120"},
        {'ringfence_session_circuit{gateway="o",session="s",state="closed"}': "1x120"},
    ),
    "RingfenceLineAway": gauge('ringfence_line_connected{line="london"}', "0x120", "0 1 0 1x120"),
    "RingfenceCommandsFailed": Case(
        outcomes("failed", "http-500")
        | {
            'ringfence_outcomes_total{gateway="office",command="reject",result="accepted"}': (
                "0+20x120"
            )
        },
        outcomes("failed", "http-500") | ACCEPTED,
    ),
    "RingfenceOutcomesUnknown": Case(
        outcomes("unknown", "no-answer") | ACCEPTED, outcomes("unknown", "owner-changed") | ACCEPTED
    ),
    "RingfenceCommandsLate": Case(
        outcomes("late", "window-over") | ACCEPTED, outcomes("late", "window-over") | MANY
    ),
    "RingfenceCallersNotTold": Case(
        {NOT_TOLD % "stranger-cap": "0+30x120", DECIDED: "0+100x120"},
        {
            NOT_TOLD % "stranger-cap": "0+10x120",
            NOT_TOLD % "cool-down": "0+80x120",
            DECIDED: "0+100x120",
        },
        at="90m",
    ),
    "RingfenceNoStrangerTextsLeft": gauge(
        'ringfence_stranger_texts_left{line="london"}', "0x120", "1x120"
    ),
    "RingfenceCallbackOverdue": gauge(
        'ringfence_oldest_callback_age_seconds{line="london"}', "14401+60x120", "0+60x120"
    ),
    "RingfenceRuleSuspended": gauge(
        'ringfence_rule_suspended{line="london",rule="text-first"}', "1x120", "1 1 0x120"
    ),
    "RingfencePoliciesRefused": gauge("ringfence_policies_refused", "1x120", "0x120"),
    "RingfenceAuditFindings": gauge(
        'ringfence_audit_findings{code="text-twice"}', "1x120", "0x120"
    ),
    "RingfenceAuditBehind": gauge("ringfence_audit_lag_seconds", "61x120", "3x120"),
    # time() counts from 0 in promtool
    "RingfenceAnalyticsBehind": gauge(
        "ringfence_attrition_complete_timestamp_seconds", "0x120", "0+60x120"
    ),
}


def suite(history: dict[str, str], alert: str, at: str, *, fires: bool) -> dict[str, Any]:
    query = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)'
    return {
        "rule_files": [str(RULES)],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": v} for s, v in history.items()],
                "promql_expr_test": [
                    {
                        "expr": query,
                        "eval_time": at,
                        "exp_samples": [{"labels": "{}", "value": int(fires)}],
                    }
                ],
            }
        ],
    }


def promtool(*arguments: str | Path) -> str:
    assert PROMTOOL.exists(), f"{PROMTOOL} is missing: `tests/run operations` makes it"
    done = subprocess.run(  # noqa: S603 - our own command line, no shell
        [PROMTOOL, *arguments], text=True, capture_output=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_rules_are_rules() -> None:
    assert promtool("check", "rules", "--lint-fatal", RULES) == ""


def test_composes_prometheus_takes_its_configuration() -> None:
    assert promtool("check", "config", "--syntax-only", "--lint=none", SHIPPED) == ""


def test_every_alert_has_its_cases() -> None:
    assert set(CASES) == {each.name for each in alerts()}


@pytest.mark.parametrize("alert", CASES)
@pytest.mark.parametrize("history", ["fires", "calm"])
def test_an_alert_fires_when_it_should(alert: str, history: str, tmp_path: Path) -> None:
    case = CASES[alert]
    path = tmp_path / "case.yaml"
    series, fires = (case.fires, True) if history == "fires" else (case.calm, False)
    path.write_text(yaml.safe_dump(suite(series, alert, case.at, fires=fires)), encoding="utf-8")
    assert promtool("test", "rules", path) == ""
