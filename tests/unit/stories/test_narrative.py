from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

from models.calls import CallRejected
from models.commands import BlockCaller, UnblockCaller, block_id, unblock_id
from models.decisions import Assignment, RuleTrace
from models.records import call_command, lifecycle
from streams.common.wording import span
from streams.stories.narrative import narrate
from tests.support.records import (
    T0,
    Log,
    decision,
    log_of,
    offer,
    outcome,
    queued_call,
    reject,
    rejected_call,
    ringing_call,
)


def test_a_rejected_call_is_told_from_webhook_to_confirmation() -> None:
    records = log_of(rejected_call(offer("A")))
    assert narrate(records[::-1], UTC) == [
        "call A on line london (gateway office)",
        "from +447•••••••23, webhook received 2026-01-01 10:00:00.000+00:00",
        "",
        "     0 ms  offer of a voice call, told to screening",
        "           began to ring 2026-01-01 09:59:59.880+00:00, by the provider's clock",
        (
            "     3 ms  decided: reject (rejected) by the rule text-first: has never written to "
            "this line"
        ),
        "           the common policy, revision 0123456789ab",
        "           known: age 123 ms · media voice · not group · calls in 60s 1 · last in never",
        "           rule burst (burst) does not apply: 1 of 3 calls within 60 s",
        "           rule text-first (text_first) applies: has never written to this line",
        "     3 ms  reject asked for, then the reply text-first",
        "           to be sent before 2026-01-01 10:00:44.880+00:00",
        "     9 ms  rejected: the reject is accepted",
        "           HTTP status 201, requests 1, reply text-first, answered after 4 ms",
        "     9 ms  text asked for: the reply text-first",
        "           to be sent before 2026-01-01 10:02:59.880+00:00",
        "    50 ms  told: the text is accepted",
        (
            "           HTTP status 201, requests 1, reply text-first, message 3EB0A, answered "
            "after 4 ms"
        ),
        "   709 ms  confirmed: the reject is confirmed",
        "           reply text-first",
    ]


def test_what_was_known_is_told_with_its_age() -> None:
    lines = narrate(log_of(ringing_call(offer("A"))), UTC)
    assert any("last in 3 days before (2025-12-29 10:00:00.000+00:00)" in line for line in lines)
    assert any(
        "decided: ring (rang) by the policy's default: wrote 3 days ago" in line for line in lines
    )


def test_what_is_still_to_come_is_told_as_such() -> None:
    of = offer("A")
    decided = decision(of)
    ahead = replace(decided, facts={"blocked_until_ms": decided.decided_at_ms + 540_000})
    assert any(
        "blocked until 9 min later (2026-01-01 10:0" in line
        for line in narrate(log_of([of, ahead]), UTC)
    )


def test_no_number_is_told_in_full() -> None:
    of = replace(
        offer("A"),
        caller_known_as=("900000000000143@lid",),
        caller_claims=("447700900999@c.us",),
    )
    decided = replace(decision(of), facts={"alias": "900000000000143@lid"})
    history = [of, decided, *rejected_call(of)[2:]]
    told = "\n".join(narrate(log_of(history), UTC))
    assert "also known as lid•••43" in told
    assert "its own client names +447•••••••99, which counts against it only" in told
    assert "447700900123" not in told
    assert "900000000000143" not in told


def test_repeats_are_told_as_such_and_once_in_detail() -> None:
    lines = narrate(
        log_of([*ringing_call(offer("A")), decision(offer("A"), "ring", after_ms=4_000)]), UTC
    )
    (again,) = [line for line in lines if line.endswith("(again)")]
    assert again.startswith("    4.0 s  decided: ring")
    assert sum("revision" in line for line in lines) == 1


