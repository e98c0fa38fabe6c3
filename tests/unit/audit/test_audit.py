from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from models.calls import CallOffered, SessionsDue
from models.commands import RejectCall, SendText
from models.decisions import Decision
from models.outcomes import OWNER_CHANGED, Outcome
from models.records import dead_letter, sessions_due
from models.topics import CALLS_EVENTS
from streams.audit.audit import FOLD_MS, Audit
from streams.audit.findings import Findings, Open
from streams.audit.judged_range import JudgedRange
from streams.kafka.reader import RecordRef, Seen
from tests.support.records import (
    COUNTS,
    T0,
    Log,
    Value,
    decision,
    elsewhere,
    log_of,
    offer,
    outcome,
    queued_call,
    reject,
    rejected_call,
    ringing_call,
    text,
)

LATER = T0 + 600_000


def audited(
    records: Iterable[Seen],
    *,
    now: int = LATER,
    since: int = 0,
    simulator: dict[str, Any] | None = None,
) -> Findings:
    audit = Audit(COUNTS, JudgedRange(since_ms=since), clock=lambda: now)
    for seen in records:
        audit.add(seen)
    return audit.finish(simulator)


def codes(found: Findings) -> list[str]:
    return sorted(finding.code for finding in found.wrong)


def history(**changes: Value) -> list[Value]:
    """A rejected call, with the parts named replaced: offer, decision, reject, rejected, text,
    told, confirmed."""
    names = ("offer", "decision", "reject", "rejected", "text", "told", "confirmed")
    return [
        changes.get(name, value)
        for name, value in zip(names, rejected_call(offer("A")), strict=True)
    ]


def part(name: str) -> Any:
    names = ("offer", "decision", "reject", "rejected", "text", "told", "confirmed")
    return rejected_call(offer("A"))[names.index(name)]


def test_a_whole_history_holds() -> None:
    found = audited(log_of(rejected_call(offer("A")), ringing_call(offer("B"))))
    assert found.holds
    assert found.open == Open()
    assert found.checked == {
        "offers": 2,
        "decisions": 2,
        "rejects": 1,
        "texts": 1,
        "blocks": 0,
        "outcomes": 3,
    }
    assert found.lines() == [
        "audit       holds",
        "            judged calls from the first one on",
        "            compared 2 offers, 2 decisions, 1 reject, 1 text, 0 blocks, 3 outcomes",
    ]


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("offer", ["no-offer", "no-offer", "no-offer"]),
        ("decision", ["unasked-reject", "undecided"]),
        ("reject", ["no-reject", "orphan-outcome", "orphan-outcome"]),
        ("rejected", ["no-outcome", "unasked-text"]),
        ("text", ["no-text", "orphan-outcome"]),
        ("told", ["no-outcome"]),
    ],
)
def test_what_is_missing_is_found(missing: str, expected: list[str]) -> None:
    gone = part(missing)
    found = audited(log_of([value for value in rejected_call(offer("A")) if value != gone]))
    assert codes(found) == expected
    assert not found.holds
    assert all(finding.call_id == "A" for finding in found.wrong)
    assert all(finding.place is not None for finding in found.wrong)


def test_a_finding_names_where_it_stands() -> None:
    (seen,) = log_of([offer("A")])
    (finding,) = audited([seen]).wrong
    assert finding.place == RecordRef("calls.events", seen.partition, 0)
    assert finding.line() == (
        "undecided: call A: the offer has no decision after 10 min [calls.events partition "
        f"{seen.partition} offset 0]"
    )
    assert finding.as_dict()["topic"] == "calls.events"


@pytest.mark.parametrize(
    ("upto", "now", "expected"),
    [
        (1, T0 + 4_999, Open(decisions=1)),
        (2, T0 + 4_000, Open(commands=1)),
        (3, T0 + 44_000, Open(commands=1)),
        (4, T0 + 4_000, Open(commands=1, confirmations=1)),
        (5, T0 + 100_000, Open(commands=1, confirmations=1)),
        (6, T0 + 100_000, Open(confirmations=1)),
        (7, T0 + 100_000, Open()),
    ],
)
def test_what_is_under_way_is_open_and_not_wrong(upto: int, now: int, expected: Open) -> None:
    records = log_of(rejected_call(offer("A"))[:upto])
    found = audited(records, now=now)
    assert found.holds
    assert found.open == expected
    audit = Audit(COUNTS, clock=lambda: now)
    for seen in records:
        audit.add(seen)
    assert audit.pending() == expected


