"""The dials of people's reactions: what is dialled in is what people do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from streams.common.errors import ConfigurationError
from streams.simulator.reactions import Reactions, TextEffect, read_reactions, temper

DIALS = Reactions(
    silent=0.1,
    told=0.3,
    texts=(TextEffect(words=("call you back", "نتصل بك"), write=0.7),),
    fades=60_000,
)
MANY = 3_000


def test_the_share_hangs_on_the_text_and_how_late_it_comes() -> None:
    assert DIALS.write(None) == 0.1
    assert DIALS.write("Please write to us.") == pytest.approx(0.3)
    assert DIALS.write("Tell us why, and we CALL YOU back.") == pytest.approx(0.7)
    assert DIALS.write("سوف نتصل بك") == pytest.approx(0.7)
    assert DIALS.write("we call you back", 60_000) == pytest.approx(0.4)
    assert DIALS.write("we call you back", 120_000) == pytest.approx(0.25)


def test_a_person_has_one_temper_and_people_have_many() -> None:
    one = temper(DIALS, 7, "london", "447700900123@c.us")
    assert temper(DIALS, 7, "london", "447700900123@c.us") == one
    others = [
        temper(DIALS, seed, line, caller)
        for seed, line, caller in (
            (8, "london", "447700900123@c.us"),
            (7, "riyadh", "447700900123@c.us"),
            (7, "london", "447700900124@c.us"),
        )
    ]
    assert len({one.writes, *(each.writes for each in others)}) == 4


def test_tempers_are_spread_evenly_and_nobody_waits_too_long() -> None:
    tempers = [temper(DIALS, 1, "london", f"{n}@c.us") for n in range(MANY)]
    for name in ("writes", "redials", "is_reached"):
        tenths = Counter(int(getattr(each, name) * 10) for each in tempers)
        assert all(0.07 * MANY < tenths[n] < 0.13 * MANY for n in range(10))
    delays = sorted(each.writes_after_s for each in tempers)
    assert 13 < delays[MANY // 2] < 17
    assert delays[0] > 0
    assert delays[-1] == 60


def test_dials_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "reactions.yaml"
    path.write_text(
        "silent: 0.05\ntexts: [{words: [meeting], write: 0.4}]\nfades: 5m\n", encoding="utf-8"
    )
    found = read_reactions(path)
    assert (found.silent, found.told, found.fades) == (0.05, 0.2, 300_000)
    assert found.write("Choose a time for a meeting") == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("silent: 2\n", ":1: silent: "),
        ("told: 0.2\nquiet: 0.1\n", ":2: quiet: there is no such key here"),
        ("texts: [{words: [], write: 0.1}]\n", ":1: texts.0.words: "),
        ("fades: soon\n", ":1: fades: a duration is a number with a unit"),
    ],
)
def test_wrong_dials_are_refused_with_their_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "reactions.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        read_reactions(path)
    assert said in str(refused.value)
