"""``country``: reject by the country of the caller's number.

Example: ``{id: home-only, type: country, only: [GB, IE], reply: write-instead}``
Facts: the country of the caller's number.
"""

from __future__ import annotations

from models.decisions import Scalar
from models.policy.rules import CountryRule
from streams.policies.book import PolicyInForce
from streams.screening.facts import Facts
from streams.screening.rules.finding import RuleFinding


def judge(rule: CountryRule, _in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Reject numbers of other countries than ``only``, or of those to ``reject``."""
    country = facts.country
    known: dict[str, Scalar] = {"country": country}
    if country is None:
        if rule.unknown == "reject":
            return RuleFinding(
                "reject", "the number's country is not known", known, reply=rule.reply
            )
        return RuleFinding(None, "the number's country is not known", known)
    wanted = country in rule.only if rule.only is not None else country not in (rule.reject or ())
    if wanted:
        return RuleFinding(None, f"a number of {country}", known)
    return RuleFinding("reject", f"a number of {country}", known, reply=rule.reply)
