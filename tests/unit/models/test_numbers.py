"""One reader of numbers, and every form that WhatsApp may use: whatever way a number is written, it
finds the same caller, and nobody else."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumberType

from models.identity import Jid
from models.numbers import (
    KEEP_ZERO,
    LONGEST,
    all_forms,
    number_forms,
    read_number,
    read_person,
)
from models.patterns import CallerPattern
from streams.callers.contact_rows import ContactError, read_jid

BIDI = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff"
BETWEEN = " -./()\u00a0\u202f\u2009\u2010\u2011\u2013\u2212" + BIDI
DIGITS = {
    "plain": str.maketrans("", ""),
    "full width": str.maketrans("0123456789", "".join(chr(0xFF10 + each) for each in range(10))),
    "Arabic": str.maketrans("0123456789", "".join(chr(0x660 + each) for each in range(10))),
}

BRAZIL = st.builds(
    "55{}{}".format,
    st.sampled_from(["11", "21", "31", "47", "85", "91"]),
    st.from_regex(r"[6-9][0-9]{7}", fullmatch=True),
)
BRAZIL_NINE = BRAZIL.map(lambda number: f"{number[:4]}9{number[4:]}")
BRAZIL_LANDLINE = st.builds(
    "55{}{}".format,
    st.sampled_from(["11", "21", "31", "47"]),
    st.from_regex(r"[2-5][0-9]{7}", fullmatch=True),
)
MEXICO = st.from_regex(r"521?[2-9][0-9]{9}", fullmatch=True)
ARGENTINA = st.from_regex(r"549?(11|2[0-9]|3[0-9])[0-9]{8}", fullmatch=True)
ANY = st.from_regex(r"[1-9][0-9]{6,12}", fullmatch=True)
NUMBERS = BRAZIL | BRAZIL_NINE | BRAZIL_LANDLINE | MEXICO | ARGENTINA | ANY


@st.composite
def written(draw: st.DrawFn, numbers: st.SearchStrategy[str] = NUMBERS) -> tuple[str, str]:
    """A number, and one of the ways in which people and phone books write it."""
    number = draw(numbers)
    start = draw(st.sampled_from(["", "+", "00", "\uff0b", "(+", "\u202a+"]))
    text = start
    for digit in number:
        text += draw(st.sampled_from(["", "", "", *BETWEEN])) + digit
    text += draw(st.sampled_from(["", " ", "\u202c", "\u2069\n"]))
    return number, text.translate(DIGITS[draw(st.sampled_from(sorted(DIGITS)))])


@given(written())
def test_every_way_to_write_a_number_is_one_number(both: tuple[str, str]) -> None:
    number, text = both
    plain = read_person(f"+{number}")
    assert read_person(text) == plain
    assert str(CallerPattern.parse(text)) == plain
    assert read_jid(text, "jid") == plain


@given(st.text(max_size=20) | st.text("+0123456789 ()-*@\u202a", max_size=20))
def test_what_one_reader_refuses_all_refuse(text: str) -> None:
    try:
        person: str | None = read_person(text)
    except ValueError:
        person = None
    try:
        pattern: CallerPattern | None = CallerPattern.parse(text)
    except ValueError:
        pattern = None
    try:
        contact: str | None = read_jid(text, "jid")
    except ContactError:
        contact = None
    assert contact == person
    assert (pattern.value if pattern is not None and pattern.kind == "jid" else None) == person


@given(NUMBERS)
def test_a_number_that_was_read_reads_as_itself(number: str) -> None:
    once = read_number(number).digits
    assert read_number(once).digits == once
    assert len(once) <= LONGEST


@given(NUMBERS, NUMBERS)
def test_forms_are_the_same_whichever_is_asked(one: str, other: str) -> None:
    for each in number_forms(one):
        assert set(number_forms(each)) == set(number_forms(one))
    assert (other in number_forms(one)) == (one in number_forms(other))


@given(BRAZIL)
def test_a_brazilian_mobile_is_found_with_and_without_nine(number: str) -> None:
    nine = f"{number[:4]}9{number[4:]}"
    assert set(number_forms(number)) == set(number_forms(nine)) == {number, nine}


@given(BRAZIL_LANDLINE)
def test_no_brazilian_landline_becomes_a_mobile(number: str) -> None:
    parsed = phonenumbers.parse(f"+{number}")
    assert number_forms(number) == (number,)
    # nor does a mobile whose eight last digits are a landline's become that landline
    mobile = f"{number[:4]}9{number[4:]}"
    assert number_forms(mobile) == (mobile,)
    if phonenumbers.is_valid_number(parsed):
        assert phonenumbers.number_type(parsed) == PhoneNumberType.FIXED_LINE


@given(st.from_regex(r"[2-9][0-9]{9}", fullmatch=True))
def test_a_mexican_number_is_found_with_and_without_one(number: str) -> None:
    assert set(number_forms(f"52{number}")) == {f"52{number}", f"521{number}"}
    for home in ("01", "044", "045", "1"):
        assert f"52{number}" in number_forms(read_number(f"+52 {home} {number}").digits)


@pytest.mark.parametrize("text", ["+54 11 2345-6789", "+54 9 11 2345-6789", "+54 11 15-2345-6789"])
def test_an_argentine_number_is_found_however_dialled(text: str) -> None:
    digits = read_number(text).digits
    assert set(number_forms(digits)) == {"541123456789", "5491123456789"}


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+44 (0)7700 900123", "447700900123"),
        ("+44 07700 900123", "447700900123"),
        ("0044 7700/900-123", "447700900123"),
        ("+39 06 69812345", "390669812345"),
        ("+39 (0)6 69812345", "390669812345"),
        ("+225 01 23 45 67 89", "2250123456789"),
        ("+55 (011) 98765-4321", "5511987654321"),
        ("+55 0 15 11 98765-4321", "5511987654321"),
        ("+54 223 15 456-7890", "5492234567890"),
        ("+36 06 20 123 4567", "36201234567"),
    ],
)
def test_what_is_dialled_at_home_is_left_out(text: str, digits: str) -> None:
    assert read_number(text).digits == digits


@pytest.mark.parametrize(
    "text",
    ["07700 900123", "+0044 7700", "44+7700900123", "++447700900123", "+44", "+44x7700900", "", "+",
     "1234567890123456", "+447700900123 ext 4", "tel:+447700900123", "+44,7700900123"],
)  # fmt: skip
def test_what_is_no_international_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+44*", "+44*"),
        ("\u202a+44 20*\u202c", "+4420*"),
        ("0044 *", "+44*"),
        ("+39 06*", "+3906*"),
    ],
)
def test_a_prefix_is_read_like_a_number(text: str, shown: str) -> None:
    assert str(CallerPattern.parse(text)) == shown


@pytest.mark.parametrize("text", ["+440*", "*", "+*", "0*", "+44*7"])
def test_a_prefix_that_begins_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"E\.164"):
        CallerPattern.parse(text)


def test_a_zero_stays_where_the_numbering_plan_has_one() -> None:
    begins = {
        str(metadata.country_code)
        for region in phonenumbers.SUPPORTED_REGIONS
        if (metadata := PhoneMetadata.metadata_for_region(region)) is not None
        for kind in (metadata.mobile, metadata.fixed_line)
        if kind is not None and (kind.example_number or "").startswith("0")
    }
    assert begins <= KEEP_ZERO


@given(st.sampled_from(["lid", "g.us", "newsletter"]), BRAZIL)
def test_only_phone_numbers_have_other_forms(server: str, digits: str) -> None:
    jid = f"{digits}@{server}"
    assert all_forms((jid,)) == (jid,)


def test_the_jids_themselves_come_first() -> None:
    given_jids = ("551187654321@c.us", "1@lid", "5491123456789@c.us")
    found = all_forms(given_jids)
    assert found[:3] == given_jids
    assert set(found[3:]) == {"5511987654321@c.us", "541123456789@c.us"}


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("12025550177:99@hosted", "12025550177@c.us"),
        ("12025550177@HOSTED", "12025550177@c.us"),
        ("900000000000143:99@hosted.lid", "900000000000143@lid"),
        ("447700900148_1:3@s.whatsapp.net", "447700900148@c.us"),
        ("447700900148_1@c.us", "447700900148@c.us"),
        ("900000000000143_1:3@lid", "900000000000143@lid"),
        ("12025550177_128:99@hosted", "12025550177@c.us"),
        ("12025550177:3@c.us", "12025550177@c.us"),
    ],
)
def test_hosted_accounts_and_agents_are_the_same_person(raw: str, canonical: str) -> None:
    assert Jid.parse(raw).canonical == canonical
