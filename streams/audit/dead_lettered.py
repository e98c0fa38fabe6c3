"""Dead letters, as the audit needs them: which records they account for, and how many there were.

Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from models.dead_letters import HANDLED_HEADER
from streams.kafka.reader import RecordRef, Seen


class DeadLettered:
    """Takes what stands on ``calls.dlq``. Marks of letters that were dealt with are passed over."""

    def __init__(self, topics: Collection[str], *, since_ms: int) -> None:
        """``topics`` are the names without prefix.

        Letters written before ``since_ms`` are not counted.
        """
        self._topics = topics
        self._since_ms = since_ms
        self.places: set[RecordRef] = set()
        """Where the letters' originals stand."""
        self.reasons: Counter[str] = Counter()

    def add(self, seen: Seen) -> None:
        """One record."""
        if seen.header(HANDLED_HEADER) is not None:
            return
        topic, partition, offset = (
            seen.header(f"kafka_dlt-original-{name}") for name in ("topic", "partition", "offset")
        )
        if topic and partition and offset and partition.isdecimal() and offset.isdecimal():
            # the header has the name on the broker, prefix and all; the places here have none
            name = next((name for name in self._topics if topic.endswith(name)), topic)
            self.places.add(RecordRef(name, int(partition), int(offset)))
        if seen.timestamp_ms >= self._since_ms:
            self.reasons[seen.header("kafka_dlt-exception-fqcn") or "unnamed"] += 1
