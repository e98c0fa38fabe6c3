"""The judge of the fault suite: each thing that must not be is counted, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from models.records import dead_letter
from streams.settings import KafkaSettings
from streams.simulator.session_state import SimulatedPerson
from tests.faults.suite.journal import Asked, Record
from tests.faults.suite.ledger import Ledger
from tests.faults.suite.people import Kind, Person
from tests.faults.suite.traffic import Placed
from tests.faults.suite.verdict import Row, Run, count
from tests.support.records import Log, offer, rejected_call, ringing_call

CALLER = "447700900123@c.us"
OFFER = offer("CALL1", caller=CALLER)
KEY = "london/CALL1"
ZEROS = {
    "lost": 0,
    "doubled": 0,
    "stale": 0,
    "by_mistake": 0,
    "underivable": 0,
    "strange": 0,
}


def asked(
    kind: str, *, after_ms: int = 100, violation: str | None = None, acted: bool = True
) -> Asked:
    at_ms = OFFER.received_at_ms + after_ms
    return Asked(at_ms, kind, "CALL1", CALLER, "default", acted, violation)


def row(
    *values: object,
    requests: tuple[Asked, ...] = (),
    kind: Kind = "stranger",
    taken: bool = False,
    ends: tuple[tuple[int, str], ...] = (),
    **placing: Any,
) -> Row:
    """What the suite says of one call of which these records and requests are known."""
    ledger = Ledger(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    for seen in Log().append_all(values):  # type: ignore[arg-type] # the builders' own values
        ledger.take(seen)
    person = Person(SimulatedPerson(CALLER), "london", kind)
    began_ms = OFFER.received_at_ms
    placed = Placed(person, "a row", began_ms, began_ms, timed=True, **placing)
    record = Record(list(requests), {"call.received": {"CALL1"}} if taken else {})
    record.ends = {"CALL1": [(began_ms + after_ms, event) for after_ms, event in ends]}
    (found,) = count(ledger, record, Run(placed={KEY: placed}, label="a row"))
    return found


def counts(found: Row) -> Mapping[str, int]:
    return {name: getattr(found, name) for name in ZEROS}


def test_a_whole_call_counts_nothing() -> None:
    found = row(*rejected_call(OFFER), requests=(asked("reject"), asked("text")), taken=True)
    assert (counts(found), found.offers, found.sound) == (ZEROS, 1, True)


def test_an_offer_that_the_bridge_took_and_nobody_wrote_is_lost() -> None:
    assert row(taken=True).lost == 1
    assert row(taken=False).lost == 0


def test_an_offer_without_a_decision_is_lost() -> None:
    assert row(OFFER, taken=True).lost == 1


@pytest.mark.parametrize("missing", [3, 5], ids=["reject", "text"])
def test_a_command_without_an_outcome_is_lost(missing: int) -> None:
    history = [
        value for at, value in enumerate(rejected_call(OFFER, confirm=False)) if at != missing
    ]
    assert row(*history).lost == 1


def test_an_offer_in_the_dead_letters_is_not_lost() -> None:
    ledger = Ledger(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    log = Log()
    seen = log.append(OFFER)
    ledger.take(seen)
    assert ledger.undecided() == {KEY}
    letter = dead_letter(
        key=b"", value=b"", headers=[], reason="undecodable", message="why", source="test",
        topic="calls.events", partition=seen.partition, offset=seen.offset,
    )  # fmt: skip
    ledger.take(log.append_record(letter, OFFER.received_at_ms))
    assert ledger.undecided() == set()


def test_a_second_text_is_doubled_and_a_second_reject_is_not() -> None:
    requests = (
        asked("reject"),
        asked("reject"),
        asked("text"),
        asked("text"),
        asked("text", acted=False),
    )
    assert counts(row(*rejected_call(OFFER), requests=requests)) == {**ZEROS, "doubled": 1}


def test_what_comes_after_its_window_is_stale() -> None:
    fresh = (asked("reject", after_ms=44_999), asked("text", after_ms=179_999))
    assert counts(row(*rejected_call(OFFER), requests=fresh)) == ZEROS
    stale = (asked("reject", after_ms=45_000), asked("text", after_ms=180_000))
    assert counts(row(*rejected_call(OFFER), requests=stale)) == {**ZEROS, "stale": 2}


@pytest.mark.parametrize("kind", ["talker", "writer"])
def test_a_reject_of_somebody_protected_is_a_mistake(kind: Kind) -> None:
    assert row(*rejected_call(OFFER), kind=kind).by_mistake == 1
    assert row(*ringing_call(OFFER), kind=kind).by_mistake == 0
    assert row(*ringing_call(OFFER), requests=(asked("reject"),), kind=kind).by_mistake == 1


def test_a_request_that_no_gateway_documents_is_strange() -> None:
    assert row(OFFER, requests=(asked("reject", violation="an unknown field"),)).strange == 1
    assert (
        row(OFFER, requests=(asked("reject", violation="this call id was never offered"),)).strange
        == 0
    )


def test_runs_add_up() -> None:
    one = Row(
        case="a", kills=2, offers=3, longest_wait_s=1.0, details={"lost": ["x"], "decided again": 1}
    )
    one.add(replace(one, kills=5, longest_wait_s=2.0, details={"lost": ["y"], "decided again": 2}))
    assert (one.runs, one.kills, one.offers, one.longest_wait_s) == (2, 7, 6, 2.0)
    assert one.details == {"lost": ["x", "y"], "decided again": 3}


@pytest.mark.parametrize("event", ["call.accepted", "call.rejected"])
@pytest.mark.parametrize(("told_ms", "stale"), [(750, 1), (751, 0)])
def test_a_reject_long_after_the_end_is_stale(event: str, told_ms: int, stale: int) -> None:
    late = asked("reject", after_ms=1000)
    found = row(*ringing_call(OFFER), requests=(late,), ends=((told_ms, event),))
    assert found.stale == stale


def test_an_end_of_an_earlier_call_under_the_id_is_no_matter() -> None:
    began_ms = OFFER.received_at_ms
    late = asked("reject", after_ms=3000)
    found = row(
        *ringing_call(OFFER),
        requests=(late,),
        ends=((1000, "call.rejected"),),
        again_ms=(began_ms + 2000,),
    )
    assert found.stale == 0


def test_a_text_to_who_was_answered_is_stale() -> None:
    ends = ((100, "call.accepted"),)
    assert row(*ringing_call(OFFER), requests=(asked("text", after_ms=350),), ends=ends).stale == 1
    assert row(*ringing_call(OFFER), requests=(asked("text", after_ms=349),), ends=ends).stale == 0
    both = (asked("reject", after_ms=20), asked("text", after_ms=900))
    assert row(*rejected_call(OFFER), requests=both, ends=ends).stale == 0


def test_a_reject_under_a_second_identity_is_doubled() -> None:
    other = replace(asked("reject", after_ms=400), chat="90111222333444@lid")
    assert row(*rejected_call(OFFER), requests=(asked("reject"), other)).doubled == 1
    assert row(*rejected_call(OFFER), requests=(asked("reject"), asked("reject"))).doubled == 0


def test_a_call_that_rang_on_is_lost() -> None:
    assert row(*ringing_call(OFFER), rings_on=True).lost == 1
    assert row(*rejected_call(OFFER), requests=(asked("reject"),), rings_on=True).lost == 0
    missed = asked("reject", acted=False)
    assert row(*rejected_call(OFFER), requests=(missed,), rings_on=True).lost == 1
