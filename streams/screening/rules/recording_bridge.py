"""``recording_bridge``: a line that must record rejects while no bridge can. Fails closed.

Example: ``{id: must-record, type: recording_bridge, bridges: [sbc-1], reply: no-recording}``
Facts: the bridges' last reports and their age.
"""

from __future__ import annotations

from models.decisions import Scalar
from models.policy.rules import RecordingBridgeRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding


def judge(rule: RecordingBridgeRule, _in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Reject unless one bridge is known to be able to record this call."""
    bridges = facts.bridges(rule.bridges)
    if not bridges:
        return RuleFinding("reject", "no recording bridge was ever heard of", reply=rule.reply)
    newest = max(each["at_ms"] for each in bridges.values())
    known: dict[str, Scalar] = {"bridge_age_ms": facts.now_ms - newest}
    faults = []
    for name, each in bridges.items():
        if "fault" not in each:
            known = {"bridge": name, "bridge_age_ms": facts.now_ms - each["at_ms"]}
            return RuleFinding(None, f"the bridge {name} records", known)
        faults.append(f"{name} {each['fault']}")
    return RuleFinding(
        "reject", f"no bridge can record: {', '.join(sorted(faults))}", known, reply=rule.reply
    )
