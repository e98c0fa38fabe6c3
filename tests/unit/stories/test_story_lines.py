from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

from models.decisions import Decision
from models.outcomes import Outcome
from models.records import dead_letter
from streams.gateways.waha import WAHA
from streams.gateways.wawp import WAWP
from streams.stories.live import lines_without_ends
from streams.stories.story_lines import HOLD_MS, UNDECIDED_MS, WIDTH, Story
from tests.support.records import (
    T0,
    Log,
    Value,
    decision,
    log_of,
    offer,
    outcome,
    queued_call,
    reject,
    rejected_call,
    ringing_call,
)
from tests.support.webhooks import settings


def story() -> Story:
    return Story(["london", "riyadh"], zone=UTC)


def told(by: Story, history: list[Value]) -> list[str]:
    return [line for seen in log_of(history) for line in by.add(seen)]


def test_a_ringing_call_is_one_line_at_its_decision() -> None:
    by = story()
    lines = told(by, ringing_call(offer()))
    assert lines == ["10:00:00  london  +447•••••••23   rang          wrote 3 days ago"]
    assert by.tick(T0 + 60_000) == by.flush() == []


def test_a_rejected_call_is_one_line_when_all_is_in() -> None:
    by = story()
    lines = told(by, rejected_call(offer()))
    assert lines == [
        (
            "10:00:00  london  +447•••••••23   rejected ✓    has never written to this line · "
            "told             9 ms   41 ms"
        )
    ]
    assert len(lines[0]) <= WIDTH
    assert by.tick(T0 + 60_000) == by.flush() == []


def test_the_columns_stand_under_their_names() -> None:
    by = story()
    heading = by.heading()
    (line,) = told(by, rejected_call(offer()))
    for name, word in (
        ("line", "london"),
        ("caller", "+447"),
        ("verdict", "rejected"),
        ("story", "has never"),
    ):
        assert heading.index(name) == line.index(word)
    for name, number in (("reject", "9 ms"), ("text", "41 ms")):
        assert heading.rindex(name) + len(name) == line.index(number) + len(number)
    assert len(heading) == len(line) == WIDTH


def test_the_order_between_topics_does_not_matter() -> None:
    history = rejected_call(offer())
    forwards, backwards = told(story(), history), told(story(), history[::-1])
    assert forwards == backwards


def test_a_confirmation_that_is_late_follows_in_a_short_line() -> None:
    by = story()
    history = rejected_call(offer())
    log = Log()
    assert [line for value in history[:-1] for line in by.add(log.append(value))] == []
    assert by.tick(T0 + 9 + HOLD_MS - 1) == []
    (line,) = by.tick(T0 + 9 + HOLD_MS)
    assert "rejected  " in line
    assert "✓" not in line
    (after,) = by.add(log.append(history[-1]))
    assert after == (
        "10:00:00  london  +447•••••••23   └ confirmed  "
        " the ringing stopped 700 ms after the reject"
    )
    assert by.add(log.append(history[-1])) == [], "a repeated outcome is not told again"


def unconfirmed(by: Story, log: Log, name: str, at_ms: int, reason: str = "no-event") -> list[str]:
    """The lines of a reject without an end, once the reject itself was shown."""
    history = rejected_call(offer(name, at_ms=at_ms), confirm=False)
    for value in history:
        by.add(log.append(value))
    by.tick(at_ms + 30_000)
    command = next(value for value in history if value.type == "reject-call")
    return by.add(log.append(outcome(command, "unconfirmed", at_ms=at_ms + 60_000, reason=reason)))


def test_an_unconfirmed_reject_is_shown_where_ends_are_reported() -> None:
    by, log = story(), Log()
    for value in rejected_call(offer("A")):
        by.add(log.append(value))
    (line,) = unconfirmed(by, log, "B", T0 + 60_000)
    assert line.startswith("10:02:00  london  +447•••••••23   └ unconfirmed ")
    assert line.endswith("the gateway never said that it stopped")


def test_a_line_that_reports_no_ends_has_one_line_of_that() -> None:
    by, log = story(), Log()
    (line,) = unconfirmed(by, log, "A", T0)
    assert line.endswith("no ends reported so far: shown once")
    for name in ("B", "C"):
        assert unconfirmed(by, log, name, T0 + 60_000, "only-echo") == []


def test_that_somebody_picked_up_is_always_shown() -> None:
    silent, log = Story(["london"], zone=UTC, without_ends={"london"}), Log()
    (line,) = unconfirmed(silent, log, "A", T0, "answered")
    assert line.endswith("somebody picked up")


def test_unconfirmed_is_not_shown_where_ends_are_not_reported() -> None:
    silent, log = Story(["london"], zone=UTC, without_ends={"london"}), Log()
    assert unconfirmed(silent, log, "A", T0) == []


def test_the_lines_without_ends_follow_from_the_capabilities() -> None:
    quiet = replace(WAWP, capabilities=replace(WAWP.capabilities, reports_ends=False))
    assert lines_without_ends(settings()) == {}
    assert lines_without_ends(settings(), {"waha": WAHA, "wawp": quiet}) == {"riyadh": "Wawp"}


def test_a_reject_that_failed_is_told_at_once_with_its_reason() -> None:
    of = offer()
    decided = decision(of)
    command = reject(of, decided)
    (line,) = told(
        story(), [of, decided, outcome(command, "failed", at_ms=T0 + 20, reason="session-missing")]
    )
    assert "not rejected" in line
    assert line.endswith("… · session missing")
    assert len(line) <= WIDTH


