"""What came of a trial, as lines, JSON and a page: nobody's number, nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from typing_extensions import override

from models.snapshot import Snapshot
from streams.history.page import page
from streams.history.read_past import Tried, Wanted
from streams.history.simulation import Change, Ruling, Share, Simulation, Turn
from streams.history.words import PARTS, Account
from streams.kafka.reader import WholeSince
from tests.support.facts import NOW_MS

CALLER = "447700900123@c.us"
DEFAULT = Ruling("ring", "default", None)
FIRST = Ruling("reject", "rule", "first")
HAND = Ruling("reject", "hand", None)


def account(counts: Simulation, cut: WholeSince | None = None) -> Account:
    wanted = Wanted(from_ms=NOW_MS - 3_600_000, to_ms=NOW_MS)
    return Account({"*": "0123456789ab"}, wanted, Tried(counts, cut))


@pytest.fixture
def counts() -> Simulation:
    found = Simulation(calls=1_300)
    found.was.update({DEFAULT: 1_299, HAND: 1})
    found.would.update({DEFAULT: 1_296, FIRST: 4})
    found.changes.update({(DEFAULT, FIRST): 3, (HAND, FIRST): 1})
    found.tiers["<gold>"] = Share(9, Counter({Turn("ring", "reject"): 3}), 1)
    found.lines["quiet"] = Share(5)
    found.callers[CALLER] = 4
    found.shadow["burst"] = 7
    found.shadow_unknown["agents"] = 2
    found.failed["vip"] = 1
    found.unknown.update({"storms": 5, "snapshot": 2})
    found.repeated, found.undecodable = 1, 1
    found.examples = [
        Change(NOW_MS, "london", "+447•••23", "<call>", DEFAULT, FIRST, "never wrote & so on")
    ]
    return found


class Tags(HTMLParser):
    """Finds tags that are not closed, and every attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_lines_say_who_decided_and_what_is_not_known(counts: Simulation) -> None:
    cut = WholeSince(NOW_MS - 60_000, "calls.decisions", None)
    lines = list(account(counts, cut).lines(every=True))
    text = "\n".join(lines)
    assert "differing   4 calls" in lines
    assert "            3 from ring by the policy's default to reject by first" in lines
    assert "            1 from reject by a block by hand to reject by first" in lines
    assert "by tier     <gold>  4 of 9  3 ring to reject, 1 by another rule" in lines
    assert "and 8 calls that cannot be decided again:" in text
    assert "5 not on record: how many strangers called" in text
    assert "2 decided by a version that recorded nothing" in text
    assert "in shadow   burst would have applied to 7 calls" in lines
    assert "decisions are on record from" in text
    assert "quiet" not in text, "where nothing changes there is nothing to say"
    assert lines[-1].endswith("would be reject by first: never wrote & so on")


def test_a_page_needs_nothing_from_elsewhere(counts: Simulation) -> None:
    text = page(account(counts))
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert not re.search(r"https?:|//|<script|<img|<link", text)
    assert not {name for name, _ in tags.attributes} & {"src", "href"}
    assert ("name", "viewport") in tags.attributes
    assert "&lt;gold&gt;" in text
    assert "<gold>" not in text


def test_nobodys_number_is_shown(counts: Simulation) -> None:
    found = account(counts)
    shown = (*found.lines(every=True), page(found), json.dumps(found.as_dict()))
    assert not any(CALLER.partition("@")[0] in each for each in shown)
    assert json.loads(json.dumps(found.as_dict()))["differing"] == 4


def test_nothing_to_tell_is_told() -> None:
    assert "differing   0 calls" in list(account(Simulation()).lines(every=True))
    assert "0 calls of 0 change" in page(account(Simulation()))


def test_every_part_that_may_be_missing_has_words() -> None:
    assert PARTS.keys() - Snapshot.__annotations__.keys() == {"snapshot"}
