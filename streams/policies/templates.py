"""Replies made into texts.

Variables checked when the policy is applied, filled when a text is sent.

A text never has a hole. A name that is not known goes with the space before it (``Hello {name},``
becomes ``Hello,``), and the check sees to it that this leaves a sentence. Any other fact that is
missing means that the text is not sent: ``FactMissingError``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final

from models.policy import MAX_TEXT, Experiment, Links, Reply, in_locale, texts_of
from streams.policies.locale_wording import LONGEST_OPENING, locale_of, opening, wait

LONGEST: Final[Mapping[str, int]] = {
    "name": 60,
    "line": 60,
    "next_opening": LONGEST_OPENING,
    "wait": 30,
    "upgrade_link": 500,
    "callback_link": 500,
}
"""The variables of a text, and how long each may get."""

_SPOKEN_IN_A_LOCALE: Final = ("next_opening", "wait")

_CALLED_BY_NAME: Final = re.compile(r"\w[^\S\n]*\Z")
_AFTER_A_NAME: Final = re.compile(r"\Z|\s*\n|[.,:;!?…،؛؟。，、！？]")  # noqa: RUF001 - other scripts' own
_NO_WORD: Final = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+"
)
"""White space, and the signs that end a line or turn the direction of writing."""


class TemplateError(ValueError):
    """A text that cannot be filled; ``where`` is its place under the reply."""

    def __init__(self, where: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.where = where


class FactMissingError(LookupError):
    """A text speaks of what is not known, such as the next opening of a line that never opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFacts:
    """What a text may speak of, and to whom."""

    line: str
    """The line's title."""
    name: str | None
    """The caller's, of the contact record."""
    locales: tuple[str | None, ...]
    """The caller's, then the line's."""
    line_zone: str
    caller_zone: str | None
    opens_at_ms: int | None
    wait_ms: int | None
    now_ms: int


def check_reply(reply: Reply, links: Links) -> None:
    """Raise ``TemplateError`` for a text that cannot always be filled, or may get too long.

    Too long is more than ``MAX_TEXT``. It cannot be filled for an unknown variable,
    a link that is not there, a name whose lack would leave a hole, or
    a time in a locale that nobody knows.
    """
    if isinstance(reply, Experiment):
        for name, variant in reply.variants.items():
            for locale, text in variant.texts.items():
                _check(text, locale, links, ("variants", name, "texts", locale))
        return
    for locale, text in reply.items():
        _check(text, locale, links, (locale,))


def variables_of(reply: Reply) -> frozenset[str]:
    """What the texts of a checked reply speak of."""
    variants = reply.variants.values() if isinstance(reply, Experiment) else ()
    texts = [*(text for each in variants for text in each.texts.values())]
    texts += [] if isinstance(reply, Experiment) else reply.values()
    return frozenset(
        name for text in texts for _, name, _, _ in Formatter().parse(text) if name is not None
    )


def _check(text: str, locale: str, links: Links, where: tuple[str, ...]) -> None:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as exc:
        msg = f"the braces do not match ({exc}); a brace that is meant is written twice"
        raise TemplateError(where, msg) from None
    length = 0
    for at, (literal, name, spec, conversion) in enumerate(parts):
        length += len(literal)
        if name is None:
            continue
        if name not in LONGEST or spec or conversion:
            known = ", ".join(f"{{{each}}}" for each in LONGEST)
            msg = f"{{{name}}} is no variable; there are {known}"
            raise TemplateError(where, msg)
        if name.endswith("_link") and getattr(links, name.removesuffix("_link")) is None:
            msg = f"{{{name}}} needs links.{name.removesuffix('_link')} in the policy"
            raise TemplateError(where, msg)
        following = parts[at + 1][0] if at + 1 < len(parts) else ""
        ends = at + 1 == len(parts) or bool(following)
        if name == "name" and not (
            _CALLED_BY_NAME.search(literal) and ends and _AFTER_A_NAME.match(following)
        ):
            msg = (
                "{name} is left out where the caller's name is not known, so write it after a word "
                "and before a comma, a full stop or the like: 'Hello {name}, ...'"
            )
            raise TemplateError(where, msg)
        if name in _SPOKEN_IN_A_LOCALE and locale_of(locale) is None:
            msg = (
                f"{{{name}}} cannot be told in {locale!r}: CLDR has no such locale; write the time "
                "into the text"
            )
            raise TemplateError(where, msg)
        length += LONGEST[name]
    if length > MAX_TEXT:
        msg = f"the text may get {length} characters long; WhatsApp takes {MAX_TEXT}"
        raise TemplateError(where, msg)


def render(reply: Reply, variant: str | None, facts: TextFacts, links: Links) -> str | None:
    """The text for one caller, ``MAX_TEXT`` characters at most.

    None where the reply has no such variant.

    Raises ``FactMissingError`` for a text that would have a hole. The reply and links are of one
    checked policy.
    """
    texts = texts_of(reply, variant)
    if texts is None:
        return None
    text, locale = in_locale(texts, *map(_tag, facts.locales))
    found = ""
    for literal, variable, _, _ in Formatter().parse(text):
        found += literal
        if variable is None:
            continue
        value = _value(variable, facts, links, locale)
        if value is None and variable != "name":
            raise FactMissingError(variable)
        found = found.rstrip() if value is None else found + value[: LONGEST[variable]].rstrip()
    return found[:MAX_TEXT]


def _value(variable: str, facts: TextFacts, links: Links, locale: str) -> str | None:
    if variable in _SPOKEN_IN_A_LOCALE:
        return _spoken(variable, facts, locale)
    said = {
        "name": _one_line(facts.name or "") or None,
        "line": _one_line(facts.line),
        "upgrade_link": links.upgrade,
        "callback_link": links.callback,
    }
    return said[variable]


def _spoken(variable: str, facts: TextFacts, name: str) -> str | None:
    locale = locale_of(name)
    if locale is None:
        return None
    if variable == "wait":
        return wait(facts.wait_ms, locale) if facts.wait_ms is not None else None
    if facts.opens_at_ms is None:
        return None
    return opening(facts.opens_at_ms, facts.now_ms, locale, facts.line_zone, facts.caller_zone)


def _tag(locale: str | None) -> str | None:
    """A locale as policies write it: CRMs write ``de_AT`` and ``DE-at`` too."""
    language, dash, rest = (locale or "").replace("_", "-").partition("-")
    return f"{language.lower()}{dash}{rest}" or None


def _one_line(words: str) -> str:
    """Names come from other systems.

    No line breaks, no signs that turn the direction of writing.
    """
    return _NO_WORD.sub(" ", words).strip()
