"""What the audit says of the range that it could judge."""

from __future__ import annotations

from streams.audit.judged_range import JudgedRange
from streams.common.wording import moment
from streams.kafka.reader import WholeSince

SINCE = 1_767_261_600_000
AT = moment(SINCE)[:19]


def test_an_uncut_range_says_where_it_begins() -> None:
    assert JudgedRange().sentence() == "calls from the first one on"
    assert JudgedRange(since_ms=SINCE, asked_ms=SINCE).sentence() == f"calls received from {AT} on"
    until = JudgedRange(since_ms=SINCE, until_ms=SINCE + 60_000).sentence()
    assert until == f"calls received from {AT} on, before {moment(SINCE + 60_000)[:19]}"


def test_a_cut_range_names_the_topic_that_cut_it() -> None:
    cut = WholeSince(SINCE, "calls.commands", 86_400_000)
    judged = JudgedRange(since_ms=SINCE, asked_ms=SINCE - 3_600_000, cut=cut)
    assert judged.sentence() == (
        f"calls received from {AT} on (asked for: {moment(SINCE - 3_600_000)[:19]}):"
        " older ones lack records on calls.commands, it keeps 24 h"
    )
    assert judged.as_dict()["cut_by"] == "calls.commands"


def test_a_cut_without_a_promised_time_says_what_may_cut() -> None:
    cut = WholeSince(SINCE, "calls.commands", None)
    assert "retention.bytes" in JudgedRange(since_ms=SINCE, cut=cut).sentence()
