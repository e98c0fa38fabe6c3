"""Dead letters: what they say, which are meant, what putting one back comes to, and what people see
of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from models.calls import CallOffered
from models.codec import Headers, decode, encode
from models.contacts import IdentityLink
from models.dead_letters import LetterHandled
from models.records import Record, call_event, dead_letter
from models.topics import CALLS_DLQ, CALLS_EVENTS, CALLS_LIFECYCLE, TOPICS
from streams.callers.keying import Callers
from streams.common.printable import printable
from streams.dead_letters.letter import Selection, original_headers, read_letter
from streams.dead_letters.listing import masked, table, whole
from streams.dead_letters.marks import is_mark, mark, read_mark
from streams.dead_letters.replay_plan import Planner, Replay, ReplayRefusal
from streams.kafka.reader import Seen
from streams.screening.decide import decide
from streams.settings import DEFAULT_CONFIG, Settings
from tests.support import facts
from tests.support.records import T0, Log, offer

SECRET = SecretStr("of nobody")
SETTINGS = Settings.model_validate(
    {
        "kafka": {"topic_prefix": "prod."},
        "policies": Path(DEFAULT_CONFIG).parent / "policies",
        "gateways": {
            "office": {
                "provider": "waha",
                "base_url": "http://127.0.0.1:1",
                "api_key": SECRET,
                "webhook_secret": SECRET,
            },
        },
        "lines": {"london": {"gateway": "office", "session": "default"}},
    }
)


def died(of: Record | None = None, at_ms: int = T0 + 10, **changed: Any) -> Seen:
    """An offer's record as an agent puts it aside."""
    original = of or call_event(offer("A"), "/test", None)
    given = {
        "key": original.key,
        "value": original.value,
        "headers": original.headers,
        "reason": "undecodable",
        "message": "line: Field required",
        "source": "screening",
        "topic": CALLS_EVENTS.full_name("prod."),
        "partition": 1,
        "offset": 7,
        "timestamp_ms": T0,
    }
    return Log().append_record(dead_letter(**given | changed), at_ms)


def webhook(envelope: dict[str, Any], *, gateway: str = "office", at_ms: int = T0 + 60_000) -> Seen:
    """A webhook as the bridge puts it aside."""
    headers = [("content-type", b"application/json"), ("ringfence-gateway", gateway.encode())]
    made = dead_letter(
        key=None,
        value=json.dumps(envelope).encode(),
        headers=headers,
        reason="unknown-line",
        message="no line",
        source=f"/bridge/{gateway}",
    )
    return Log().append_record(made, at_ms)


