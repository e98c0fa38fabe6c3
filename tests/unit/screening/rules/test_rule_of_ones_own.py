"""A rule made here: its class and its judge are all that keeping, sweeping and lint need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import pytest
from typing_extensions import override

from models.decisions import Verdict
from models.policy import DAY_MS, RULE_TYPES, Duration, Name, Rule, rule_type
from streams.conversations import keep_ms as conversations_kept_ms
from streams.policies.book import PolicyBook, PolicyInForce
from streams.policies.lint import lint
from streams.policies.rule_table import rule_table
from streams.screening.facts import Facts, LineFacts
from streams.screening.recent_calls import KEEP_MS, RecentCalls
from streams.screening.retention import keep_ms, longest_keep_ms
from streams.screening.rules import JUDGES
from streams.screening.rules.finding import RuleFinding
from streams.screening.step import StepContext, step
from streams.screening.storms import Storms
from streams.views.views import Views
from tests.support.facts import NOW_MS, offer, policy

HOUR_MS = 3_600_000
PESTER = {"id": "pester", "type": "pester", "reply": "slow-down"}


@pytest.fixture(autouse=True)
def pester() -> Iterator[None]:
    """The rule type, as long as a test runs."""

    @rule_type
    class PesterRule(Rule):
        """Reject the third call of one caller within hours."""

        text_variables: ClassVar = {"reply": ("wait",)}

        type: Literal["pester"] = "pester"
        within: Duration = 2 * HOUR_MS
        """The window, which ends with the call that is decided."""
        reply: Name | None = None
        """What a rejected caller is told."""

        @property
        @override
        def lookback_ms(self) -> int:
            return self.within

        @property
        @override
        def history_ms(self) -> int:
            return 3 * 365 * DAY_MS

        @property
        @override
        def block_memory_ms(self) -> int:
            return 0

    def judge(rule: PesterRule, _in_force: PolicyInForce, facts: Facts) -> RuleFinding:
        count = facts.calls_within(rule.within)
        known: dict[str, Any] = {"wait_ms": rule.within}
        if count < 3:
            return RuleFinding(None, f"{count} calls", known)
        return RuleFinding("reject", f"{count} calls", known, reply=rule.reply)

    JUDGES["pester"] = judge
    yield
    del RULE_TYPES["pester"], JUDGES["pester"]


def decided_after(*minutes: int) -> tuple[list[Verdict], RecentCalls]:
    """The verdicts on calls at these times, and what is kept of them in the end."""
    known, state, verdicts = Views.empty(), RecentCalls(), list[Verdict]()
    for offset, minute in enumerate(minutes):
        at_ms = NOW_MS + minute * 60_000
        call = offer(call_id=f"call-{offset}", offered_at_ms=at_ms, received_at_ms=at_ms)
        done = step(
            state,
            call,
            StepContext(
                in_force=policy(PESTER),
                offset=offset,
                now_ms=at_ms,
                last_in_ms=0,
                last_out_ms=0,
                history_incomplete=False,
                known=known,
                line=LineFacts(),
                storms=Storms(known.workers),
            ),
        )
        state = done.state
        verdicts.append(done.decision.verdict)
    return verdicts, state


def test_calls_are_remembered_for_its_window_and_no_longer() -> None:
    assert decided_after(0, 60, 119)[0] == ["ring", "ring", "reject"]
    assert decided_after(0, 60, 121)[0] == ["ring", "ring", "ring"]
    assert [each.call_id for each in decided_after(0, 60, 121)[1].calls] == ["call-1", "call-2"]


def test_sweeping_spares_its_callers_for_the_window() -> None:
    book = PolicyBook({"*": policy(PESTER)})
    assert keep_ms(policy(PESTER)) == longest_keep_ms(book) == 2 * HOUR_MS
    _, state = decided_after(0)
    assert state.needed_until_ms(longest_keep_ms(book)) == NOW_MS + 2 * HOUR_MS
    assert longest_keep_ms(PolicyBook({"*": policy()})) == KEEP_MS


def test_conversations_are_kept_as_long_as_it_asks_for() -> None:
    assert conversations_kept_ms(PolicyBook({"*": policy(PESTER)})) == 3 * 365 * DAY_MS


def test_lint_knows_its_text_variables() -> None:
    first = {"id": "first", "type": "text_first", "reply": "slow-down"}
    replies = {"slow-down": {"en": "Again in {wait}."}, "text-first": {"en": "Write."}}
    assert not lint(policy(PESTER, replies=replies))
    (fault,) = lint(policy(first, replies=replies))
    knows = "the queue_reply of a presence rule or the reply of a pester rule"
    assert fault.message == f"the reply 'slow-down' speaks of {{wait}}, which only {knows} knows"


def test_the_table_of_rules_has_it() -> None:
    table = rule_table().splitlines()
    does = "Reject the third call of one caller within hours."
    assert f"| `pester` | {does} | `reply` | `{{wait}}` in `reply` |" in table
    window = "The window, which ends with the call that is decided."
    assert f"| `pester` | `within` | a duration | `2h` | {window} |" in table


def test_two_types_of_one_name_are_refused() -> None:
    class OtherRule(Rule):
        type: Literal["pester"] = "pester"

    with pytest.raises(ValueError, match="two rule types are called 'pester'"):
        rule_type(OtherRule)