def test_open_work_is_said_in_words() -> None:
    found = audited(log_of([offer("A")], rejected_call(offer("B"))[:3]), now=T0 + 1000)
    assert (
        found.lines()[0]
        == "audit       holds so far, 1 offer not decided yet and 1 command not ended yet"
    )


@pytest.mark.parametrize(
    ("second", "expected"),
    [("reject", []), ("late", []), ("ring", ["decided-twice"]), ("queue", ["decided-twice"])],
)
def test_a_second_decision_must_agree_or_be_late(second: Any, expected: list[str]) -> None:
    again = decision(offer("A"), second, after_ms=4_000)
    assert codes(audited(log_of([*history(), again]))) == expected


def test_a_repeated_webhook_and_repeated_records_are_no_findings() -> None:
    of = offer("A")
    again = replace(of, event_id="evt_other", received_at_ms=T0 + 800)
    assert audited(log_of([*rejected_call(of), again, *rejected_call(of)])).holds


@pytest.mark.parametrize("kind", [RejectCall, SendText])
@pytest.mark.parametrize(
    "change",
    [
        {"session": "other"},
        {"caller": "447700900999@c.us"},
        {"caller_raw": "447700900999@c.us"},
        {"gateway": "cloud"},
        {"line": "riyadh"},
        {"call_id": "B"},
    ],
)
def test_a_command_that_mixes_calls_is_crossed(kind: type[Value], change: dict[str, str]) -> None:
    changed = [
        # one field of many
        replace(value, **change) if isinstance(value, kind) else value  # type: ignore[arg-type]
        for value in rejected_call(offer("A"))
    ]
    assert "crossed" in codes(audited(log_of(changed)))


@pytest.mark.parametrize("name", ["decision", "rejected", "told", "confirmed"])
def test_decisions_and_outcomes_must_be_their_offers_too(name: str) -> None:
    changed = history(**{name: replace(part(name), caller="447700900999@c.us")})
    assert codes(audited(log_of(changed))) == ["crossed"]


def test_a_decision_says_what_it_rests_on() -> None:
    bare = history(decision=replace(part("decision"), facts={}, policy_revision=""))
    (finding,) = audited(log_of(bare)).wrong
    assert finding.code == "unexplained"
    assert finding.sentence == "the decision has no facts and no policy revision"


def test_a_reject_that_nobody_decided_is_found() -> None:
    of = offer("A")
    let_ring = decision(of, "ring")
    command = reject(of, let_ring)
    found = audited(log_of([of, let_ring, command, outcome(command, at_ms=T0 + 9)]))
    assert codes(found) == ["unasked-reject"]


@pytest.mark.parametrize("result", ["failed", "unknown", "late", "suppressed"])
def test_a_text_needs_a_reject_that_went_through(result: Any) -> None:
    ended = outcome(part("reject"), result, at_ms=T0 + 9)
    assert codes(audited(log_of(history(rejected=ended)[:6]))) == ["unasked-text"]


def test_a_text_of_a_reject_whose_outcome_was_lost_is_explained() -> None:
    ended = replace(outcome(part("reject"), "unknown", at_ms=T0 + 9), reason=OWNER_CHANGED)
    assert audited(log_of(history(rejected=ended)[:6])).holds


def test_a_reject_whose_decision_was_lost_is_explained() -> None:
    of = offer("A")
    command = reject(of, decision(of))
    unknown = outcome(command, "unknown", at_ms=T0 + 60_009)
    ended = replace(unknown, reason=OWNER_CHANGED, sent_at_ms=None)
    again = decision(of, "late", after_ms=60_000)
    assert audited(log_of([of, replace(command, reply=None), again, ended])).holds
    # one that comes behind it is asked for by nobody
    later = decision(of, "late", after_ms=1)
    assert codes(audited(log_of([of, later, command, ended]))) == ["unasked-reject"]


def test_a_raced_reject_is_followed_by_its_text() -> None:
    raced = outcome(part("reject"), "raced", at_ms=T0 + 9)
    assert audited(log_of(history(rejected=raced)[:6])).holds


def test_a_reject_without_a_reply_needs_no_text() -> None:
    of = offer("A")
    decided = replace(decision(of), reply=None)
    command = reject(of, decided)
    assert audited(log_of([of, decided, command, outcome(command, at_ms=T0 + 9)])).holds


def test_a_second_text_is_found_and_a_repeated_outcome_is_none() -> None:
    again = replace(part("told"), message_id="true_447700900123@c.us_3EB0OTHER")
    assert codes(audited(log_of([*history(), again]))) == ["second-text"]
    assert audited(log_of([*history(), part("told")])).holds


