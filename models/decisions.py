"""What was decided about an offer, and every fact that led there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from models.bounds import Count, Millis, Share
from models.snapshot import Snapshot

Verdict = Literal["ring", "reject", "queue", "late"]
"""``ring``: let it ring. ``reject``: end it. ``queue``: let it ring and owe a callback. ``late``:
too old to act on."""

DecidedBy = Literal["rule", "hand", "guard", "default"]
"""``rule``: the rule that is named; where it failed, the policy's ``on_error``. ``hand``: a block
that somebody set by hand. ``guard``: what no policy may overrule, such as that a call is over.
``default``: no rule applied."""

Scalar = str | int | float | bool | None


# not frozen, for one is made for each rule of every call, and a frozen one costs three times as
# much
@dataclass(slots=True, kw_only=True)
class RuleTrace:
    """One rule that was looked at, and why it did or did not apply."""

    rule: str
    """The rule's id in the policy."""
    kind: str
    """The rule's type."""
    matched: bool
    why: str
    shadow: bool = False
    """Recorded only: the rule runs in ``mode: shadow``."""
    error: bool = False
    """The rule failed; the policy's ``on_error`` decided."""
    holdout: bool = False
    """Recorded only: the rule would have rejected, and the caller is held out of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The variant of one experiment that a caller fell into.

    With what the split was at that moment, so that whoever counts can tell whether it came out as
    it was meant, and when it was changed.
    """

    of: Literal["reply", "rule"]
    """What is tried: a reply's texts, or whether a rule rejects."""
    experiment: str
    """The name of the reply, or the id of the rule."""
    salt: str
    """Another salt assigned everybody anew."""
    shares: dict[str, Share]
    """The share of callers that each variant was to get, ``holdout`` among them where there is
    one; together 1."""
    variant: str
    """The caller's own. ``holdout``: got no text, or was not rejected by the rule. Of a rule, the
    others are ``enforced``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A temporary block that a decision began.

    All later calls to the line are rejected while it lasts.
    """

    until_ms: Millis
    strikes: Count
    """How many in a row this one is: each lasts longer than the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict on one offer.

    ``decision_id`` is the idempotency key: one call, one effective decision.
    """

    type: Literal["decision"] = "decision"
    decision_id: str
    event_id: str
    call_id: str
    generation: Millis = 0
    """0 for a call id's first call; for one that was offered anew under an old call id, the
    offered time that began it."""
    gateway: str
    line: str
    caller: str
    verdict: Verdict
    by: DecidedBy
    rule: str | None
    """Id of the rule that decided, where ``by`` is ``rule``; else None."""
    why: str
    """One plain sentence for the support manager."""
    rules: tuple[RuleTrace, ...] = ()
    facts: dict[str, Scalar] = field(default_factory=dict)
    policy: str
    """The line of the policy that was in force (``*`` for the common one)."""
    policy_revision: str
    reply: str | None = None
    """Name of the policy's reply to send after a reject, or to a queued caller; None sends
    nothing."""
    variant: str | None = None
    """The reply's variant where it is an experiment: assigned by this decision, sticky per
    caller."""
    assignments: tuple[Assignment, ...] = ()
    """Into which variants the caller fell: of each rule that would reject the call and holds some
    callers out, and of the reply where it is an experiment."""
    block: Block | None = None
    callback: bool = False
    """The caller is owed a callback."""
    offered_at_ms: Millis
    received_at_ms: Millis
    decided_at_ms: Millis
    repeated: bool = False
    """An earlier verdict on this call stands, given before an interruption: what is known now would
    have led to another one. Such a decision has no snapshot, and cannot be derived again."""
    snapshot: Snapshot | None = None
    """What the core read: with it and the policy the call can be decided again."""


def decision_id(line: str, call_id: str, generation: int = 0) -> str:
    """The idempotency key of the decision on one call of one line.

    A call id may come again: the caller's own client chooses it (Baileys and whatsmeow read it from
    the offer stanza). Each call under it is a generation, named by the offered time that began it;
    the first is 0 and adds nothing to the key.
    """
    return f"{line}/{call_id}/{generation}" if generation else f"{line}/{call_id}"
