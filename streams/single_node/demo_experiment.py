"""The demo's experiments: two texts and none, a rule that holds callers out, people who react.

What is dialled in here is what a report over the demo must find again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from models.policy import ANY_LINE

REPLY: Final = "text-first"
"""Of the common policy: what the callers are told whom the random traffic brings."""

RULE: Final = "text-first"
"""Of the common policy: it rejects these callers, but for those whom it holds out."""

HELD_OUT: Final = 0.2
"""Of them. What the rule costs is seen within minutes."""

_BETTER: Final = {
    "en": "Tell us in a message what it is about, and we call you back within minutes.",
    "ar": "أخبرنا برسالة عن موضوعك، وسنتصل بك خلال دقائق.",
}

REACTIONS: Final[Mapping[str, Any]] = {
    "silent": 0.08,
    "told": 0.15,
    "texts": [{"words": ["we call you back within minutes", "وسنتصل بك"], "write": 0.65}],
    "picked_up": 0.9,
    "reached": 0.05,
    "writes_after": "10s",
    "at_latest": "45s",
}
"""For ``gateway-sim --reactions``. Whoever writes does so within the minute of the demo's shortest
horizon."""

SAID: Final = (
    "people react: of those who are told nothing {silent:.0%} write, of those who get the text "
    "plain {told:.0%}, of those who get the text reason {better:.0%}; to {reached:.0%} somebody of "
    "the line writes; robots and one-ring callers, one in nine, never do; of strangers "
    "{held_out:.0%} are held out of the rule {rule} and ring, where {picked_up:.0%} of persons are "
    "picked up"
).format(**REACTIONS, better=REACTIONS["texts"][0]["write"], held_out=HELD_OUT, rule=RULE)
"""The dials for whoever watches."""


def with_experiment(policy: dict[str, Any]) -> dict[str, Any]:
    """The common policy with the reply as an experiment and a holdout of the rule.

    Any other policy stays as it is. The variant ``plain`` has the policy's own words.
    """
    replies = policy.get("replies") or {}
    own = replies.get(REPLY)
    if policy.get("line") != ANY_LINE or not isinstance(own, dict) or "variants" in own:
        return policy
    experiment = {
        "holdout": 0.1,
        "salt": "demo",
        "variants": {"plain": {"texts": own}, "reason": {"texts": dict(_BETTER)}},
    }
    return {
        **policy,
        "rules": [_held_out(each) for each in policy.get("rules") or ()],
        "replies": {**replies, REPLY: experiment},
    }


def _held_out(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule with a holdout, where it is the one and has none of its own."""
    if rule.get("id") != RULE or "holdout" in rule:
        return rule
    return {**rule, "holdout": HELD_OUT, "salt": "demo-rule"}
