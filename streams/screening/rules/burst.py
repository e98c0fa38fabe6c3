"""``burst``: reject the Nth call of one caller to one line within a window, and block the caller.

A caller who has a conversation with the line is exempt.

Example: ``{id: burst, type: burst, calls: 3, within: 60s, block: 15m, reply: slow-down}``
Facts: the caller's recent calls and blocks, ``two_way``, ``history_incomplete``.
"""

from __future__ import annotations

from models.decisions import Block, Scalar
from models.policy.rules import BurstRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding, duration


def judge(rule: BurstRule, _in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Reject from the Nth call on, and while a block lasts.

    A caller with a two-way conversation is never a burst.
    """
    count = facts.calls_within(rule.within)
    known: dict[str, Scalar] = {f"calls_in_{rule.within // 1000}s": count}
    span = duration(rule.within)
    last = facts.block
    # the block that this very call began does not count against it when it is decided again
    running = (
        last is not None
        and rule.block is not None
        and last["begun_ms"] < facts.now_ms < last["until_ms"]
    )
    if count < rule.calls and not running:
        return RuleFinding(None, f"{count} of {rule.calls} calls within {span}", known)
    said = f"{count} calls within {span}" if count >= rule.calls else "blocked for a while"
    if facts.two_way:
        return RuleFinding(
            None, f"{said}, but the caller and the line have written to each other", known
        )
    if facts.history_incomplete:
        return RuleFinding(None, f"{said}, but the message history is still being read", known)
    if running and last is not None:
        known |= {"blocked_until_ms": last["until_ms"], "block_strikes": last["strikes"]}
        left = duration(last["until_ms"] - facts.now_ms)
        return RuleFinding(
            "reject",
            f"blocked for {left} more after {rule.calls} calls at once",
            known,
            reply=rule.reply,
        )
    block = _next_block(rule, facts)
    if block is not None:
        known |= {"blocked_until_ms": block.until_ms, "block_strikes": block.strikes}
    return RuleFinding(
        "reject", f"{said}, and no conversation", known, reply=rule.reply, block=block
    )


def _next_block(rule: BurstRule, facts: Facts) -> Block | None:
    if rule.block is None:
        return None
    last = facts.block
    if last is not None and last["begun_ms"] == facts.now_ms:
        # this very call began it, before an interruption
        return Block(until_ms=last["until_ms"], strikes=last["strikes"])
    again = last is not None and last["begun_ms"] < facts.now_ms < last["keep_until_ms"]
    strikes = last["strikes"] + 1 if again and last is not None else 1
    # the exponent is bounded, for a float would overflow before `longest` is asked
    length = min(rule.block * rule.growth ** min(strikes - 1, 64), max(rule.longest, rule.block))
    return Block(until_ms=facts.now_ms + int(length), strikes=strikes)
