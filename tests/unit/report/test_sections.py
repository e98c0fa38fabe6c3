from __future__ import annotations

from collections.abc import Sequence

import pytest

from streams.report.sections import Section, sections
from streams.report.sentences import SENTENCES
from streams.report.terminal import lines
from tests.support.records import T0, offer, rejected_call, ringing_call
from tests.support.reports import asked, busy_day, everything, figures_of


def by_key(values: Sequence[object]) -> dict[str, Section]:
    return {each.key: each for each in sections(figures_of(values))}


def test_without_data_each_section_says_what_brings_it() -> None:
    for section in sections(figures_of([])):
        assert section.missing is not None
        assert "`" in section.missing
        assert (section.sentences, section.table) == ((), [])


def test_with_data_each_section_says_something() -> None:
    for section in sections(figures_of(everything())):
        assert section.missing is None
        assert all(section.sentences)
        assert len({len(row) for row in section.table}) == 1
        assert len(section.table) > 1


@pytest.mark.parametrize("key", SENTENCES)
def test_every_sentence_is_whole(key: str) -> None:
    for sentences in by_key(everything())[key].sentences:
        for sentence in sentences:
            assert sentence.endswith("."), sentence
            assert "  " not in sentence


def test_sentences_count_what_happened() -> None:
    said = {
        key: " ".join(each for plot in section.sentences for each in plot)
        for key, section in by_key(busy_day()).items()
        if section.missing is None
    }
    assert said == {
        "calls": (
            "Of 5 calls, 1 (20 %) was let ring, 3 (60 %) were to be rejected and 1 (20 %) was"
            " queued. The most came to london: 4 (80 %)."
        ),
        "hours": (
            "The busiest hour is Thursday 10 to 11 h: 4 calls. 1 call came while the line was"
            " closed: 100 % of the 1 that a rule of opening hours (quiet_hours) looked at. The"
            " other 4 were decided before such a rule was asked, or their line has none. The hour"
            " with the most of them is Thursday 10 to 11 h: 1 call."
        ),
        "rules": (
            "text-first rejects the most: 2 of the 3 calls that rules reject (67 %). Of 5 calls no"
            " rule decided 1: the policy's default 1."
        ),
        "attrition": (
            "Of 3 callers who were rejected, 1 (33 %) came back so far. What they did first: 1"
            " wrote. Horizons are still open, that of 6 h for 1 of them: each closes so long after"
            " the reject, and until then nobody is said to have left. Of 2 callers rejected by"
            " hours, 50 % were back within 6 h; 50 % left. Of 2 callers rejected with the reply"
            " closed, 50 % were back within 6 h; 50 % left."
        ),
        "texts": "After 3 of 3 rejected or queued calls the caller got a text.",
        "callbacks": (
            "1 caller is owed a callback; the longest has waited 25 h, on london. 1 callback was"
            " settled in this time (by hand 1), the slowest after 60 min."
        ),
        "latency": (
            "Half of 2 rejects were answered by the gateway within 9 ms of its webhook, 99 of 100"
            " within 9 ms; the slowest took 9 ms. At the median Ringfence took 5 ms of that and"
            " the gateway 4 ms; of 99 in 100, at most 5 ms and 4 ms."
        ),
        "rejects": (
            "office: of 2 accepted rejects, 1 (50 %) confirmed by the call's end and 1 not known"
            " yet."
        ),
    }


def test_that_nobody_knows_of_opening_hours_is_said() -> None:
    _, (said,) = by_key(ringing_call(offer()))["hours"].sentences
    assert said.startswith("No rule of opening hours (quiet_hours) looked at these calls")


def test_the_terminal_shows_everything_within_its_width() -> None:
    shown = list(lines(figures_of(busy_day())))
    assert shown[:2] == [
        "Calls of all lines",
        "2 days, from 2025-12-31 10:00 (+00:00) to 2026-01-02 10:00 (+00:00).",
    ]
    assert max(map(len, shown)) <= 100
    assert "CALLBACKS" in shown
    assert "  line    calls  rang  rejected  queued  too late" in shown


def test_the_terminal_says_what_is_missing() -> None:
    shown = " ".join(lines(figures_of([], asked("london"))))
    assert shown.startswith("Calls of london")
    assert "Look further back with --since 30d" in shown


def test_a_line_without_a_zone_is_named() -> None:
    values = rejected_call(offer(line="gone", at_ms=T0))
    (note,) = figures_of(values).scope.notes
    assert note.startswith("not in the configuration, and shown by UTC: gone; name the config")
