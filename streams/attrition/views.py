"""What attrition follows of compacted topics, as facts: blocks by hand, outages of lines.

They count from when they happened, and not from when their record was written: it may have been
written again since. Whoever starts anew takes all of them again, which changes nothing.
"""

from __future__ import annotations

from typing import Final

from models.codec import decode
from models.overrides import CallerBlock
from models.topics import OVERRIDES, Topic
from streams.attrition.facts import OUTAGE_MS, Fact, fact_of_block, fact_of_outage
from streams.views.availability import Lines

_BLOCK: Final = b"block/"


class HandBlocks:
    """The blocks by hand, also those that were taken back: nobody knows what they kept away."""

    topic: Topic = OVERRIDES

    def __init__(self) -> None:
        self._facts: dict[str, Fact] = {}

    def apply(self, key: bytes, value: bytes | None) -> None:
        """See ``CompactedView``. List entries, of which there may be a million, are not parsed."""
        if value is None or not key.startswith(_BLOCK):
            return
        block = decode(OVERRIDES.values, value)
        found = fact_of_block(block) if isinstance(block, CallerBlock) else None
        if found is not None:
            self._facts[found.fact_id] = found

    def complete(self) -> None:
        """See ``CompactedView``."""

    def facts(self) -> list[Fact]:
        """What they say."""
        return list(self._facts.values())


def outages(lines: Lines, now_ms: int) -> list[Fact]:
    """The outages that have lasted long enough by ``now_ms`` to have lost messages."""
    return [
        fact_of_outage(status.line, outage)
        for status in lines.values()
        for outage in status.outages()
        if outage.length_ms(now_ms) >= OUTAGE_MS
    ]
