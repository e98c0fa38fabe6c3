"""Queued calls, blocks on the gateway, dead letters and unsure texts, as the audit sees them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import records
from models.codec import encode
from models.commands import BlockCaller, UnblockCaller, block_id, unblock_id
from models.outcomes import CommandKind, Outcome, outcome_id
from models.records import Record, dead_letter
from models.topics import CALLS_COMMANDS, CALLS_DECISIONS, CALLS_EVENTS
from streams.audit.audit import Audit
from streams.audit.findings import Findings, Open
from streams.audit.judged_range import JudgedRange
from streams.kafka.reader import Seen
from tests.support.records import (
    COUNTS,
    T0,
    Log,
    Value,
    decision,
    log_of,
    offer,
    outcome,
    rejected_call,
    ringing_call,
    text,
)

LATER = T0 + 7_200_000


def audited(seen: Iterable[Seen], *, now: int = LATER, until: int | None = None) -> Findings:
    audit = Audit(COUNTS, JudgedRange(until_ms=until), clock=lambda: now)
    for each in seen:
        audit.add(each)
    return audit.finish()


def codes(found: Findings) -> list[str]:
    return sorted(finding.code for finding in found.wrong)


def queued() -> list[Value]:
    """Everything that the topics say of a call that was queued: it rings on, and its caller is
    told."""
    of = offer("A")
    ruled = replace(decision(of, "queue"), reply="queued")
    told = replace(text(of, ruled, rejected_at_ms=0), rejected_at_ms=None)
    return [of, ruled, told, outcome(told, at_ms=of.received_at_ms + 60)]


def test_a_queued_call_is_told_without_a_reject() -> None:
    assert audited(log_of(queued())).holds


def test_a_queued_caller_not_told_is_found_if_a_reply_was_named() -> None:
    of, ruled, *_ = queued()
    assert codes(audited(log_of([of, ruled]))) == ["no-text"]
    assert audited(log_of([of, ruled]), now=T0 + 4_000).open == Open(commands=1)
    assert isinstance(ruled, type(decision(offer("A"))))
    assert audited(log_of([of, replace(ruled, reply=None)])).holds


def blocks(log: Log, of: Any, until_ms: int) -> list[Seen]:
    """A block on the gateway, its end, and what became of both."""
    decided = decision(of)
    common = {
        "decision_id": decided.decision_id,
        "gateway": of.gateway,
        "line": of.line,
        "session": of.session,
        "call_id": of.call_id,
        "caller": of.caller,
        "caller_raw": of.caller_raw,
        "received_at_ms": of.received_at_ms,
    }
    block = BlockCaller(
        command_id=block_id(decided.decision_id),
        offered_at_ms=of.offered_at_ms,
        until_ms=until_ms,
        **common,
    )
    unblock = UnblockCaller(command_id=unblock_id(decided.decision_id), at_ms=until_ms, **common)

    def ended(command: BlockCaller | UnblockCaller, kind: CommandKind, at_ms: int) -> Seen:
        said = Outcome(
            outcome_id=outcome_id(command.command_id, "accepted"),
            command_id=command.command_id,
            command=kind,
            decision_id=command.decision_id,
            gateway=of.gateway,
            line=of.line,
            call_id=of.call_id,
            caller=of.caller,
            result="accepted",
            received_at_ms=of.received_at_ms,
            sent_at_ms=at_ms - 5,
            at_ms=at_ms,
        )
        return log.append_record(records.outcome(said, "/test", None), at_ms)

    def asked(command: BlockCaller | UnblockCaller, at_ms: int) -> Seen:
        made = Record(CALLS_COMMANDS, of.call_id.encode(), encode(command), [])
        return log.append_record(made, at_ms)

    return [
        asked(block, T0 + 10),
        ended(block, "block", T0 + 30),
        asked(unblock, until_ms),
        ended(unblock, "unblock", until_ms + 30),
    ]


def test_a_block_and_its_end_are_commands_with_outcomes() -> None:
    log = Log()
    of = offer("A")
    history = [*log.append_all(rejected_call(of)), *blocks(log, of, T0 + 600_000)]
    found = audited(history)
    assert found.holds, found.lines()
    assert found.checked["blocks"] == 2


@pytest.mark.parametrize(
    ("gone", "expected"),
    [(0, ["orphan-outcome"]), (1, ["no-outcome"]), (2, ["orphan-outcome"]), (3, ["no-outcome"])],
)
def test_a_part_of_a_block_that_is_missing_is_found(gone: int, expected: list[str]) -> None:
    log = Log()
    of = offer("A")
    parts = blocks(log, of, T0 + 600_000)
    found = audited([*log.append_all(rejected_call(of)), *parts[:gone], *parts[gone + 1 :]])
    assert codes(found) == expected


def test_a_block_of_another_caller_is_crossed() -> None:
    log = Log()
    of = offer("A")
    history = log.append_all(rejected_call(of))
    crossed = blocks(log, replace(of, session="another"), T0 + 600_000)
    assert set(codes(audited([*history, *crossed]))) == {"crossed"}


def test_a_text_with_unknown_end_is_listed_and_no_finding() -> None:
    history = rejected_call(offer("A"), confirm=False)
    told = history[-1]
    assert isinstance(told, Outcome)
    lost = replace(
        told,
        result="unknown",
        reason="interrupted",
        outcome_id=outcome_id(told.command_id, "unknown"),
    )
    found = audited(log_of([*history[:-1], lost, lost]))
    assert found.holds
    (unsure,) = found.unsure
    assert unsure.call_id == "A"
    assert (
        "whether +447•••••••23 on line london was told is not known (interrupted)"
        in found.lines()[-1]
    )
    assert found.as_dict()["texts_unsure"][0]["topic"] == "calls.outcomes"
    assert "447700900123" not in str(found.as_dict())


def letter(of: Seen) -> Seen:
    made = dead_letter(
        key=of.key,
        value=of.raw,
        headers=[],
        reason="undecodable",
        message="cannot be read",
        source="/worker",
        topic=of.topic.full_name("prod."),
        partition=of.partition,
        offset=of.offset,
    )
    return Log().append_record(made, of.timestamp_ms + 10)


def test_what_is_unreadable_did_not_vanish_if_dead_lettered() -> None:
    poison = Log().append_record(Record(CALLS_EVENTS, b"x", b"{", []), T0, decoded=False)
    poison = replace(poison, fault="value: Invalid JSON")
    assert codes(audited([poison])) == ["undecodable"]
    assert not audited([poison], now=T0 + 4_000).wrong, "its reader still has time to set it aside"
    assert not audited([poison, letter(poison)]).wrong
    assert not audited([letter(poison), poison]).wrong
    elsewhere = replace(poison, topic=CALLS_DECISIONS)
    assert codes(audited([elsewhere, letter(poison)])) == ["undecodable"]


@given(until=st.integers(T0 - 2_000, T0 + 2_000), rings=st.booleans())
def test_a_call_is_judged_whole_or_not_at_all(until: int, *, rings: bool) -> None:
    history = ringing_call(offer("A")) if rings else rejected_call(offer("A"))
    found = audited(log_of(history), until=until)
    assert not found.wrong
    assert found.checked["offers"] == (1 if until > T0 else 0)
    assert (found.outside > 0) == (until <= T0)
