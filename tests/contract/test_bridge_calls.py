"""What the bridge makes of every documented call payload."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from models import topics
from models.calls import CallAccepted, CallRejected
from streams.bridge.intake import Intake
from tests.support.webhooks import (
    CALL_ID,
    GOWS_ACCEPTED,
    GOWS_OFFER,
    LID,
    NOW_MS,
    NOWEB_OFFER,
    PHONE,
    WAWP_OFFER,
    WEBJS_ECHO,
    WEBJS_OFFER,
    WPP_OFFER,
    changed,
    letter,
    offer,
    results,
    settings,
    take,
    values,
    waha,
    wawp,
)


@pytest.mark.parametrize(
    ("envelope", "caller", "claims", "at_ms", "source"),
    [
        pytest.param(NOWEB_OFFER, LID, (PHONE,), 1_767_261_600_000, "payload", id="NOWEB"),
        pytest.param(GOWS_OFFER, LID, (PHONE,), 1_767_261_600_750, "payload", id="GOWS"),
        pytest.param(WEBJS_OFFER, PHONE, (), 1_767_261_600_485, "envelope", id="WEBJS"),
        pytest.param(WPP_OFFER, PHONE, (), 1_767_261_600_000, "payload", id="WPP"),
    ],
)
def test_an_offer_of_each_waha_engine(
    envelope: dict[str, Any], caller: str, claims: tuple[str, ...], at_ms: int, source: str
) -> None:
    seen = offer(envelope)
    assert (seen.caller, seen.caller_raw, seen.caller_known_as) == (caller, caller, ())
    assert seen.caller_claims == claims
    assert (seen.gateway, seen.line, seen.session, seen.call_id) == (
        "office",
        "london",
        "default",
        CALL_ID,
    )
    assert (seen.offered_at_ms, seen.time_source, seen.received_at_ms) == (at_ms, source, NOW_MS)
    assert (seen.group, seen.offline, seen.ended) == (False, False, False)
    assert seen.event_id == "evt_01k9a0x7aaaaaaaaaaaaaaaaaa"


def test_a_wawp_offer_names_the_instance_that_the_reject_needs() -> None:
    seen = offer(WAWP_OFFER, "cloud")
    assert (seen.gateway, seen.line, seen.session) == ("cloud", "riyadh", "0A1B2C3D4E5F")
    assert (seen.caller, seen.caller_raw) == (PHONE, PHONE)
    assert (seen.offered_at_ms, seen.time_source) == (1_767_261_600_123, "envelope")


def test_both_records_of_an_offer_have_their_key_and_one_trace() -> None:
    event, life = take(NOWEB_OFFER).records
    assert (event.topic, event.key) == (topics.CALLS_EVENTS, LID.encode())
    assert (life.topic, life.key) == (topics.CALLS_LIFECYCLE, CALL_ID.encode())
    traces = [dict(record.headers)["traceparent"].split(b"-")[1] for record in (event, life)]
    assert traces[0] == traces[1]


def test_video_is_recognised() -> None:
    assert offer(WEBJS_OFFER).media == "video"
    assert offer(WPP_OFFER).media == "voice"
    assert offer(changed(GOWS_OFFER, _data={"From": LID, "Media": "video"})).media == "video"


def test_an_offline_replay_keeps_its_age() -> None:
    hours_ago = 1_767_250_800
    stale = changed(
        NOWEB_OFFER, timestamp=hours_ago, _data={**NOWEB_OFFER["payload"]["_data"], "offline": True}
    )
    seen = offer(stale)
    assert seen.offline
    assert seen.offered_at_ms == hours_ago * 1000


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"isGroup": True}, id="isGroup"),
        pytest.param(
            {"_data": {"isGroup": True, "groupJid": "120363000000000000@g.us"}}, id="NOWEB groupJid"
        ),
        pytest.param(
            {"_data": {"From": LID, "GroupJID": "120363000000000000@g.us"}}, id="GOWS GroupJID"
        ),
        pytest.param({"from": "120363000000000000@g.us"}, id="from the group"),
    ],
)
def test_a_group_call_is_recognised(payload: dict[str, Any]) -> None:
    assert offer(changed(NOWEB_OFFER, **payload)).group


def test_a_group_call_from_the_group_is_nobodys_in_particular() -> None:
    group = "120363000000000000@g.us"
    data = {"chatId": group, "from": LID, "groupJid": group}
    for payload in ({"from": group, "_data": ...}, {"from": LID, "_data": data}):
        seen = offer(changed(NOWEB_OFFER, **payload))
        assert seen.group
    assert (seen.caller, seen.caller_known_as) == ("120363000000000000@g.us", ())


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"fromMe": True}, id="fromMe"),
        pytest.param({"_data": {"outgoing": True}}, id="outgoing"),
        pytest.param({"_data": {"fromMe": True}}, id="_data.fromMe"),
        pytest.param({"from": "12025550100@c.us"}, id="own number"),
        pytest.param({"from": "12025550100:7@s.whatsapp.net"}, id="own number, protocol form"),
        pytest.param({"from": "90111222333444@lid"}, id="own LID"),
        pytest.param({"_data": {"From": "90111222333444@lid"}}, id="own LID, stanza"),
    ],
)
def test_the_lines_own_calls_are_none_of_our_business(payload: dict[str, Any]) -> None:
    taken = take(changed(WPP_OFFER, **payload))
    assert taken.records == []
    assert results(taken) == ["outgoing"]


def test_a_lid_without_a_phone_stays_a_lid() -> None:
    seen = offer(changed(NOWEB_OFFER, _data={"from": LID}))
    assert (seen.caller, seen.caller_known_as) == (LID, ())


def test_another_persons_number_in_the_payload_is_not_taken() -> None:
    data = {"From": LID, "CallCreator": "77777@lid", "CallCreatorAlt": "12025550199@s.whatsapp.net"}
    assert offer(changed(GOWS_OFFER, _data=data)).caller == LID


def test_a_lid_that_the_engine_took_for_a_number_is_not_believed() -> None:
    seen = offer(changed(WPP_OFFER, **{"from": "900000000000143@c.us", "_data": {"from": LID}}))
    assert (seen.caller, seen.caller_raw) == (LID, "900000000000143@c.us")


def test_from_goes_back_untouched() -> None:
    raw = "12025550143:12@s.whatsapp.net"
    seen = offer(changed(WPP_OFFER, **{"from": raw}))
    assert (seen.caller, seen.caller_raw) == (PHONE, raw)


@pytest.mark.parametrize(
    ("given", "expected", "source"),
    [
        (1_767_261_600, 1_767_261_600_000, "payload"),
        (1_767_261_600_250, 1_767_261_600_250, "payload"),
        (1_767_261_600.5, 1_767_261_600_500, "payload"),
        ("1767261600", 1_767_261_600_000, "payload"),
        ("2026-01-01T10:00:00.250Z", 1_767_261_600_250, "payload"),
        ("2026-01-01T11:00:00+01:00", 1_767_261_600_000, "payload"),
        (None, 1_767_261_600_485, "envelope"),
        (0, 1_767_261_600_485, "envelope"),
        (True, 1_767_261_600_485, "envelope"),
        ("soon", 1_767_261_600_485, "envelope"),
        (1_767_270_000, NOW_MS, "payload"),
    ],
)
def test_every_way_of_writing_the_time(given: object, expected: int, source: str) -> None:
    seen = offer(changed(WPP_OFFER, timestamp=given))
    assert (seen.offered_at_ms, seen.time_source) == (expected, source)


def test_an_envelope_of_2024_without_id_and_time() -> None:
    old = {
        key: value
        for key, value in WEBJS_OFFER.items()
        if key not in {"id", "timestamp", "environment"}
    }
    first, again = offer(old), offer(old, now_ms=NOW_MS + 5000)
    assert (first.time_source, first.offered_at_ms) == ("received", NOW_MS)
    assert first.event_id == again.event_id != ""


def test_an_accepted_call() -> None:
    (seen,) = values(take(GOWS_ACCEPTED), topics.CALLS_LIFECYCLE)
    assert isinstance(seen, CallAccepted)
    assert (seen.line, seen.call_id, seen.caller, seen.at_ms) == (
        "london",
        CALL_ID,
        PHONE,
        1_767_261_600_500,
    )


def test_an_answer_on_another_device_is_no_outgoing_call() -> None:
    data = {
        "From": "90111222333444@lid",
        "CallCreator": LID,
        "CallCreatorAlt": "12025550143@s.whatsapp.net",
    }
    own = changed(GOWS_ACCEPTED, **{"from": "90111222333444@lid", "_data": data})
    (seen,) = values(take(own), topics.CALLS_LIFECYCLE)
    assert (seen.call_id, seen.caller) == (CALL_ID, None)


VICTIM = "447700900999@c.us"
FORGED = {
    "NOWEB, another number": (
        NOWEB_OFFER,
        {"_data": {"chatId": LID, "from": LID, "callerPn": "447700900999@s.whatsapp.net"}},
    ),
    "NOWEB, another creator": (
        NOWEB_OFFER,
        {"from": VICTIM, "_data": {"chatId": LID, "from": "447700900999@s.whatsapp.net"}},
    ),
    "GOWS, another creator": (
        GOWS_OFFER,
        {"_data": {"From": LID, "CallCreator": VICTIM, "CallCreatorAlt": "77777@lid"}},
    ),
    "GOWS, another number": (
        GOWS_OFFER,
        {"_data": {"From": LID, "CallCreator": LID, "CallCreatorAlt": VICTIM}},
    ),
    "without an engine's fields": (WPP_OFFER, {"from": LID, "callerPn": VICTIM}),
}


@pytest.mark.parametrize(("envelope", "payload"), FORGED.values(), ids=FORGED)
def test_what_a_callers_client_writes_is_a_claim(
    envelope: dict[str, Any], payload: dict[str, Any]
) -> None:
    """It names another person, and so borrows nothing: no link, no key, no text to the other."""
    taken = take(changed(envelope, **payload))
    assert [record.topic for record in taken.records] == [
        topics.CALLS_EVENTS,
        topics.CALLS_LIFECYCLE,
    ]
    seen = offer(changed(envelope, **payload))
    assert (seen.caller, seen.caller_raw, seen.caller_known_as) == (LID, LID, ())
    assert VICTIM in seen.caller_claims


@pytest.mark.parametrize("own", ["12025550100@c.us", "90111222333444@lid"])
def test_a_creator_does_not_make_a_call_the_lines_own(own: str) -> None:
    wire = own.replace("@c.us", ":22@s.whatsapp.net")
    forged = (
        changed(NOWEB_OFFER, **{"from": own, "_data": {"chatId": LID, "from": wire}}),
        changed(GOWS_OFFER, _data={"From": LID, "CallCreator": wire, "CallCreatorAlt": ""}),
    )
    for envelope in forged:
        seen = offer(envelope)
        assert (seen.caller, seen.caller_raw, seen.caller_claims) == (LID, LID, ())


def test_a_name_that_waha_gives_the_stanza_itself_is_believed() -> None:
    data = {"chatId": LID, "from": LID}
    seen = offer(changed(NOWEB_OFFER, **{"from": PHONE, "_data": data}))
    assert (seen.caller, seen.caller_raw, seen.caller_known_as) == (PHONE, PHONE, (LID,))


@pytest.mark.parametrize(
    ("raw", "caller", "sent"),
    [
        ("12025550177:99@hosted", "12025550177@c.us", "12025550177:99@hosted"),
        ("900000000000143:99@hosted.lid", LID, "900000000000143:99@hosted.lid"),
        ("12025550143_1:3@s.whatsapp.net", PHONE, "12025550143_1:3@s.whatsapp.net"),
        ("12025550143:3@c.us", PHONE, "12025550143:3@c.us"),
        ("12025550143", PHONE, PHONE),
        ("+12025550143", PHONE, PHONE),
        # no country has such a number: an engine took a LID for one
        (
            "190997547974701@s.whatsapp.net",
            "190997547974701@lid",
            "190997547974701@s.whatsapp.net",
        ),
    ],
)
def test_every_form_of_an_identity_is_recognised(raw: str, caller: str, sent: str) -> None:
    data = {"chatId": raw, "from": raw, "status": "offer"}
    for payload in ({"from": raw, "_data": ...}, {"from": raw, "_data": data}):
        seen = offer(changed(NOWEB_OFFER, **payload))
        assert (seen.caller, seen.caller_raw, seen.caller_claims) == (caller, sent, ())


@pytest.mark.parametrize(
    ("event", "kind"), [("call.accepted", CallAccepted), ("call.rejected", CallRejected)]
)
def test_wawp_names_nothing_but_the_call(event: str, kind: type) -> None:
    (seen,) = values(take(wawp(event, {"id": "3EB0"}), "cloud"), topics.CALLS_LIFECYCLE)
    assert isinstance(seen, kind)
    # either kind
    told = (seen.call_id, seen.caller, seen.line)  # type: ignore[attr-defined]
    assert told == ("3EB0", None, "riyadh")


def test_an_echo_of_an_api_reject_is_marked_and_ends_nothing() -> None:
    intake = Intake(settings(), "office")
    (seen,) = values(take(WEBJS_ECHO, intake=intake), topics.CALLS_LIFECYCLE)
    assert seen.echo
    assert not offer(WEBJS_OFFER, intake=intake).ended


@pytest.mark.parametrize("end", ["call.rejected", "call.accepted"])
def test_an_offer_after_its_own_end_says_so(end: str) -> None:
    intake = Intake(settings(), "office")
    take(waha(end, "NOWEB", {"id": CALL_ID}), intake=intake)
    assert offer(NOWEB_OFFER, intake=intake).ended
    assert not offer({**NOWEB_OFFER, "session": "second"}, intake=intake).ended
    assert not offer(NOWEB_OFFER, intake=intake, now_ms=NOW_MS + 600_001).ended


@pytest.mark.parametrize(
    ("later_s", "ended", "after_end"), [(0, True, False), (7, True, False), (8, False, True)]
)
def test_a_newer_offer_under_an_old_id_is_a_call_of_its_own(
    *, later_s: int, ended: bool, after_end: bool
) -> None:
    intake = Intake(settings(), "office")
    began_s = NOWEB_OFFER["payload"]["timestamp"]
    now_ms = (began_s + 9) * 1000
    end = waha("call.rejected", "NOWEB", {"id": CALL_ID, "timestamp": began_s + 7})
    take(end, intake=intake, now_ms=now_ms)
    again = changed(NOWEB_OFFER, timestamp=began_s + later_s)
    seen = offer(again, intake=intake, now_ms=now_ms)
    assert (seen.ended, seen.after_end) == (ended, after_end)
    # a retry without a time of its own begins nothing
    timeless = changed(NOWEB_OFFER, timestamp=None)
    assert offer(timeless, intake=intake, now_ms=now_ms).ended


def test_offer_and_end_in_one_body_keep_their_order() -> None:
    taken = take([NOWEB_OFFER, waha("call.rejected", "NOWEB", {"id": CALL_ID}), NOWEB_OFFER])
    assert [seen.ended for seen in values(taken, topics.CALLS_EVENTS)] == [False, True]


@pytest.mark.parametrize(
    "payload",
    [
        {"id": ...},
        {"id": 7},
        {"id": " "},
        {"id": "x" * 257},
        {"from": ...},
        {"from": "nobody"},
        {"from": "@c.us"},
    ],
)
def test_an_offer_without_call_or_caller_is_dead_lettered(payload: dict[str, Any]) -> None:
    _, headers = letter(take(changed(WPP_OFFER, **payload)))
    assert headers["kafka_dlt-exception-fqcn"] == b"unintelligible"


HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("age_ms", "acted_on"), [(HOUR_MS, True), (HOUR_MS + 1, False), (-HOUR_MS, True)]
)
def test_a_webhook_outside_the_replay_window_is_kept_unused(*, age_ms: int, acted_on: bool) -> None:
    intake = Intake(settings(replay_window=HOUR_MS), "office")
    now_ms = NOWEB_OFFER["timestamp"] + age_ms
    taken = take(NOWEB_OFFER, now_ms=now_ms, intake=intake)
    assert results(taken) == (["published"] if acted_on else ["outside-window"])
    if not acted_on:
        kept, headers = letter(taken)
        assert headers["kafka_dlt-exception-fqcn"] == b"outside-window"
        me = NOWEB_OFFER["me"] | {"pushName": "[10 characters removed]"}
        assert orjson.loads(kept.value or b"") == NOWEB_OFFER | {"me": me}


def test_without_a_replay_window_no_webhook_is_too_old() -> None:
    years_later = NOW_MS + 5 * 365 * 24 * HOUR_MS
    assert offer(NOWEB_OFFER, now_ms=years_later).offered_at_ms == 1_767_261_600_000
    timeless = {name: value for name, value in NOWEB_OFFER.items() if name != "timestamp"}
    intake = Intake(settings(replay_window=HOUR_MS), "office")
    assert results(take(timeless, now_ms=years_later, intake=intake)) == ["published"]


def test_what_is_none_of_our_business_stays_so_when_it_is_old() -> None:
    intake = Intake(settings(replay_window=HOUR_MS), "office")
    assert results(
        take(waha("message.ack", "NOWEB", {}), now_ms=NOW_MS + 9 * HOUR_MS, intake=intake)
    ) == ["other-event"]


def test_webjs_tells_of_no_end_but_the_one_that_was_asked_for() -> None:
    """Wawp's sample names the call and nothing else, and its engine is WEBJS."""
    bare = wawp("call.rejected", {"id": CALL_ID})
    for engine, echo in (("WEBJS", True), ("webjs", True), ("NOWEB", False), (None, False)):
        (told,) = values(take({**bare, "engine": engine}, "cloud"), topics.CALLS_LIFECYCLE)
        assert told.echo is echo


@pytest.mark.parametrize(
    "number", ["5215512345678", "5491123456789", "5511987654321", "541123456789", "8613812345678"]
)
def test_no_phone_number_is_taken_for_a_lid(number: str) -> None:
    """Mexico's 521 is no number that can be dialled any more, and WhatsApp names people by it."""
    assert offer(changed(WPP_OFFER, **{"from": f"{number}@s.whatsapp.net"})).caller == (
        f"{number}@c.us"
    )
