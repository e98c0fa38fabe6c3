"""Every case, in the order of the table."""

from __future__ import annotations

from tests.faults.suite import attrition, brokers, gateways, kills, planned, poison, races, webhooks
from tests.faults.suite.case import Case

CASES: tuple[Case, ...] = (
    *kills.CASES,
    *planned.CASES,
    *races.CASES,
    *attrition.CASES,
    *gateways.CASES,
    *webhooks.CASES,
    *poison.CASES,
    *brokers.CASES,
)
