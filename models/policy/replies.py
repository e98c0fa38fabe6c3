"""What callers are told: texts per locale, or an experiment over several of them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator
from pydantic.dataclasses import dataclass as checked

from models.policy.values import STRICT, Locale, Name

MAX_TEXT: Final = 4096
"""Characters in one WhatsApp text (Wawp enforces it; WhatsApp's own limit is no lower)."""

HOLDOUT: Final = "holdout"
"""The variant of an experiment whose callers get no text, so that the effect of the text can be told."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, strip_whitespace=True)]
Texts = Annotated[dict[Locale, Text], Field(min_length=1)]
"""One text per locale, with variables in braces: ``{name}``."""


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Variant:
    """One of the texts that an experiment compares."""

    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    texts: Texts


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Experiment:
    """A reply in several variants. Which one a caller gets hangs on the caller and the salt alone."""

    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
    holdout: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """The share of callers who are told nothing."""
    salt: Annotated[str, Field(max_length=100)] = ""
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
    """The texts of a reply or of one of its variants; None for the holdout and for a variant that is gone."""
    if isinstance(reply, Experiment):
        found = reply.variants.get(variant or "")
        return found.texts if found else None
    return reply


def in_locale(texts: dict[Locale, Text], *wanted: str | None) -> str:
    """The text of the first locale wanted, or of its language, that is there; else ``en``, else the first written."""
    for locale in wanted:
        for each in (locale, locale.partition("-")[0]) if locale else ():
            if each in texts:
                return texts[each]
    return texts.get("en") or next(iter(texts.values()))
