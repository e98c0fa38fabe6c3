"""Checks that a record has the right key, and that the key is on the right partition.

A caller's records meet in one worker only because every producer uses the same partitioner. A
producer with another one would split a caller's history over two workers without any error.
"""

from __future__ import annotations

from typing import Final

from models.calls import SessionsDue
from models.identity_links import CallerLinked
from streams.audit.findings import AuditFinding
from streams.kafka.partitioner import partition_of
from streams.kafka.reader import Seen

_FIELDS: Final = {"caller JID": "caller", "call id": "call_id", "line": "line"}


def misplaced(seen: Seen, partitions: int | None) -> AuditFinding | None:
    """What is wrong with a decoded record's key or partition, or None.

    ``partitions`` None: the topic's number of partitions is unknown, and only the key is checked.
    """
    if isinstance(seen.value, SessionsDue):
        # this record is addressed to a partition, not to a key
        return None
    call_id = getattr(seen.value, "call_id", None)
    due = getattr(seen.value, _field_of_key(seen), None)
    if isinstance(due, str) and seen.key != due.encode():
        return AuditFinding(
            "misplaced", f"the key is not the value's {seen.topic.key}", call_id, seen.place
        )
    if not partitions or seen.key is None or partition_of(seen.key, partitions) == seen.partition:
        return None
    sentence = (
        f"the key belongs on partition {partition_of(seen.key, partitions)} of {partitions}: "
        "its producer does not place keys by murmur2, as Java and aiokafka do "
        "(kcat needs -X partitioner=murmur2_random)"
    )
    return AuditFinding("misplaced", sentence, call_id, seen.place)


def _field_of_key(seen: Seen) -> str:
    # a link is keyed by its alias: it must reach the worker that keeps state under the alias
    return "alias" if isinstance(seen.value, CallerLinked) else _FIELDS.get(seen.topic.key, "")
