"""Phone numbers as people write them, and the forms in which WhatsApp may name the same number.

Every number that a person writes is read here: list entries, contacts, blocks, commands, cases of
a policy. What one place understands, all understand.

WhatsApp's own JID stays the key of a caller. It is not always the number that is dialled: where a
country changed its numbers, an account keeps the form under which it was made. So a number is
looked up under all its forms, see ``number_forms``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from models.identity import PHONE_SERVERS, Jid

SHORTEST: Final = 5
LONGEST: Final = 15
"""Digits of an international number (ITU-T E.164, 6.2.1)."""

_SEPARATORS: Final = frozenset("-./()[]·~\u2212\u2044\u2215")
_DROPPED: Final = frozenset({"Zs", "Zl", "Zp", "Pd", "Cf"})
"""Unicode categories that mean nothing in a number: spaces, dashes, and marks that nobody sees. Cf
holds the marks of direction (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) between which
WhatsApp and phone books put a number that is copied."""

_TWO_DIGIT_CODES: Final = re.compile(r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")
"""Calling codes of two digits; 1 and 7 have one, all others three (ITU-T E.164.D)."""

KEEP_ZERO: Final = frozenset({"39", "225", "226", "227", "229", "241", "242", "378", "379", "687"})
"""Calling codes whose numbers may begin with 0 (libphonenumber's metadata, 9.0): Italy and the
Vatican, Ivory Coast, Burkina Faso, Niger, Benin, Gabon, Congo, San Marino, New Caledonia. Anywhere
else a 0 behind the code is the one that is dialled at home, as in +44 (0)7700."""

_HOME_ZERO: Final = re.compile(r"0[1-9]")
_LONGEST_WITH_ZERO: Final = 14
"""No number that anybody dials has more than 13 digits; a LID may have as many."""

_DIALLED_AT_HOME: Final = (
    # Mexico until 2019: 01, and 044 and 045 before a mobile
    (re.compile(r"520(?:1|44|45)([2-9]\d{9})"), r"52\1"),
    # Argentina: 15 between area and number is how a mobile is dialled at home, 9 from abroad
    (re.compile(r"549?(11)15(\d{8})"), r"549\1\2"),
    (re.compile(r"549?([23]\d{2})15(\d{7})"), r"549\1\2"),
    (re.compile(r"549?([23]\d{3})15(\d{6})"), r"549\1\2"),
    # Brazil: 0 and two digits of the carrier
    (re.compile(r"550\d\d([1-9][1-9](?:9\d{8}|[2-9]\d{7}))"), r"55\1"),
    # Hungary: 06
    (re.compile(r"3606(\d{8,9})"), r"36\1"),
)
"""Prefixes that belong to a call at home (ITU-T, national numbering plans of +52, +54, +55, +36)
and that people leave in an international number."""

_OTHER_FORMS: Final = (
    # Brazil: mobiles got a ninth digit from 2012 to 2016 (Anatel, resolution 553/2010). They begin
    # with 6 to 9 behind it; landlines, with 2 to 5, have eight digits and got none.
    (re.compile(r"55([1-9][1-9])([6-9]\d{7})"), r"55\g<1>9\2"),
    (re.compile(r"55([1-9][1-9])9([6-9]\d{7})"), r"55\1\2"),
    # Mexico: 1 stood before mobiles until 2019 (IFT, plan of 2018). A number of ten digits is one
    # subscriber's, mobile or landline, so that the 1 changes nobody.
    (re.compile(r"52([2-9]\d{9})"), r"521\1"),
    (re.compile(r"521([2-9]\d{9})"), r"52\1"),
    # Argentina: 9 stands before mobiles that are called from abroad (ENACOM, decree 92/97). A
    # number of ten digits is one subscriber's, so that the 9 changes nobody.
    (re.compile(r"54([123]\d{9})"), r"549\1"),
    (re.compile(r"549([123]\d{9})"), r"54\1"),
)
"""Numbers that WhatsApp may name in another form than the one that is dialled (WAHA, "Contacts":
ask ``check-exists`` for Brazil; Meta, "Phone numbers": Brazil, Mexico and Argentina)."""


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """What stands in a text that is no JID: digits behind the calling code's start."""

    digits: str
    prefix: bool
    """A star stood behind it: all numbers that begin so."""


def read_number(text: str) -> WrittenNumber:
    """The international number that a person wrote, or with ``*`` behind it the start of numbers.

    ``+`` or ``00`` may stand before it; spaces, dashes, dots, slashes, brackets and marks of
    direction may stand anywhere, and digits may be those of any script. Raises ``ValueError`` for
    anything else, also for a number without its country's code where that can be seen.
    """
    written = unclutter(text)
    prefix = written.endswith("*")
    if prefix:
        written = written[:-1]
    digits = "".join(each for each in written if each not in _SEPARATORS)
    digits = digits[1:] if digits.startswith("+") else digits.removeprefix("00")
    if not (digits.isascii() and digits.isdigit()) or digits.startswith("0"):
        msg = "no international number"
        raise ValueError(msg)
    digits = _without_home_prefix(digits)
    if prefix and digits == f"{_calling_code(digits)}0" and digits[:-1] not in KEEP_ZERO:
        msg = "no international number begins with 0 behind its country's code"
        raise ValueError(msg)
    if not (1 if prefix else SHORTEST) <= len(digits) <= LONGEST:
        msg = f"an international number has {SHORTEST} to {LONGEST} digits"
        raise ValueError(msg)
    return WrittenNumber(digits, prefix)


def read_person(text: str) -> str:
    """The canonical JID of a person whom somebody named by a number or a JID.

    Raises ``ValueError`` as ``read_number``, for what is no JID, and for the JID of a group.
    """
    if "@" in text:
        jid = Jid.parse(unclutter(text))
        if jid.kind not in {"phone", "lid"}:
            msg = "the JID of a group or channel names nobody"
            raise ValueError(msg)
        return jid.canonical
    number = read_number(text)
    if number.prefix:
        msg = "more than one number"
        raise ValueError(msg)
    return f"{number.digits}@c.us"


def unclutter(text: str) -> str:
    """The text without spaces, dashes and marks that nobody sees, and with plain digits."""
    kept = []
    for sign in unicodedata.normalize("NFKC", text):
        digit = unicodedata.decimal(sign, None)
        if digit is not None:
            kept.append(str(digit))
        elif unicodedata.category(sign) not in _DROPPED and not sign.isspace():
            kept.append(sign)
    return "".join(kept)


def number_forms(digits: str) -> tuple[str, ...]:
    """The digits of an international number in every form that WhatsApp may use, the given first.

    Whichever form is asked for, all are found: ``b in number_forms(a)`` says the same as
    ``a in number_forms(b)``.
    """
    for pattern, other in _OTHER_FORMS:
        match = pattern.fullmatch(digits)
        if match is not None:
            return digits, match.expand(other)
    return (digits,)


@lru_cache(maxsize=65_536)
def jid_forms(jid: str) -> tuple[str, ...]:
    """A canonical JID, and where it is a phone number's its other forms; see ``number_forms``."""
    digits, _, server = jid.partition("@")
    if server not in PHONE_SERVERS:
        return (jid,)
    return tuple(f"{form}@{server}" for form in number_forms(digits))


def all_forms(jids: Iterable[str]) -> tuple[str, ...]:
    """Every form of each of these canonical JIDs, once: the JIDs themselves first."""
    given = tuple(jids)
    return tuple(dict.fromkeys((*given, *(form for jid in given for form in jid_forms(jid)))))


def _without_home_prefix(digits: str) -> str:
    for pattern, international in _DIALLED_AT_HOME:
        match = pattern.fullmatch(digits)
        if match is not None:
            return match.expand(international)
    code = _calling_code(digits)
    rest = digits[len(code) :]
    if len(digits) <= _LONGEST_WITH_ZERO and _HOME_ZERO.match(rest) and code not in KEEP_ZERO:
        return code + rest[1:]
    return digits


def _calling_code(digits: str) -> str:
    if digits[:1] in {"1", "7"}:
        return digits[:1]
    return digits[:2] if _TWO_DIGIT_CODES.match(digits) else digits[:3]