def call_received(session: str = "default") -> dict[str, Any]:
    return {
        "id": "evt_1",
        "event": "call.received",
        "session": session,
        "timestamp": T0,
        "payload": {"id": "WEBHOOK1", "from": "447700900123@c.us", "timestamp": T0 // 1000},
    }


def test_a_webhook_comes_under_the_key_that_is_its_own_now() -> None:
    """Whoever is known by LID and number is one caller, also after a dead letter was put back."""
    lid, phone = "900000000000143@lid", "447700900123@c.us"
    envelope = call_received()
    envelope["payload"]["from"] = lid
    callers = Callers()
    callers.known.set(lid, IdentityLink(alias=lid, caller=phone, source="contact", at_ms=T0))
    seen = webhook(envelope)
    plan = Planner(SETTINGS, callers).plan(read_letter(seen), seen)
    assert isinstance(plan, Replay)
    assert [record.key for record in plan.records if record.topic is CALLS_EVENTS] == [
        phone.encode()
    ]


def planned(seen: Seen, **options: int) -> Replay | ReplayRefusal:
    return Planner(SETTINGS, Callers(), **options).plan(read_letter(seen), seen)


def replayed(seen: Seen) -> tuple[Record, ...]:
    plan = planned(seen)
    assert isinstance(plan, Replay), plan
    return tuple(plan.records)


def refused(seen: Seen, **options: int) -> str:
    plan = planned(seen, **options)
    assert isinstance(plan, ReplayRefusal)
    return plan.why


headers_of_people = st.lists(
    st.tuples(
        st.text(max_size=20).filter(lambda name: not name.startswith(("kafka_dlt-", "ringfence-"))),
        st.binary(),
    ),
    max_size=5,
)


@given(
    key=st.binary(min_size=1),
    value=st.binary(),
    headers=headers_of_people,
    replays=st.integers(0, 2),
)
def test_a_record_comes_back_as_it_was_with_its_replays_counted(
    key: bytes, value: bytes, headers: Headers, replays: int
) -> None:
    before = [("ringfence-replays", str(replays).encode())] if replays else []
    seen = died(Record(CALLS_EVENTS, key, value, [*headers, *before]))
    (record,) = replayed(seen)
    assert (record.topic, record.key, record.value) == (CALLS_EVENTS, key, value)
    assert record.headers == [*headers, ("ringfence-replays", str(replays + 1).encode())]
    again = died(record)
    assert read_letter(again).replays == replays + 1
    assert original_headers(again.headers) == headers


def test_a_record_without_a_key_goes_back_to_its_partition() -> None:
    keyless = Record(CALLS_EVENTS, b"", b"{", [])
    assert replayed(died(keyless))[0].partition == 1
    assert replayed(died())[0].partition is None, "a key decides by itself"


def test_what_died_too_often_stays() -> None:
    thrice = Record(CALLS_EVENTS, b"k", b"{", [("ringfence-replays", b"3")])
    assert "put back 3 times" in refused(died(thrice))
    assert isinstance(planned(died(thrice), most_replays=4), Replay)


@pytest.mark.parametrize(
    "name",
    ["ringfence-cut-from-bytes", "ringfence-key-cut-from-bytes", "ringfence-left-out-headers"],
)
def test_a_part_of_a_record_is_never_put_back(name: str) -> None:
    assert "only a part" in refused(died(Record(CALLS_EVENTS, b"k", b"{", [(name, b"2000000")])))


@pytest.mark.parametrize(
    "name", ["calls.events", "demo.calls.events", "prod.calls.dlq", "somebody.elses"]
)
def test_only_topics_of_this_configuration_are_written_to(name: str) -> None:
    assert f"{name} is no topic of this configuration" in refused(died(topic=name))


def test_a_webhook_is_read_again_by_todays_configuration() -> None:
    event, life = replayed(webhook(call_received()))
    assert (event.topic, life.topic) == (CALLS_EVENTS, CALLS_LIFECYCLE)
    found: CallOffered = decode(CallOffered, event.value)
    assert (found.line, found.call_id, found.caller) == ("london", "WEBHOOK1", "447700900123@c.us")
    assert found.offered_at_ms == T0
    assert found.received_at_ms == T0 + 60_000, "when the webhook came, not when it was replayed"
    assert ("ringfence-replays", b"1") in event.headers


def test_a_webhook_that_says_nothing_now_is_done_silently() -> None:
    plan = planned(
        webhook({"id": "evt_2", "event": "presence.update", "session": "default", "payload": {}})
    )
    assert isinstance(plan, Replay)
    assert not plan.records
    assert plan.where.startswith("nowhere")


def test_a_webhook_that_is_still_unknown_stays_and_says_why() -> None:
    assert "still cannot read it: no line under lines" in refused(
        webhook(call_received("elsewhere"))
    )
    assert "(there: office)" in refused(webhook(call_received(), gateway="gone"))
    broken = replace(webhook({}), raw=b'{"event":')
    assert "no JSON" in refused(broken)


def test_a_replayed_offer_can_only_become_late() -> None:
    (record,) = replayed(died(call_event(facts.offer(), "/test", None)))
    found: CallOffered = decode(CallOffered, record.value)
    reject_all = facts.policy(
        {"id": "first", "type": "text_first", "within": "365d", "reply": "text-first"}
    )
    at_once = decide(reject_all, facts.facts(found))
    later = decide(reject_all, facts.facts(found, now_ms=found.offered_at_ms + 45_000))
    assert (at_once.verdict, later.verdict) == ("reject", "late")


def test_a_mark_is_told_from_a_letter_and_stands_behind_it() -> None:
    letter = read_letter(died())
    made = mark(letter, "dropped", author="ann", note="spam", at_ms=T0 + 20)
    assert made.topic is CALLS_DLQ
    assert made.partition == letter.partition
    seen = Log().append_record(made, T0 + 20)
    assert is_mark(seen)
    assert read_mark(seen) == LetterHandled(
        partition=letter.partition,
        offset=letter.offset,
        how="dropped",
        author="ann",
        note="spam",
        at_ms=T0 + 20,
    )
    assert not is_mark(died())
    assert read_mark(died()) is None
    assert read_mark(replace(seen, raw=b"{}")) is None, "still no letter, but it marks nothing"


def test_what_is_marked_is_not_put_back_again() -> None:
    seen = died()
    done = LetterHandled(partition=1, offset=0, how="replayed", author="ann", at_ms=T0)
    plan = Planner(SETTINGS, Callers()).plan(replace(read_letter(seen), handled=done), seen)
    assert isinstance(plan, ReplayRefusal)
    assert "replayed by ann" in plan.why


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), True),
        (
            Selection(reason="undecodable", topic="calls.events", since_ms=T0, until_ms=T0 + 11),
            True,
        ),
        (Selection(reason="unknown-line"), False),
        (Selection(topic="prod.calls.events"), True),
        (Selection(topic="events"), False),
        (Selection(topic="webhook"), False),
        (Selection(since_ms=T0 + 11), False),
        (Selection(until_ms=T0 + 10), False),
        (Selection(containing=b'"A"'), True),
        (Selection(containing=b"447700900123"), True),
        (Selection(containing=b"another"), False),
        (Selection(places=frozenset({"0:0", "1:0", "2:0", "3:0"})), True),
        (Selection(places=frozenset({"0:1"})), False),
    ],
)
def test_a_letter_is_chosen_when_all_that_is_asked_for_fits(
    selection: Selection, *, taken: bool
) -> None:
    seen = died()
    assert selection.matches(read_letter(seen), seen.raw) is taken


