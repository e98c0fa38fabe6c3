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
from streams.views.phone_numbers import country_of_any


def judge(rule: CountryRule, _in_force: PolicyInForce, facts: Facts) -> RuleFinding:
    """Reject numbers of other countries than ``only``, or of those to ``reject``.

    A number that only the caller's client gave can reject, never let ring.
    """
    country = facts.country
    known: dict[str, Scalar] = {"country": country}
    if country is not None:
        if _is_wanted(rule, country):
            return RuleFinding(None, f"a number of {country}", known)
        return RuleFinding("reject", f"a number of {country}", known, reply=rule.reply)
    claimed = country_of_any(facts.claims)
    if claimed is not None and not _is_wanted(rule, claimed):
        why = f"the caller's client gives a number of {claimed}"
        return RuleFinding("reject", why, known, reply=rule.reply)
    if rule.unknown == "reject":
        return RuleFinding("reject", "the number's country is not known", known, reply=rule.reply)
    return RuleFinding(None, "the number's country is not known", known)


def _is_wanted(rule: CountryRule, country: str) -> bool:
    return country in rule.only if rule.only is not None else country not in (rule.reject or ())
