"""A campaign: rounds of inputs, each checked at once, and the accounts at the end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from streams.common.lenient_json import NoJsonError, loads
from streams.gateways.dialect.envelope import MAX_ENVELOPES
from tests.fuzz.inputs import MAX_BODY, Input, inputs
from tests.fuzz.target import Target

BATCH: Final = 16
"""Requests under way at once."""

EXAMPLES: Final = 100
"""Batches of a round. A round ends with its generator's memory of what it tried, which grows
without bound."""

GROWTH_BYTES: Final = 48 * 1024 * 1024
"""From half of the campaign to its end: the memory of ended calls (25 MB) and caches fill up
meanwhile."""

_CALLS: Final = {"call.received", "call.accepted", "call.rejected"}
_MESSAGES: Final = {"message", "message.any"}
_REFUSED: Final = {"unintelligible", "unknown-event", "unknown-line", "too-large"}


@dataclass(slots=True)
class Campaign:
    """What was sent to one bridge so far, and what must have come of it."""

    target: Target
    sent: int = 0
    statuses: Counter[int | None] = field(default_factory=Counter)
    envelopes: int = 0
    """In the webhooks that were accepted."""

    def run(
        self, wanted: int, first_seed: int, on_round: Callable[[Campaign], None] | None = None
    ) -> None:
        """Send so many inputs; raises ``AssertionError`` with the smallest batch that shows a
        fault."""
        number, half_way = 0, 0
        while self.sent < wanted:
            self._round(first_seed + number)
            number += 1
            if half_way == 0 and self.sent >= wanted / 2:
                half_way = self.target.resident_bytes()
            if on_round is not None:
                on_round(self)
        grown = self.target.resident_bytes() - half_way
        assert grown <= GROWTH_BYTES, f"the bridge has grown by {grown} bytes in the second half"
        self._settle()

    def _round(self, number: int) -> None:
        @seed(number)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(inputs(), min_size=BATCH // 2, max_size=BATCH))
        def batches(batch: list[Input]) -> None:
            self._ask(batch)

        try:
            batches()
        except BaseException:
            sys.stderr.write(f"the round's seed is {number}\n")
            raise

    def _ask(self, batch: list[Input]) -> None:
        answers = self.target.ask(batch)
        self.sent += len(batch)
        self.statuses.update(answers)
        for each, status in zip(batch, answers, strict=True):
            if status == 200:
                self.envelopes += envelopes(each.body)
            assert status is None or 200 <= status < 500, f"{status} for {each}"
            assert status != 200 or each.signed, f"accepted, though unsigned or broken: {each}"
            assert not each.signed or status == 200, f"{status} for {each}"
        complaints = self.target.complaints()
        assert not complaints, "\n".join(complaints[-20:])

    def _settle(self) -> None:
        """Everything that was accepted is counted, and what is counted as kept stands on its
        topic."""
        counted = self.target.counters()
        assert sum(counted.values()) == self.envelopes
        expected = Counter[str]()
        for (event, result), count in counted.items():
            if result in _REFUSED:
                expected["calls.dlq"] += count
            elif result == "published":
                expected["calls.lifecycle"] += count * (event in _CALLS)
                expected["calls.events"] += count * (event == "call.received")
                expected["messages.events"] += count * (event in _MESSAGES)
                expected["lines.status"] += count * (event == "session.status")
        written = self.target.written()
        # what could not be read is written there too, once for each line that it may concern
        assert written.pop("lines.status") >= expected.pop("lines.status")
        assert written == {name: expected[name] for name in written}


def envelopes(body: bytes) -> int:
    """How many envelopes a body is that was accepted."""
    if len(body) > MAX_BODY:
        return 1
    value = _parsed(body)
    if isinstance(value, str):
        value = _parsed(value)
    return len(value) if isinstance(value, list) and len(value) <= MAX_ENVELOPES else 1


def _parsed(body: bytes | str) -> Any:
    """What the bridge's own reader makes of it; tests of its own say that it is right."""
    try:
        return loads(body)
    except NoJsonError:
        return None
