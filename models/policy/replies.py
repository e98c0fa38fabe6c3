"""The replies that callers get: texts per locale, or an experiment over several of them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator
from pydantic.dataclasses import dataclass as checked

from models.policy.values import STRICT, Locale, Name

MAX_TEXT: Final = 4096
"""Characters in one WhatsApp text (Wawp enforces it; WhatsApp's own limit is no lower)."""

HOLDOUT: Final = "holdout"
"""The variant of an experiment whose callers get no text, so that the effect of the text can be
measured."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, strip_whitespace=True)]
Texts = Annotated[dict[Locale, Text], Field(min_length=1)]
"""One text per locale, with variables in braces: ``{name}``."""


ENFORCED: Final = "enforced"
"""The variant of a rule with a holdout whose callers are rejected by it."""

Salt = Annotated[str, Field(max_length=100)]
"""Hashed with the caller: another salt assigns everybody anew."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Variant:
    """One of the texts that an experiment compares."""

    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    texts: Texts


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Experiment:
    """A reply in several variants.

    Which one a caller gets hangs on the caller and the salt alone.
    """

    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
    holdout: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """The share of callers who get no text."""
    salt: Salt = ""
    """Another salt assigns everybody anew."""

    @model_validator(mode="after")
    def _holdout_is_no_variant(self) -> Experiment:
        if HOLDOUT in self.variants:
            msg = f"a variant cannot be called {HOLDOUT!r}; give its share as `holdout`"
            raise ValueError(msg)
        return self


def _kind(value: Any) -> str:
    if isinstance(value, Experiment):
        return "experiment"
    return "experiment" if isinstance(value, dict) and "variants" in value else "texts"


Reply = Annotated[
    Annotated[Experiment, Tag("experiment")] | Annotated[Texts, Tag("texts")],
    Discriminator(_kind),
]


def texts_of(reply: Reply, variant: str | None) -> dict[Locale, Text] | None:
    """The texts of a reply (``variant`` None) or of one of its variants.

    None where the reply has no such variant.

    A plain reply has no variants, and an experiment none that is called ``HOLDOUT``: a text that
    stands in for another variant would falsify the experiment.
    """
    if isinstance(reply, Experiment):
        found = reply.variants.get(variant or "")
        return found.texts if found else None
    return reply if variant is None else None


def in_locale(texts: dict[Locale, Text], *wanted: str | None) -> tuple[str, str]:
    """The text for a caller, and the locale in which its numbers and times are written.

    It is the text of the first locale wanted that is there, exactly or with its last parts left out
    (``zh-Hant-TW``, ``zh-Hant``, ``zh``); else of ``en``, else the first one. Times are written
    as in the locale wanted where the text is in its language: a British caller's ``en`` text has
    British dates.
    """
    for locale in wanted:
        found = _shortened(texts, locale or "")
        if found is not None:
            return texts[found], locale or found
    found = "en" if "en" in texts else next(iter(texts))
    return texts[found], next(
        (each for each in wanted if each and _language(each) == _language(found)), found
    )


def _shortened(texts: dict[Locale, Text], locale: str) -> Locale | None:
    parts = locale.split("-")
    return next(
        (each for n in range(len(parts), 0, -1) if (each := "-".join(parts[:n])) in texts), None
    )


def _language(locale: str) -> str:
    return locale.partition("-")[0]