@pytest.mark.parametrize(
    "before",
    [
        {"result": "suppressed", "reason": "cool-down", "sent_at_ms": None},
        {"result": "late", "sent_at_ms": None},
        {"result": "unknown"},
    ],
)
def test_a_text_that_was_settled_must_not_be_sent_after_that(before: dict[str, Any]) -> None:
    told = part("told")
    sent_at_ms = told.sent_at_ms
    settled = replace(told, outcome_id="other", at_ms=sent_at_ms - 1, **before)
    if settled.sent_at_ms:
        settled = replace(settled, sent_at_ms=sent_at_ms - 2)
    assert codes(audited(log_of([*history(), settled]))) == ["second-text"]
    # said by another worker while the first one's request was under way
    under_way = replace(settled, at_ms=sent_at_ms + 1)
    assert audited(log_of([*history(), under_way])).holds


@pytest.mark.parametrize(("name", "window"), [("rejected", 45_000), ("told", 180_000)])
def test_nothing_is_sent_at_the_end_of_its_window(name: str, window: int) -> None:
    ends = offer("A").offered_at_ms + window
    at_end = history(**{name: replace(part(name), sent_at_ms=ends)})
    just_before = history(**{name: replace(part(name), sent_at_ms=ends - 1)})
    assert codes(audited(log_of(at_end))) == ["sent-late"]
    assert audited(log_of(just_before)).holds


def test_a_window_cannot_be_widened_by_the_command_itself() -> None:
    wide = replace(part("reject"), expires_at_ms=T0 + 900_000)
    sent = replace(part("rejected"), sent_at_ms=T0 + 50_000)
    assert codes(audited(log_of(history(reject=wide, rejected=sent)))) == ["sent-late"]


def test_a_record_on_a_wrong_partition_or_key_is_misplaced() -> None:
    records = log_of(history())
    moved = audited([elsewhere(records[0]), *records[1:]])
    assert codes(moved) == ["misplaced"]
    assert "murmur2" in moved.wrong[0].sentence
    keyed = audited([replace(records[0], key=b"somebody"), *records[1:]])
    assert codes(keyed) == ["misplaced"]
    assert keyed.wrong[0].sentence == "the key is not the value's caller JID"


def test_a_wake_up_is_sent_to_its_partition_and_never_misplaced() -> None:
    due = sessions_due(SessionsDue(now_ms=T0), 3, "/worker")
    seen = replace(Log().append_record(due, T0), partition=3)
    assert audited([seen]).verdict == "nothing compared"


def test_an_undecodable_record_is_found_and_never_a_crash() -> None:
    (seen,) = log_of([offer("A")])
    found = audited([replace(seen, value=None, raw=b"{", fault="value: Invalid JSON")])
    assert codes(found) == ["undecodable"]
    assert found.wrong[0].sentence == "value: Invalid JSON"


def letter(of: Seen, reason: str) -> Seen:
    made = dead_letter(
        key=of.key,
        value=of.raw,
        headers=[],
        reason=reason,
        message="cannot be read",
        source="/worker",
        topic=CALLS_EVENTS.full_name("prod."),
        partition=of.partition,
        offset=of.offset,
    )
    return Log().append_record(made, T0 + 10)


def test_an_offer_in_the_dead_letters_did_not_vanish() -> None:
    (seen,) = log_of([offer("A")])
    found = audited([seen, letter(seen, "undecodable")])
    assert found.holds
    assert found.dead_letters == {"undecodable": 1}
    assert "            dead letters: undecodable 1" in found.lines()


def test_calls_from_before_the_range_are_counted_and_not_judged() -> None:
    before, after = rejected_call(offer("A"))[2:], rejected_call(offer("B", at_ms=T0 + 60_000))
    found = audited(log_of(before, after), since=T0 + 30_000)
    assert found.holds
    assert found.outside == len(before)
    assert found.checked["offers"] == 1


def test_a_webhook_repeated_across_the_ranges_edge_is_outside() -> None:
    again = replace(offer("A"), received_at_ms=T0 + 31_000)
    found = audited(log_of([*rejected_call(offer("A")), again]), since=T0 + 30_000)
    assert found.verdict == "nothing compared"


def test_a_text_within_a_cool_down_is_said_and_no_finding() -> None:
    found = audited(log_of(rejected_call(offer("A")), rejected_call(offer("B", at_ms=T0 + 60_000))))
    assert found.holds
    assert found.texts_within_cooldown == 1
    other_line = rejected_call(offer("B", line="riyadh", at_ms=T0 + 60_000))
    assert audited(log_of(rejected_call(offer("A")), other_line)).texts_within_cooldown == 0