def test_a_suppressed_text_is_a_caller_told_before() -> None:
    history = rejected_call(offer())
    command: Any = history[4]
    history[5] = outcome(command, "suppressed", at_ms=T0 + 12, reason="cool-down")
    (line,) = told(story(), history)
    assert "has never written to this line · told before" in line
    assert line.endswith("9 ms"), "no text, no latency of a text"


def test_a_long_reason_gives_way_to_what_came_of_it() -> None:
    history = rejected_call(offer())
    decided = history[1]
    assert decided.type == "decision"
    history[1] = replace(
        decided, why="last wrote 400 days ago, which is longer ago than this line's policy allows"
    )
    (line,) = told(story(), history)
    assert "… · told" in line
    assert len(line) == WIDTH


def test_a_reason_controls_no_terminal_and_forges_no_line() -> None:
    history = ringing_call(offer())
    decided = history[1]
    assert decided.type == "decision"
    history[1] = replace(decided, why="\x1b[2J\naudit  holds \u202e")
    (line,) = told(Story(["london"], zone=UTC), history)
    assert line.isprintable()
    (coloured,) = told(Story(["london"], zone=UTC, colour=True), history)
    assert "\x1b[2J" not in coloured


def test_an_offer_that_nobody_decides_is_shown_waiting_once() -> None:
    by = story()
    assert told(by, [offer()]) == []
    assert by.tick(T0 + UNDECIDED_MS - 1) == []
    (line,) = by.tick(T0 + UNDECIDED_MS)
    assert line.endswith("waiting       no decision after 5.0 s")
    assert by.tick(T0 + 2 * UNDECIDED_MS) == []


def test_a_repeated_decision_is_not_told_again() -> None:
    of = offer()
    assert (
        len(told(story(), [of, decision(of, "ring"), decision(of, "ring"), decision(of, "late")]))
        == 1
    )


def test_flush_tells_what_is_held() -> None:
    by = story()
    assert told(by, rejected_call(offer(), confirm=False)) == []
    (line,) = by.flush()
    assert "told" in line
    assert by.flush() == []


def test_outcomes_of_a_call_from_before_the_start_are_not_told() -> None:
    by = story()
    loose = [value for value in rejected_call(offer()) if isinstance(value, Outcome)]
    assert told(by, list(loose)) == by.tick(T0 + 60_000) == by.flush() == []


def test_dead_letters_and_unreadable_records_are_told() -> None:
    letter = dead_letter(
        key=b"",
        value=b"{}",
        headers=[],
        reason="unknown-event",
        message="no such event",
        source="/bridge",
    )
    (line,) = story().add(Log().append_record(letter, T0))
    assert line.endswith("set aside     unknown event: no such event")
    broken = replace(Log().append(offer()), value=None, fault="line: Field required")
    (line,) = story().add(broken)
    assert "unreadable" in line
    assert "calls.events partition" in line


def test_colour_changes_no_letter_and_no_column() -> None:
    coloured = Story(["london", "riyadh"], zone=UTC, colour=True)
    (line,) = told(coloured, rejected_call(offer()))
    (plain,) = told(story(), rejected_call(offer()))
    assert "\x1b[" in line
    for code in ("2", "31", "32", "33", "0"):
        line = line.replace(f"\x1b[{code}m", "")
    assert line == plain


def test_a_long_masked_identity_keeps_digits_and_column() -> None:
    (line,) = told(story(), ringing_call(offer(caller="120363012345678901@g.us")))
    assert line == "10:00:00  london  120•••••••••01  rang          wrote 3 days ago"


def test_a_slow_reject_is_told_as_under_way_and_followed_up() -> None:
    by = story()
    of = offer()
    command = reject(of, decision(of))
    log = Log()
    for value in (of, decision(of)):
        by.add(log.append(value))
    (line,) = by.tick(T0 + 3 + HOLD_MS)
    assert line.endswith("rejecting …   has never written to this line")
    (after,) = by.add(log.append(outcome(command, at_ms=T0 + 6_239)))
    assert after.startswith("10:00:06  london  +447•••••••23   └ rejected")
    assert after.endswith(" 6.2 s")


def test_no_number_is_ever_shown_in_full() -> None:
    lines = told(story(), rejected_call(offer())) + told(
        story(), ringing_call(offer(caller="900000000000143@lid"))
    )
    assert not any(
        number in line for line in lines for number in ("447700900123", "900000000000143")
    )


def test_a_queued_call_is_one_line_when_its_caller_was_told() -> None:
    history = queued_call(offer())
    by = story()
    lines = told(by, history)
    assert lines == [
        (
            "10:00:00  london  +447•••••••23   queued        all agents are busy · told of the "
            "wait                   44 ms"
        )
    ]
    assert by.tick(T0 + 60_000) == by.flush() == []
    assert told(story(), history[::-1]) == lines


def test_a_queued_call_waits_for_its_text_and_tells_it_after() -> None:
    offered, decided, command, ended = queued_call(offer())
    by, log = story(), Log()
    assert [
        line for value in (offered, decided, command) for line in by.add(log.append(value))
    ] == []
    (line,) = by.tick(T0 + 3 + HOLD_MS)
    assert line.endswith("queued        all agents are busy")
    (after,) = by.add(log.append(ended))
    assert "└ told" in after


def test_a_queued_call_without_a_text_is_told_at_once() -> None:
    offered, decided, *_ = queued_call(offer())
    assert isinstance(decided, Decision)
    (line,) = told(story(), [offered, replace(decided, reply=None)])
    assert line.endswith("queued        all agents are busy")
