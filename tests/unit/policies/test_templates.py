"""Replies made into texts: what the check refuses, and that what it lets through never has a
hole."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.policy import MAX_TEXT, Experiment, Links, Reply, Variant
from streams.policies.locale_wording import LONGEST_OPENING, locale_of, opening, wait
from streams.policies.templates import (
    LONGEST,
    FactMissingError,
    TemplateError,
    TextFacts,
    check_reply,
    render,
)

LINKS = Links(upgrade="https://a.example/up", callback="https://a.example/back")
ZONES = [
    "Europe/London",
    "Asia/Kolkata",
    "America/St_Johns",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "UTC",
    "Etc/GMT+12",
]
LOCALES = ["en", "en-GB", "de", "ar-SA", "zh-Hant-TW", "pt-BR", "he", "cic"]


def at(zone: str, *when: int) -> int:
    return round(dt.datetime(*when, tzinfo=ZoneInfo(zone)).timestamp() * 1000)  # type: ignore[misc,arg-type]


NOW_MS = at("Europe/London", 2026, 11, 20, 22, 0)
OPENS_MS = at("Europe/London", 2026, 11, 23, 9, 0)


def facts(**changed: Any) -> TextFacts:
    given: dict[str, Any] = {
        "line": "Harbour Clinic",
        "name": "Asha",
        "locales": ("en-GB", "en"),
        "line_zone": "Europe/London",
        "caller_zone": None,
        "opens_at_ms": OPENS_MS,
        "wait_ms": 290_000,
        "now_ms": NOW_MS,
    }
    return TextFacts(**given | changed)


def said(text: str | Reply, **changed: Any) -> str | None:
    reply: Reply = {"en": text} if isinstance(text, str) else text
    check_reply(reply, LINKS)
    return render(reply, None, facts(**changed), LINKS)


def test_every_variable_is_filled() -> None:
    text = (
        "Hello {name}, {line} opens {next_opening}; wait {wait};"
        " {upgrade_link} {callback_link} {{ok}}"
    )
    assert said(text) == (
        "Hello Asha, Harbour Clinic opens Monday 23 November, 09:00 (United Kingdom Time);"
        " wait 5 minutes; "
        "https://a.example/up https://a.example/back {ok}"
    )


@pytest.mark.parametrize("name", [None, "", "  ", "\n\u202e\u200f"])
@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Hello {name}, we are closed.", "Hello, we are closed."),
        ("¡Hola {name}!", "¡Hola!"),
        ("Dear {name}\nWe are closed.", "Dear\nWe are closed."),
        ("Good evening {name}", "Good evening"),
        ("您好{name}，我们休息。", "您好，我们休息。"),  # noqa: RUF001 - as it is written there
        ("مرحبا {name}، نحن مغلقون.", "مرحبا، نحن مغلقون."),
    ],
)
def test_a_stranger_is_greeted_without_a_name_and_a_hole(
    text: str, without: str, name: str | None
) -> None:
    assert said(text, name=name) == without


@pytest.mark.parametrize(
    "text",
    [
        "{name}, hello",
        "Hello, {name}!",
        "For {name} only",
        "Hello {name}{wait}",
        "\n {name}.",
        "{name}",
    ],
)
def test_a_name_whose_lack_would_leave_a_hole_is_refused(text: str) -> None:
    with pytest.raises(
        TemplateError, match=r"after a word and before a comma, .*: 'Hello \{name\}, \.\.\.'$"
    ) as found:
        check_reply({"en": text}, LINKS)
    assert found.value.where == ("en",)


def test_a_name_stays_on_its_line_and_does_not_turn_the_writing() -> None:
    assert (
        said("Hello {name}, hi", name=" Eve\r\n\u202eil\u2029 {line} ") == "Hello Eve il {line}, hi"
    )
    long = said("Hello {name}, hi", name="x" * 500)
    assert long == f"Hello {'x' * LONGEST['name']}, hi"


@pytest.mark.parametrize(
    ("text", "links", "message"),
    [
        ("{colour}", LINKS, "is no variable; there are {name}"),
        ("{line!r}", LINKS, "is no variable"),
        ("{line:>90}", LINKS, "is no variable"),
        ("{line.title}", LINKS, "is no variable"),
        ("{0}", LINKS, "is no variable"),
        ("{}", LINKS, "is no variable"),
        ("{line", LINKS, "braces do not match"),
        ("line}", LINKS, "braces do not match"),
        ("{upgrade_link}", Links(), "needs links.upgrade"),
        ("{callback_link}", Links(upgrade="https://a.example"), "needs links.callback"),
        ("x" * (MAX_TEXT - LONGEST["wait"] + 1) + "{wait}", LINKS, "may get 4097 characters"),
    ],
)
def test_what_cannot_be_filled_is_refused_with_its_place(
    text: str, links: Links, message: str
) -> None:
    with pytest.raises(TemplateError, match=message) as found:
        check_reply(Experiment(variants={"a": Variant(texts={"en": text})}), links)
    assert found.value.where == ("variants", "a", "texts", "en")


def test_a_time_in_a_locale_that_nobody_knows_is_refused() -> None:
    check_reply({"xx": "nothing to tell"}, LINKS)
    for text in ("{next_opening}", "{wait}"):
        with pytest.raises(TemplateError, match="CLDR has no such locale"):
            check_reply({"xx": text}, LINKS)


@pytest.mark.parametrize(
    ("text", "lacks"), [("{next_opening}", "opens_at_ms"), ("Wait {wait}.", "wait_ms")]
)
def test_a_text_whose_fact_is_missing_is_not_sent(text: str, lacks: str) -> None:
    with pytest.raises(FactMissingError):
        said(text, **{lacks: None})


@pytest.mark.parametrize(
    ("locales", "expected"),
    [
        (("en-GB", "ar"), "en 23 November"),
        (("en_GB", "ar"), "en 23 November"),
        (("EN-GB", "ar"), "en 23 November"),
        (("en-US", "ar"), "en Nov 23"),
        (("de-AT", "ar"), "de 23. November"),
        ((None, "ar-SA"), "ar 23 نوفمبر"),
        (("fr", "de"), "de 23. November"),
        (("", None), "en Nov 23"),
        (("tlh", "xx"), "en Nov 23"),
        (("en-XX-nonsense", None), "en Nov 23"),
    ],
)
def test_the_callers_locale_comes_before_the_lines(
    locales: tuple[str | None, ...], expected: str
) -> None:
    reply: Reply = {"ar": "ar {next_opening}", "de": "de {next_opening}", "en": "en {next_opening}"}
    text = said(reply, locales=locales)
    assert text is not None
    language, _, day = expected.partition(" ")
    assert text.startswith(language)
    assert day in text


def test_a_variant_that_is_gone_and_a_holdout_have_no_text() -> None:
    experiment = Experiment(variants={"a": Variant(texts={"en": "A"})}, holdout=0.1)
    assert [render(experiment, each, facts(), LINKS) for each in ("a", "b", "holdout", None)] == [
        "A",
        None,
        None,
        None,
    ]
    assert render({"en": "plain"}, "a", facts(), LINKS) is None, (
        "a plain text is not what the variant said"
    )


def test_what_is_checked_is_the_whole_text_and_every_text() -> None:
    with pytest.raises(TemplateError, match="is no variable") as found:
        check_reply({"en": "fine", "fr": "{{meant}} {line} {colour}"}, LINKS)
    assert found.value.where == ("fr",)
    half = "x" * (MAX_TEXT // 2)
    check_reply({"en": half + "{{" + half[1:]}, LINKS)
    for long in (half + "{{" + half, half + "{wait}" + half):
        with pytest.raises(TemplateError, match="characters long; WhatsApp takes 4096") as found:
            check_reply({"en": long}, LINKS)
        assert found.value.where == ("en",)
    with pytest.raises(TemplateError, match="CLDR has no such locale") as found:
        check_reply({"xx": "{wait}"}, LINKS)
    assert found.value.where == ("xx",)
    check_reply({"en": "x" * (MAX_TEXT - LONGEST["wait"]) + "{wait}"}, LINKS)


@pytest.mark.parametrize(
    ("text", "lacks"), [("{next_opening}", "next_opening"), ("Wait {wait}.", "wait")]
)
def test_a_fact_that_is_missing_is_named(text: str, lacks: str) -> None:
    with pytest.raises(FactMissingError, match=rf"^{lacks}$"):
        said(text, opens_at_ms=None, wait_ms=None)


def test_a_value_that_is_cut_ends_with_a_word() -> None:
    assert (
        said("{line}|", line=" " + "x" * (LONGEST["line"] - 1) + " y")
        == "x" * (LONGEST["line"] - 1) + "|"
    )


def test_times_are_told_in_the_callers_language_and_clock() -> None:
    reply: Reply = {"de": "{wait}; {next_opening}", "en": "{wait}"}
    told = said(reply, locales=("de-AT", "en"), caller_zone="Asia/Kolkata")
    assert told is not None
    assert told.startswith("5 Minuten; ")
    assert "23. November, 09:00 (" in told
    assert " = 14:30 (" in told


def test_a_locale_of_several_parts_is_found_in_any_spelling() -> None:
    reply: Reply = {"zh-Hant": "traditional", "zh": "simple", "en": "english"}
    for written in ("zh-Hant-TW", "zh_Hant_TW", "ZH-Hant-TW"):
        assert said(reply, locales=(written, "en")) == "traditional"


def test_a_time_whose_locale_is_gone_from_cldr_is_missing() -> None:
    with pytest.raises(FactMissingError, match="wait"):
        render({"xx": "{wait}"}, None, facts(locales=("xx",)), LINKS)


WITHOUT_BRACES = st.characters(codec="utf-8", exclude_characters="{}")
PIECES = st.sampled_from(
    ["Hello {name}, ", "{line} ", "{next_opening}; ", "{wait}.", "{upgrade_link}", "x {{y}} "]
)


@given(
    pieces=st.lists(PIECES, min_size=1, max_size=20),
    fill=st.integers(0, MAX_TEXT),
    locale=st.sampled_from(LOCALES),
    name=st.none() | st.text(WITHOUT_BRACES, max_size=200),
    line=st.text(WITHOUT_BRACES, min_size=1, max_size=60),
    zones=st.tuples(st.sampled_from(ZONES), st.none() | st.sampled_from(ZONES)),
    opens_ms=st.integers(NOW_MS, NOW_MS + 400 * 86_400_000),
    wait_ms=st.integers(0, 10 * 86_400_000),
)
def test_what_the_check_lets_through_is_whole_and_never_too_long(
    pieces: list[str],
    fill: int,
    locale: str,
    name: str | None,
    line: str,
    zones: tuple[str, str | None],
    opens_ms: int,
    wait_ms: int,
) -> None:
    assume("None" not in f"{name or ''}{line}")  # a line may be called so, and then it says so
    reply: Reply = {locale: "x" * fill + "".join(pieces)}
    try:
        check_reply(reply, LINKS)
    except TemplateError as exc:
        assert "may get" in str(exc) or "after a word" in str(exc)  # noqa: PT017 - either is right, and nothing else
        return
    known = facts(
        name=name,
        line=line,
        line_zone=zones[0],
        caller_zone=zones[1],
        opens_at_ms=opens_ms,
        wait_ms=wait_ms,
    )
    text = render(reply, None, known, LINKS)
    assert text is not None
    assert len(text) <= MAX_TEXT
    rest = text.replace("{y}", "")
    assert "{" not in rest
    assert "}" not in rest
    assert "None" not in rest


# times in words


EN = locale_of("en-GB")
assert EN is not None


@pytest.mark.parametrize(
    ("line_zone", "caller_zone", "expected"),
    [
        ("Europe/London", None, "Monday 23 November, 09:00 (United Kingdom Time)"),
        ("Europe/London", "Europe/London", "Monday 23 November, 09:00 (United Kingdom Time)"),
        ("Europe/London", "Europe/Lisbon", "Monday 23 November, 09:00 (United Kingdom Time)"),
        (
            "Europe/London",
            "Asia/Kolkata",
            "Monday 23 November, 09:00 (United Kingdom Time) = 14:30 (India Time)",
        ),
        (
            "Europe/London",
            "Pacific/Honolulu",
            (
                "Monday 23 November, 09:00 (United Kingdom Time)"
                " = Sunday 22 November, 23:00 (Hawaii-Aleutian Time)"
            ),
        ),
        (
            "Pacific/Kiritimati",
            "Pacific/Pago_Pago",
            (
                "Monday 23 November, 23:00 (Kiribati (Kiritimati) Time)"
                " = Sunday 22 November, 22:00 (American Samoa Time)"
            ),
        ),
        ("UTC", None, "Monday 23 November, 09:00 (Coordinated Universal Time)"),
        ("Etc/GMT-3", None, "Monday 23 November, 12:00 (GMT+03:00)"),
    ],
)
def test_an_opening_is_told_on_both_clocks_where_they_differ(
    line_zone: str, caller_zone: str | None, expected: str
) -> None:
    assert EN is not None
    assert opening(OPENS_MS, NOW_MS, EN, line_zone, caller_zone) == expected


def test_clocks_are_compared_at_the_opening_and_not_now() -> None:
    """London and Accra agree in winter alone: what counts is the day of the opening."""
    assert EN is not None
    winter, summer = at("UTC", 2027, 3, 27, 9, 0), at("UTC", 2027, 3, 29, 9, 0)
    now_ms = at("UTC", 2027, 3, 26, 22, 0)
    assert " = " not in opening(winter, now_ms, EN, "Europe/London", "Africa/Accra")
    assert " = 09:00" in opening(summer, now_ms, EN, "Europe/London", "Africa/Accra")


def test_a_day_that_is_far_off_has_its_year() -> None:
    assert EN is not None
    assert "2027" in opening(NOW_MS + 200 * 86_400_000, NOW_MS, EN, "Europe/London", None)


@given(
    st.text(max_size=20)
    | st.from_regex(r"[a-zA-Z]{1,4}([-_@.][a-zA-Z0-9]{0,8}){0,4}", fullmatch=True)
)
def test_whatever_a_crm_calls_a_locale_breaks_nothing(written: str) -> None:
    found = locale_of(written)
    assert found is None or opening(OPENS_MS, NOW_MS, found, "Europe/London", "Asia/Kolkata")
    assert said("{next_opening}", locales=(written, "en-GB"))


@given(
    st.sampled_from(LOCALES),
    st.sampled_from(ZONES),
    st.sampled_from(ZONES),
    st.integers(NOW_MS, NOW_MS + 3 * 10**10),
)
def test_an_opening_always_fits(
    locale: str, line_zone: str, caller_zone: str, opens_ms: int
) -> None:
    spoken = locale_of(locale)
    assert spoken is not None
    assert 0 < len(opening(opens_ms, NOW_MS, spoken, line_zone, caller_zone)) <= LONGEST_OPENING


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (0, "1 minute"),
        (60_000, "1 minute"),
        (60_001, "2 minutes"),
        (119 * 60_000, "119 minutes"),
        (120 * 60_000, "2 hours"),
        (121 * 60_000, "3 hours"),
        (72 * 3_600_000, "3 days"),
    ],
)
def test_a_wait_is_rounded_up(ms: int, expected: str) -> None:
    assert EN is not None
    assert wait(ms, EN) == expected


@pytest.mark.parametrize(
    ("locale", "expected"),
    [("de", "5 Minuten"), ("ar", "5 دقائق"), ("pl", "5 minut"), ("zh-Hant-TW", "5 分鐘")],
)
def test_a_wait_is_counted_as_the_language_counts(locale: str, expected: str) -> None:
    spoken = locale_of(locale)
    assert spoken is not None
    assert wait(300_000, spoken) == expected
