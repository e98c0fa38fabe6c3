"""How long a caller's calls are remembered, and the block that a decision began."""

from __future__ import annotations

from models.decisions import Decision
from models.policy import Rule
from streams.policies.book import PolicyBook, PolicyInForce
from streams.screening.recent_calls import KEEP_MS, RecentCalls, blocked


def keep_ms(in_force: PolicyInForce) -> int:
    """How long a line's policy needs a call remembered.

    As long as the rule that looks back farthest, ten minutes at least.
    """
    return max([KEEP_MS, *(rule.lookback_ms for rule in in_force.policy.rules)])


def longest_keep_ms(book: PolicyBook) -> int:
    """A caller is remembered as long as the policy that looks back farthest needs it."""
    return max((keep_ms(each) for each in book.by_line.values()), default=KEEP_MS)


def rule_of_block(in_force: PolicyInForce, taken: Decision) -> Rule | None:
    """The rule that began the decision's block; None where the decision began none."""
    if taken.block is None:
        return None
    return next((rule for rule in in_force.policy.rules if rule.id == taken.rule), None)


def remembered(recent: RecentCalls, taken: Decision, rule: Rule | None) -> RecentCalls:
    """The caller's state with the block that the decision began, if a rule began one."""
    if taken.block is None or rule is None:
        return recent
    return blocked(recent, taken.line, taken.block, taken.decided_at_ms, rule.block_memory_ms)
