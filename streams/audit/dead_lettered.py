"""Dead letters for the audit: which records are accounted for by one, and how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from models.dead_letters import HANDLED_HEADER
from streams.kafka.reader import RecordRef, Seen


class DeadLettered:
    """Collects the records of ``calls.dlq``; marks of handled letters are skipped."""

    def __init__(self, topics: Collection[str], *, since_ms: int) -> None:
        """``topics``: names without prefix. ``reasons`` counts letters from ``since_ms`` on."""
        self._topics = topics
        self._since_ms = since_ms
        self.places: set[RecordRef] = set()
        """The records that became dead letters, by topic, partition and offset."""
        self.reasons: Counter[str] = Counter()

    def add(self, seen: Seen) -> None:
        """Note one record of ``calls.dlq``."""
        if seen.header(HANDLED_HEADER) is not None:
            return
        topic, partition, offset = (
            seen.header(f"kafka_dlt-original-{name}") for name in ("topic", "partition", "offset")
        )
        if topic and partition and offset and partition.isdecimal() and offset.isdecimal():
            # the header holds the name on the broker with its prefix; ``RecordRef`` has none
            name = next((name for name in self._topics if topic.endswith(name)), topic)
            self.places.add(RecordRef(name, int(partition), int(offset)))
        if seen.timestamp_ms >= self._since_ms:
            self.reasons[seen.header("kafka_dlt-exception-fqcn") or "unnamed"] += 1
