from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from typing_extensions import override

from streams.report.page import page
from tests.support.records import decision, offer
from tests.support.reports import everything, figures_of

FETCHED = {"src", "srcset", "data", "poster", "action", "background"}


class Elements(HTMLParser):
    """What a page consists of, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in FETCHED or name.endswith("href"):
                self.addresses.append(value or "")


@pytest.fixture(scope="module")
def busy() -> str:
    return page(figures_of(everything()))


def test_a_page_needs_nothing_else(busy: str) -> None:
    found = Elements(busy)
    assert {"script", "link", "img", "iframe", "object"} & set(found.tags) == set()
    assert [each for each in found.addresses if not each.startswith("#")] == []
    assert re.findall(r"url\((?!#)|@import", busy) == []
    # an SVG names its language by an address that nobody fetches
    rest = busy.replace('xmlns="http://www.w3.org/2000/svg"', "").replace(
        'xmlns:xlink="http://www.w3.org/1999/xlink"', ""
    )
    assert "://" not in rest


def test_every_plot_is_there_for_phones_and_for_paper(busy: str) -> None:
    found = Elements(busy)
    assert found.tags.count("figure") == 13
    assert found.tags.count("svg") == 26
    assert len(found.ids) == len(set(found.ids))


def test_no_callers_number_is_on_a_page(busy: str) -> None:
    assert "447700900" not in busy


def test_without_data_a_page_says_how_to_get_it() -> None:
    empty = page(figures_of([]))
    assert "svg" not in Elements(empty).tags
    assert empty.count('class="missing"') == 9
    assert "<code>ringfence audit</code>" in empty


def test_names_from_outside_are_no_markup() -> None:
    evil = "<script>alert(1)</script>&"
    of = offer(line=evil)
    shown = page(figures_of([replace(decision(of), rule=evil, rules=())]))
    assert "script" not in Elements(shown).tags
    assert "alert(1)" in shown