def test_an_echo_is_no_proof_and_a_shadow_rule_did_not_decide() -> None:
    of = offer("A")
    trace = RuleTrace(
        rule="burst", kind="burst", matched=True, why="3 calls within 60 s", shadow=True
    )
    failed = RuleTrace(
        rule="text-first", kind="text_first", matched=False, why="KeyError", error=True
    )
    decided = replace(decision(of, "ring"), rules=(trace, failed))
    over = CallRejected(
        event_id="e",
        gateway=of.gateway,
        line=of.line,
        call_id="A",
        echo=True,
        at_ms=T0 + 500,
        received_at_ms=T0 + 510,
    )
    log = Log()
    records = [
        *log.append_all([of, decided]),
        log.append_record(lifecycle(over, "/bridge", None), T0 + 510),
    ]
    lines = narrate(records, UTC)
    assert any(
        "rule burst (burst) would apply (shadow): 3 calls within 60 s" in line for line in lines
    )
    assert any("rule text-first (text_first) failed: KeyError" in line for line in lines)
    assert lines[-1].startswith("   510 ms  the gateway says: the call is over (its own echo")


def test_a_holdout_and_the_share_it_has_are_told() -> None:
    of = offer("A")
    trace = RuleTrace(
        rule="text-first", kind="text_first", matched=True, why="never wrote", holdout=True
    )
    given = Assignment(
        of="rule",
        experiment="text-first",
        salt="",
        shares={"holdout": 0.1, "enforced": 0.9},
        variant="holdout",
    )
    decided = replace(decision(of, "ring"), rules=(trace,), assignments=(given,))
    lines = [line.strip() for line in narrate(log_of([of, decided]), UTC)]
    assert (
        "rule text-first (text_first) would reject (the caller is held out): never wrote" in lines
    )
    assert "experiment of the rule text-first: holdout, as 10% of callers are" in lines


def test_outcomes_alone_are_told_too() -> None:
    of = offer("A")
    ended = outcome(reject(of, decision(of)), "failed", at_ms=T0 + 9, reason="session-missing")
    lines = narrate(log_of([ended]), UTC)
    assert "not rejected (session missing): the reject is failed" in lines[3]


def test_spans_are_short() -> None:
    spans = {
        0: "0 ms",
        999: "999 ms",
        1200: "1.2 s",
        45_000: "45 s",
        119_999: "119 s",
        720_000: "12 min",
    }
    spans |= {10_800_000: "3 h", 3_456_000_000: "40 days", -5: "-5 ms"}
    assert {ms: span(ms) for ms in spans} == spans


def test_a_queued_caller_is_told_of_the_wait() -> None:
    lines = narrate(log_of(queued_call(offer("A"))), UTC)
    assert "     3 ms  decided: queue (queued) by the rule desk: all agents are busy" in lines
    assert (
        "     3 ms  text asked for (the caller is queued, and the call rings on): the reply queued"
        in lines
    )
    assert "    44 ms  told: the text is accepted" in lines


def test_a_block_on_the_gateway_is_told_as_one() -> None:
    of = offer("A")
    decided = decision(of)
    common = {
        "decision_id": decided.decision_id,
        "gateway": "office",
        "line": "london",
        "session": "default",
    }
    who = {"call_id": "A", "caller": of.caller, "caller_raw": of.caller_raw, "received_at_ms": T0}
    about: dict[str, Any] = {**common, **who}
    blocked_id, unblocked_id = block_id(decided.decision_id), unblock_id(decided.decision_id)
    block = BlockCaller(
        command_id=blocked_id, offered_at_ms=T0 - 120, until_ms=T0 + 60_000, **about
    )
    end = UnblockCaller(command_id=unblocked_id, at_ms=T0 + 60_000, **about)
    accepted = outcome(reject(of, decided), at_ms=T0 + 5)
    blocked = replace(
        accepted, command="block", command_id=block.command_id, outcome_id="b", http_status=None
    )
    log = Log()
    commands = [
        log.append_record(call_command(each, "/test", None), T0 + 3) for each in (block, end)
    ]
    lines = narrate([*log.append_all([of, decided, blocked]), *commands], UTC)
    assert any(
        line.endswith("block on the gateway asked for, until 2026-01-01 10:01:00.000+00:00")
        for line in lines
    )
    assert any(
        line.endswith("block accepted: the block on the gateway is accepted") for line in lines
    )
    assert lines[-1] == "     60 s  end of the block on the gateway asked for"
    assert not any("told:" in line for line in lines)
