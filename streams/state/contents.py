"""Which topics and tables are taken along, and why; every one of them is decided here.

Taken is what nothing else can give back. Left is what is written anew by itself, and what happened
to calls: for the past there is ``ringfence export``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from models import records
from models.codec import UndecodableError, decode
from models.policy import PolicyDocument
from models.topics import TOPICS, WORKERS_STATUS, Topic
from streams import conversations
from streams.attrition import rows as episodes
from streams.call_sessions import session as call_sessions
from streams.faust_driver.epochs import MARK
from streams.kafka.acls import ROLES
from streams.kafka.partitioner import partition_of
from streams.screening import recent_calls
from streams.settings import KafkaSettings
from streams.sink import text_rows

TAKEN_TOPICS: Final[dict[str, str]] = {
    "policies": "policies and calendars, with every former revision",
    "overrides": "list entries, blocks by hand, night switches",
    "contacts": "the CRM's records",
    "identities": "which LIDs and numbers are one caller",
    "callbacks": "who is owed a callback",
    "agents.presence": "agents, whose heartbeats go on from their last status",
    "lines.status": "outages of lines: for these, and for the time since the export, messages may"
    " be missing",
}
"""By a topic's name, what stands there."""

TAKEN_TABLES: Final[dict[str, str]] = {
    "conversations": "who wrote to which line, and when: messages themselves are kept for 14 days,"
    " this for two years",
    "recent-calls": "temporary blocks, which grow, and the calls of the last minutes",
    "call-sessions": "calls under way, and blocks on a gateway that are still to be ended",
    "texts": "whom a text was sent to, lines' daily caps and stops",
    "episodes": "rejected callers whose return is still waited for",
}
"""By a table's name, what stands there."""

LEFT_TOPICS: Final[dict[str, str]] = {
    "calls.events": "calls that began to ring: too old to act on by then",
    "calls.lifecycle": "what became of calls; what counts is in `call-sessions`",
    "calls.commands": "orders of seconds; a new cluster must not repeat them",
    "messages.commands": "orders of minutes; a new cluster must not repeat them",
    "messages.events": "what counts is in `conversations`",
    "calls.decisions": "the past: `ringfence export` has it",
    "calls.outcomes": "the past",
    "calls.answers": "the past",
    "attrition.events": "the past",
    "calls.dlq": "the past: see that `ringfence dlq list` is empty before",
    "bridges.health": "written anew within seconds",
    "workers.status": "written anew by each worker",
}
"""By a topic's name, why it is left."""


IMPORT_HEADER: Final = "ringfence-import"
"""On each record that an import wrote: the id of the export that it is from."""


@dataclass(frozen=True, slots=True)
class Place:
    """A topic or a table's changelog that is taken along."""

    name: str
    """``topics/NAME`` or ``tables/NAME``: also the file, with ``.jsonl`` behind it."""
    topic: str
    """Its full name on the cluster."""
    partitions: int
    fault: Callable[[bytes, bytes, int], str | None]
    """Why this version would leave a record with this key and value out, in this partition; None
    for one that it reads. Quotes neither."""
    fenced: bool = False
    """Whether rows count by the epoch of their writer alone."""

    @property
    def file(self) -> str:
        """Its file within an export."""
        return f"{self.name}.jsonl"

    @property
    def is_topic(self) -> bool:
        """Whether it is a topic of the registry, and no table."""
        return self.name.startswith("topics/")


def places(kafka: KafkaSettings) -> tuple[Place, ...]:
    """Everything that is taken along, in the order in which it is written."""
    by_name = {topic.name: topic for topic in TOPICS}
    changelogs = {
        table: name
        for role in ROLES
        for table, name in zip(role.tables, role.changelogs(kafka.topic_prefix), strict=True)
    }
    return (
        *(_topic(by_name[name], kafka) for name in TAKEN_TOPICS),
        *(
            Place(
                f"tables/{name}",
                changelogs[name],
                kafka.partitions,
                _row_fault(_LOADS[name]),
                fenced=name == "texts",
            )
            for name in TAKEN_TABLES
        ),
    )


def worker_statuses(kafka: KafkaSettings) -> Place:
    """Where workers say that they run: looked at, and left."""
    return _topic(WORKERS_STATUS, kafka)


def _topic(topic: Topic, kafka: KafkaSettings) -> Place:
    partitions = topic.partitions or kafka.partitions

    def fault(key: bytes, value: bytes, partition: int) -> str | None:
        try:
            found = decode(topic.values, value)
        except UndecodableError as exc:
            return str(exc)
        if key not in _keys_of(found):
            return "the value is not the one of its key"
        if partition_of(key, partitions) != partition:
            return "it stands in another partition than its key's"
        return None

    return Place(f"topics/{topic.name}", topic.full_name(kafka.topic_prefix), partitions, fault)


def _keys_of(value: Any) -> set[bytes]:
    if isinstance(value, PolicyDocument):
        return {value.key.encode(), value.history_key.encode()}
    return {records.reference(value, "", 0).key}


_LOADS: Final[dict[str, Callable[[bytes, bytes], object]]] = {
    "conversations": lambda _key, raw: conversations.load(raw),
    "recent-calls": lambda _key, raw: recent_calls.load(raw),
    "call-sessions": lambda _key, raw: call_sessions.load(raw),
    "texts": text_rows.load,
    "episodes": episodes.load,
}


def _row_fault(
    load: Callable[[bytes, bytes], object],
) -> Callable[[bytes, bytes, int], str | None]:
    def fault(key: bytes, value: bytes, _partition: int) -> str | None:
        if key == MARK:
            return "it is a mark of an epoch, and no row"
        try:
            load(key, value)
        except UndecodableError as exc:
            return str(exc)
        return None

    return fault
