"""The oldest callback of a line, as a plain look at all of them finds it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.callbacks import Callback
from streams.views.callbacks import Callbacks


def owed(caller: str, line: str, opened_at_ms: int) -> Callback:
    return Callback(
        caller=caller,
        line=line,
        state="open",
        reason="desk",
        decision_id="d",
        opened_at_ms=opened_at_ms,
    )


@given(
    st.lists(
        st.tuples(
            st.integers(0, 200), st.sampled_from(("london", "paris", None)), st.integers(0, 50)
        ),
        max_size=400,
    )
)
def test_the_oldest_is_the_oldest_that_is_open(
    changes: list[tuple[int, str | None, int]],
) -> None:
    known, plain = Callbacks(), dict[str, Callback]()
    for number, line, at_ms in changes:
        caller = f"caller-{number}"
        if line is None:
            known.set(caller, None)
            plain.pop(caller, None)
        else:
            plain[caller] = owed(caller, line, at_ms)
            known.put(plain[caller])
    for line in ("london", "paris"):
        times = [each.opened_at_ms for each in plain.values() if each.line == line]
        assert known.oldest_ms(line) == min(times, default=None)
        assert known.waiting(line) == len(times)


def test_those_closed_are_not_kept_behind_one_owed_for_long() -> None:
    known = Callbacks()
    known.put(owed("long", "london", 0))
    for number in range(1, 1_000):
        known.put(owed(f"caller-{number}", "london", number))
        known.set(f"caller-{number}", None)
    assert known.oldest_ms("london") == 0
    assert len(known._opened["london"]) < 100
