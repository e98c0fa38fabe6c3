"""How plots look, and how a specification becomes a picture.

Colours are those of Okabe and Ito, which people with any form of colour blindness tell apart; what
a colour says is also said by a dash, a place or a label.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import vl_convert

BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
SKY: Final = "#56B4E9"
BLACK: Final = "#222222"
GREY: Final = "#9A9A9A"

SERIES: Final = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
"""For series without a meaning of their own."""
DASHES: Final = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3), (12, 4), (4, 4), (1, 3), (10, 2))
"""A dash for each colour of ``SERIES``."""

_FONT: Final = "Helvetica, Arial, sans-serif"
_PADDING: Final = {"left": 14, "right": 8, "top": 4, "bottom": 4}
"""Text is measured in Arial; where a reader's font is wider, it needs some room at the left."""

_LOCALE: Final = {
    "number": {"decimal": ".", "thousands": " ", "grouping": [3], "currency": ["", ""]}
}
"""Numbers as the sentences have them."""

_ID: Final = re.compile(r'(?<=id=")[^"]+(?=")|(?<=url\(#)[^)]+(?=\))')


@dataclass(frozen=True, slots=True)
class Size:
    """How wide a plot is, in pixels: one for screens and paper, one for phones."""

    name: str
    width: int

    @property
    def is_wide(self) -> bool:
        """Whether there is room for numbers in cells and long labels."""
        return self is WIDE


WIDE: Final = Size("wide", 880)
NARROW: Final = Size("narrow", 358)
SIZES: Final = (WIDE, NARROW)


def data(rows: Sequence[dict[str, Any]]) -> Any:
    """Rows as they are, without a data frame."""
    return alt.Data(values=list(rows))


def svg(chart: Any, size: Size, height: int, name: str) -> str:
    """One plot as an SVG element that may stand in a page.

    ``name`` keeps the ids inside apart from those of other plots. The text is real text, in the
    reader's fonts.
    """
    spec = (
        chart.properties(
            width=size.width,
            height=height,
            autosize=alt.AutoSizeParams(type="fit", contains="padding"),
            padding=_PADDING,
        )
        .configure(font=_FONT, background="transparent", locale=_LOCALE)
        .configure_view(stroke=None)
        .configure_axis(
            labelFontSize=12, titleFontSize=12, titleFontWeight="normal", gridColor="#E6E6E6",
            domainColor="#888888", tickColor="#888888", labelLimit=260 if size.is_wide else 112,
        )
        .configure_legend(
            orient="top", title=None, labelFontSize=12, symbolStrokeWidth=2, labelLimit=260,
            columns=0 if size.is_wide else 2, symbolSize=120,
        )
        .to_dict()
    )  # fmt: skip
    drawn = str(vl_convert.vegalite_to_svg(spec))
    return _ID.sub(lambda found: f"{name}-{size.name}-{found[0]}", drawn)