def test_webhooks_are_a_topic_of_their_own_to_people() -> None:
    seen = webhook(call_received())
    assert Selection(topic="webhook").matches(read_letter(seen), seen.raw)
    assert read_letter(seen).came_from == "webhook office"


def test_the_last_header_of_a_name_counts() -> None:
    letter = read_letter(
        died(Record(CALLS_EVENTS, b"k", b"{", [("kafka_dlt-original-topic", b"an.older.death")]))
    )
    assert letter.origin is not None
    assert letter.origin.topic == "prod.calls.events"


@given(
    headers=st.lists(st.tuples(st.text(), st.binary())),
    value=st.binary(),
    key=st.none() | st.binary(),
)
def test_whatever_stands_there_can_be_listed_shown_and_planned(
    headers: Headers, value: bytes, key: bytes | None
) -> None:
    seen = Seen(CALLS_DLQ, 0, 0, T0, key, None, value, tuple(headers))
    letter = read_letter(seen)
    shown = [*table([letter], UTC), *whole(letter, seen, raw=False, zone=UTC)]
    assert all(each.isprintable() for line in shown for each in line)
    assert isinstance(planned(seen), ReplayRefusal), "nobody knows where it belongs"
    json.dumps(letter.as_dict())


def test_people_see_no_number_unless_they_ask() -> None:
    seen = died()
    letter = read_letter(seen)
    shown = "\n".join(whole(letter, seen, raw=False, zone=UTC))
    assert "447700900123" not in shown
    assert "+447•••••••23@c.us" in shown
    assert f'"offered_at_ms":{T0 - 120}' in shown, "times stay"
    assert "header     kafka_dlt-original-offset: 7" in shown
    assert "447700900123@c.us" in "\n".join(whole(letter, seen, raw=True, zone=UTC))


@given(
    st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True),
    st.sampled_from(["@c.us", "@s.whatsapp.net", "@lid"]),
)
def test_no_jid_gets_through_the_mask(user: str, server: str) -> None:
    for text in (
        f'"{user}{server}"',
        f"false_{user}{server}_3EB0",
        f"to {user}:12{server}, at once",
    ):
        assert user not in masked(text)


@pytest.mark.parametrize(
    "kept", ['"at_ms":1767261600000', '"t":1767261600', "3EB0123456789012AB", "12345", "2:123456"]
)
def test_the_mask_leaves_times_and_ids(kept: str) -> None:
    assert masked(kept) == kept


def test_a_letter_does_not_steer_the_terminal() -> None:
    assert printable("\x1b[2Jgone\r\n") == "\\x1b[2Jgone\\r\\n"


def test_the_table_says_how_a_letter_ended() -> None:
    letter = read_letter(died())
    done = replace(
        letter,
        handled=LetterHandled(
            partition=0, offset=0, how="dropped", author="ann", note="spam", at_ms=T0
        ),
    )
    head, first, second = table([letter, done], UTC)
    assert head.split() == ["place", "written", "reason", "came", "from", "what", "it", "says"]
    assert first.endswith("line: Field required")
    assert "prod.calls.events:1:7" in first
    assert second.endswith("dropped by ann: spam")


def test_every_topic_but_the_dead_letters_own_can_be_replayed_to() -> None:
    for topic in TOPICS:
        plan = planned(died(topic=topic.full_name("prod.")))
        assert isinstance(plan, ReplayRefusal if topic is CALLS_DLQ else Replay), topic.name


def test_json_has_everything_a_script_needs() -> None:
    found = read_letter(died()).as_dict()
    assert found["original_topic"] == "prod.calls.events"
    assert (found["original_partition"], found["original_offset"]) == (1, 7)
    assert found["key"] == "447700900123@c.us"
    assert found["bytes"] == len(encode(offer("A")))
