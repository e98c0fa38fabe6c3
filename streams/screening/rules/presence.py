"""``presence``: nobody online: reject.

Online but all busy: queue the tiers named, reject the others.

Example: ``{id: desk, type: presence, queue_tiers: [gold], reply: away, busy_reply: busy,
queue_reply: queued}`` Facts: the agents' last reports and their age, ``tier``, the line's open
callbacks.
"""

from __future__ import annotations

from models.decisions import Scalar
from models.policy.rules import PresenceRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding


def judge(rule: PresenceRule, _in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Reject or queue unless somebody can take the call."""
    agents = facts.agents
    online, free = agents["online"], agents["free"]
    known: dict[str, Scalar] = {"agents_online": online, "agents_free": free}
    if "heartbeat_at_ms" in agents:
        known["presence_age_ms"] = facts.now_ms - agents["heartbeat_at_ms"]
    if free:
        return RuleFinding(None, f"{free} of {online} agents online can take the call", known)
    owed = facts.tier in rule.callback_tiers
    if not online:
        return RuleFinding("reject", "nobody is online", known, reply=rule.reply, callback=owed)
    busy = f"all {online} agents online are busy"
    if facts.tier in rule.queue_tiers:
        waiting = facts.waiting
        known |= {"waiting": waiting, "wait_ms": rule.handle_time * (waiting + 1) // online}
        return RuleFinding(
            "queue",
            f"{busy}, and tier {facts.tier} waits",
            known,
            reply=rule.queue_reply,
            callback=True,
        )
    return RuleFinding("reject", busy, known, reply=rule.busy_reply, callback=owed)