def test_folding_forgets_what_is_whole_and_keeps_what_is_not() -> None:
    now = T0
    audit = Audit(COUNTS, clock=lambda: now)
    log = Log()
    for value in [
        *rejected_call(offer("A")),
        offer("B"),
        *ringing_call(offer("C", at_ms=T0 + FOLD_MS)),
    ]:
        audit.add(log.append(value))
    now = T0 + FOLD_MS + 1000
    assert audit.fold() == 1
    for value in rejected_call(offer("A")):
        audit.add(log.append(value))
    found = audit.finish()
    assert codes(found) == ["undecided"], (
        "repeats of a folded call are no new call, and B is still wrong"
    )
    assert found.checked["offers"] == 3


def seen_by_simulator(**changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "requests": {"reject": 1, "reject.201": 1, "text": 1, "text.201": 1},
        "duplicates": {},
        "violations": 0,
        "recent": [
            {"kind": "reject", "status": 201, "call_id": "A"},
            {"kind": "text", "status": 201, "call_id": "A"},
        ],
        "recent_violations": [],
    }
    return record | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        (
            {"violations": 1, "recent_violations": [{"what": "no X-Api-Key"}]},
            ["simulator-violation"],
        ),
        ({"duplicates": {"text": 1}}, ["simulator-second-text"]),
        ({"duplicates": {"reject": 1}}, []),
        ({"requests": {"reject": 1, "reject.500": 1, "text.201": 1}}, ["simulator-differs"]),
        ({"requests": {"reject": 2, "reject.201": 2, "text.500": 1}}, ["simulator-differs"]),
        (
            {
                "recent": [
                    {"kind": "reject", "status": 201, "call_id": "Z"},
                    {"kind": "text", "status": 201, "call_id": "Z"},
                ]
            },
            ["simulator-differs", "simulator-differs"],
        ),
        ({"requests": None, "recent": None, "duplicates": [], "violations": "many"}, []),
    ],
)
def test_the_simulators_record_is_compared(changes: dict[str, Any], expected: list[str]) -> None:
    found = audited(log_of(history()), simulator=seen_by_simulator(**changes))
    assert codes(found) == expected


def test_the_simulators_counts_are_shown() -> None:
    found = audited(log_of(history()), simulator=seen_by_simulator())
    assert found.simulator == {
        "rejects": 1,
        "texts": 1,
        "violations": 0,
        "second_rejects": 0,
        "second_texts": 0,
    }
    assert "rejects 1, texts 1" in found.lines()[3]


def test_a_command_in_the_dead_letters_has_ended() -> None:
    of = offer("A")
    records = log_of([of, decision(of), reject(of, decision(of))])
    command = records[2]
    made = dead_letter(
        key=command.key,
        value=command.raw,
        headers=[],
        reason="undecodable",
        message="x",
        source="/worker",
        topic="calls.commands",
        partition=command.partition,
        offset=command.offset,
    )
    assert codes(audited(records)) == ["no-outcome"]
    assert audited([*records, Log().append_record(made, T0)]).holds


def test_every_part_of_the_story_is_of_its_own_type() -> None:
    kinds = [CallOffered, Decision, RejectCall, Outcome, SendText, Outcome, Outcome]
    assert [type(value) for value in rejected_call(offer("A"))] == kinds
    assert text(offer("A"), decision(offer("A")), rejected_at_ms=T0 + 9) == part("text")


def test_a_queued_call_and_its_text_hold() -> None:
    found = audited(log_of(queued_call(offer())))
    assert codes(found) == []
    assert found.checked["texts"] == 1


def test_a_text_that_a_queued_caller_was_not_sent_is_missed() -> None:
    records = log_of(queued_call(offer())[:2])
    assert codes(audited(records)) == ["no-text"]
    early = audited(records, now=T0 + 1000)
    assert (early.holds, early.open.commands) == (True, 1)


def test_a_queued_call_without_a_reply_needs_no_text() -> None:
    offered, decided, *_ = queued_call(offer())
    assert isinstance(decided, Decision)
    assert codes(audited(log_of([offered, replace(decided, reply=None)]))) == []


def test_nothing_compared_proves_nothing() -> None:
    found = audited(log_of(rejected_call(offer("A"))), since=T0 + 60_000)
    assert (found.holds, found.verdict, codes(found)) == (False, "nothing compared", [])
    assert found.lines()[0] == "audit       proves nothing: there was nothing to compare"
    assert any("left out 7 records of calls outside" in line for line in found.lines())
    assert found.as_dict()["verdict"] == "nothing compared"
