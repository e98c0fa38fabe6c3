"""How long a caller's calls are remembered, and the block that a decision began. Pure."""

from __future__ import annotations

from models.decisions import Decision
from models.policy import BurstRule
from streams.policies.book import PolicyBook, PolicyInForce
from streams.screening.recent_calls import KEEP_MS, RecentCalls, blocked


def keep_ms(in_force: PolicyInForce) -> int:
    """How long a line's policy needs a call remembered.

    Its longest window, ten minutes at least.
    """
    windows = [
        rule.within for rule in in_force.policy.rules if rule.type in {"burst", "urgent_repeat"}
    ]
    return max([KEEP_MS, *windows])


def longest_keep_ms(book: PolicyBook) -> int:
    """A caller is remembered as long as the policy that looks back farthest needs it."""
    return max((keep_ms(each) for each in book.by_line.values()), default=KEEP_MS)


def burst_of(in_force: PolicyInForce, taken: Decision) -> BurstRule | None:
    """The rule that began the decision's block, or None."""
    if taken.block is None:
        return None
    return next(
        (rule for rule in in_force.policy.rules if rule.type == "burst" and rule.id == taken.rule),
        None,
    )


def remembered(recent: RecentCalls, taken: Decision, burst: BurstRule | None) -> RecentCalls:
    """The caller's state with the block that the decision began, if it did."""
    if taken.block is None or burst is None:
        return recent
    return blocked(recent, taken.line, taken.block, taken.decided_at_ms, burst.forget)
