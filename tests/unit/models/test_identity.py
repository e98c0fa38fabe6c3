"""Who a JID stands for: one person, one key; and never a whole number in a log."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.identity import Jid, canonical, is_person, mask

NUMBERS = st.from_regex(r"[0-9]{1,20}", fullmatch=True)
SERVERS = st.sampled_from(
    ["c.us", "s.whatsapp.net", "lid", "g.us", "newsletter", "broadcast", "C.US", "Lid"]
)
ODD = st.builds(
    "{}{}@{}".format,
    st.text(max_size=12),
    st.sampled_from(["", ":3", ".1:3", ":"]),
    SERVERS | st.text(),
)
JIDS = st.builds("{}@{}".format, NUMBERS, SERVERS) | ODD | st.text(max_size=30)


@given(JIDS)
def test_canonical_is_idempotent(raw: str) -> None:
    try:
        once = canonical(raw)
    except ValueError:
        return
    assert canonical(once) == once


@given(user=NUMBERS, device=st.integers(0, 999), agent=st.integers(0, 9))
def test_every_form_of_a_phone_is_one_key(user: str, device: int, agent: int) -> None:
    forms = {
        f"{user}@c.us",
        f"{user}@s.whatsapp.net",
        f"{user}@S.WhatsApp.net",
        f"{user}:{device}@s.whatsapp.net",
        f"{user}.{agent}:{device}@s.whatsapp.net",
        f" {user}@c.us\n",
    }
    assert {canonical(form) for form in forms} == {f"{user}@c.us"}


@given(user=NUMBERS, device=st.integers(0, 999))
def test_a_lid_stays_a_lid_and_never_becomes_a_phone(user: str, device: int) -> None:
    for raw in (f"{user}@lid", f"{user}:{device}@lid", f"{user}.1:{device}@LID"):
        jid = Jid.parse(raw)
        assert jid.kind == "lid"
        assert jid.canonical == f"{user}@lid"
        assert jid.canonical != canonical(f"{user}@c.us")


@given(JIDS)
def test_a_mask_shows_five_digits_at_most(raw: str) -> None:
    assert sum(sign.isdigit() for sign in mask(raw)) <= 5


@given(
    st.from_regex(r"[0-9]{6,20}", fullmatch=True), SERVERS, st.sampled_from(["", ":12", ".1:12"])
)
def test_a_mask_never_holds_the_user_part(user: str, server: str, device: str) -> None:
    shown = mask(f"{user}{device}@{server}")
    assert user not in shown
    assert len(re.findall(r"[0-9]", shown)) <= 5


@given(NUMBERS.filter(lambda user: len(user) > 5), st.text(max_size=3), SERVERS)
def test_an_error_masks_the_number(user: str, odd: str, server: str) -> None:
    said = ""
    try:
        Jid.parse(f"{user}{odd}@{server}")
    except ValueError as exc:
        said = str(exc)
    assert user not in said


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("447700900123@c.us", "+447•••••••23"),
        ("447700900123:12@s.whatsapp.net", "+447•••••••23"),
        ("900000000000143@lid", "lid•••43"),
        ("12345@c.us", "•••••"),
        ("", ""),
    ],
)
def test_masks(raw: str, shown: str) -> None:
    assert mask(raw) == shown


@pytest.mark.parametrize(
    ("raw", "kind", "person"),
    [
        ("12025550143@c.us", "phone", True),
        ("12025550143:4@s.whatsapp.net", "phone", True),
        ("900000000000143@lid", "lid", True),
        ("120363041234567890@g.us", "group", False),
        ("12025550143-1612345678@g.us", "group", False),
        ("123@newsletter", "other", False),
        ("status@broadcast", "other", False),
    ],
)
# a column of the table above
def test_kinds(raw: str, kind: str, person: bool) -> None:  # noqa: FBT001
    assert Jid.parse(raw).kind == kind
    assert is_person(raw) is person


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "@",
        "@c.us",
        "12025550143",
        "12025550143@",
        "+12025550143@c.us",
        "1 2@c.us",
        "x@lid",
        "x@g.us",
        ":1@lid",
        ":5@broadcast",
        "111111111111111111111@c.us",
        "٣@c.us",
    ],
)
def test_what_is_no_jid_is_refused_and_nobody(raw: str) -> None:
    with pytest.raises(ValueError, match="JID"):
        Jid.parse(raw)
    assert not is_person(raw)
