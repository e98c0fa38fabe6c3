"""A call as JSON, without numbers."""

from __future__ import annotations

from streams.stories.full_story import FullStory, as_json, without_numbers
from tests.support.records import Log, decision, log_of, offer, rejected_call


def test_every_jid_is_masked_wherever_it_stands() -> None:
    value = {
        "447700900123@c.us": ["447700900123:12@s.whatsapp.net", 7, None],
        "id": "true_447700900123@c.us_3EB0",
        "why": "a@b is no JID, at 10:00",
    }
    assert without_numbers(value) == {
        "+447•••••••23": ["+447•••••••23", 7, None],
        "id": "true_+447•••••••23_3EB0",
        "why": "a@b is no JID, at 10:00",
    }


def test_a_call_is_an_object_with_its_records_in_order() -> None:
    story = FullStory(log_of(rejected_call(offer("A")))[::-1])
    (masked,), (whole,) = (as_json([story], full=full) for full in (False, True))
    assert (whole["call_id"], whole["line"], whole["caller"]) == (
        *("A", "london", "447700900123@c.us"),
    )
    assert [each["value"]["type"] for each in whole["records"]] == [
        *("call.offered", "decision", "reject-call", "outcome", "send-text", "outcome", "outcome"),
    ]
    assert "447700900123" not in repr(masked)
    assert (whole["words"], whole["next"]) == (None, [])


def test_a_call_without_a_decision_is_told_as_far_as_it_goes() -> None:
    of = offer("A")
    story = FullStory(Log().append_all([of]))
    assert next(iter(story.lines())).startswith("call A on line london")
    assert decision(of).caller not in repr(list(story.lines()))
