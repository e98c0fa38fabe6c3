"""Replies made into texts: variables checked when the policy is applied, filled when a text is sent."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter

from models.policy import MAX_TEXT, Experiment, Links, Reply, in_locale, texts_of

LONGEST: Mapping[str, int] = {
    "name": 60,
    "line": 60,
    "next_opening": 160,
    "wait": 30,
    "upgrade_link": 500,
    "callback_link": 500,
}
"""The variables of a text, and how long each may get."""


class TemplateError(ValueError):
    """A text that cannot be filled; ``where`` is its place under the reply."""

    def __init__(self, where: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.where = where


def check_reply(reply: Reply, links: Links) -> None:
    """Raise ``TemplateError`` for an unknown variable, a link that is not there, or a text that may get too long."""
    if isinstance(reply, Experiment):
        for name, variant in reply.variants.items():
            for locale, text in variant.texts.items():
                _check(text, links, ("variants", name, "texts", locale))
        return
    for locale, text in reply.items():
        _check(text, links, (locale,))


def _check(text: str, links: Links, where: tuple[str, ...]) -> None:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as exc:
        msg = f"the braces do not match ({exc}); a brace that is meant is written twice"
        raise TemplateError(where, msg) from None
    length = 0
    for literal, name, spec, conversion in parts:
        length += len(literal)
        if name is None:
            continue
        if name not in LONGEST or spec or conversion:
            msg = f"{{{name}}} is no variable; there are {', '.join(f'{{{each}}}' for each in LONGEST)}"
            raise TemplateError(where, msg)
        if name.endswith("_link") and getattr(links, name.removesuffix("_link")) is None:
            msg = f"{{{name}}} needs links.{name.removesuffix('_link')} in the policy"
            raise TemplateError(where, msg)
        length += LONGEST[name]
    if length > MAX_TEXT:
        msg = f"the text may get {length} characters long; WhatsApp takes {MAX_TEXT}"
        raise TemplateError(where, msg)


def render(reply: Reply, variant: str | None, locales: tuple[str | None, ...], values: Mapping[str, str]) -> str | None:
    """The text in the first locale that is there; None for a variant that is gone.

    ``values`` holds every variable; each is cut to its longest length.
    """
    texts = texts_of(reply, variant)
    if texts is None:
        return None
    text = in_locale(texts, *locales)
    return Formatter().vformat(text, (), {name: values.get(name, "")[:most] for name, most in LONGEST.items()})
