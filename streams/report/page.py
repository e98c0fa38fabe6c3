"""A report as one HTML page that needs nothing else: no network, no script, no file beside it.

Every plot stands twice in it, for phones and for wider screens and paper; the style shows one.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import Final

from streams.report.charts import PLOTS, Plot
from streams.report.drawing import SIZES
from streams.report.figures import Figures
from streams.report.heading import about, title
from streams.report.sections import Rows, Section, sections

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""Browsers refuse whatever else a page might try to load."""


def page(figures: Figures) -> str:
    """The whole page. Draws all plots, which takes some seconds."""
    parts = sections(figures)
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    heading = escape(title(figures.scope))
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{heading}</title>",
            f"<style>\n{style}</style>",
            "</head>",
            "<body>",
            "<header>",
            f"<h1>{heading}</h1>",
            *(f"<p>{escape(line)}</p>" for line in about(figures.scope)),
            *_contents(parts),
            "</header>",
            "<main>",
            *(line for part in parts for line in _section(part, figures)),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _contents(parts: list[Section]) -> Iterator[str]:
    yield '<nav aria-label="Contents">'
    for part in parts:
        yield f'<a href="#{part.key}">{escape(part.title)}</a>'
    yield "</nav>"


def _section(part: Section, figures: Figures) -> Iterator[str]:
    yield f'<section id="{part.key}">'
    yield f"<h2>{escape(part.title)}</h2>"
    if part.missing is not None:
        yield f'<p class="missing">{_code(part.missing)}</p>'
    else:
        for plot, sentences in zip(PLOTS[part.key], part.sentences, strict=True):
            yield from _figure(plot, figures)
            yield from (f'<p class="says">{_text(each)}</p>' for each in sentences)
        yield from _table(part.table, part.numbers)
    yield "</section>"


def _figure(plot: Plot, figures: Figures) -> Iterator[str]:
    drawn = {size.name: plot.draw(figures, size) for size in SIZES}
    if not any(drawn.values()):
        return
    yield f'<figure role="img" aria-label="{escape(plot.title)}">'
    yield f"<figcaption>{escape(plot.title)}</figcaption>"
    yield from (f'<div class="{name}">{picture}</div>' for name, picture in drawn.items())
    yield "</figure>"


def _table(rows: Rows, numbers: int) -> Iterator[str]:
    first = len(rows[0]) - numbers
    yield "<details><summary>The numbers</summary>"
    yield '<div class="scroll"><table>'
    for tag, group, part in (("th", "thead", rows[:1]), ("td", "tbody", rows[1:])):
        yield f"<{group}>"
        for row in part:
            cells = (
                f"<{tag}{' class=number' if place >= first else ''}>{escape(cell)}</{tag}>"
                for place, cell in enumerate(row)
            )
            yield f"<tr>{''.join(cells)}</tr>"
        yield f"</{group}>"
    yield "</table></div></details>"


def _text(text: str) -> str:
    """Escaped; a number stays with its sign."""
    return escape(text).replace(" %", "&nbsp;%")


def _code(text: str) -> str:
    """Escaped; what stands between backticks is a command."""
    odd, *rest = text.split("`")
    parts = [escape(odd)]
    for place, each in enumerate(rest):
        parts.append(f"<code>{escape(each)}</code>" if place % 2 == 0 else escape(each))
    return "".join(parts)
