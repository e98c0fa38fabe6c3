"""The ``policies`` topic as a person sees it: what is in force, what was, and how it is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from aiokafka.errors import KafkaError
from typing_extensions import override

from models import topics
from models.codec import cloud_event, decode, encode
from models.policy import Policy, PolicyDocument, read_policy
from models.presence import WorkerStatus
from models.records import Record
from streams.common.errors import EnvironmentFaultError
from streams.kafka.atomic_batch import write_atomically
from streams.kafka.compacted_reader import CompactedReader, read_once
from streams.policy_admin.files import PolicyFile
from streams.settings import KafkaSettings
from streams.views.availability import Workers
from streams.views.policies import Policies
from streams.worker.status import running

_SOURCE: Final = "/ringfence/console"
WAIT_S: Final = 10.0
"""How long workers are waited for: they switch within a second, or something is wrong."""


class Shelf(Policies):
    """The policies as workers see them, and everything that was ever applied."""

    def __init__(self) -> None:
        super().__init__()
        self._history: dict[str, PolicyDocument] = {}

    @override
    def apply(self, key: bytes, value: bytes | None) -> None:
        super().apply(key, value)
        name = key.decode("utf-8", "replace")
        if "@" in name and value is not None:
            self._history[name] = decode(PolicyDocument, value)

    def history(self, key: str) -> list[PolicyDocument]:
        """Everything that was applied under a key, the newest first."""
        found = [each for name, each in self._history.items() if name.partition("@")[0] == key]
        return sorted(found, key=lambda each: each.applied_at_ms, reverse=True)

    def applied(self) -> list[PolicyDocument]:
        """Everything that was ever applied, or taken away."""
        return list(self._history.values())

    def policies(self) -> dict[str, Policy]:
        """The checked policies in force, by line."""
        documents = self.in_force().values()
        return {
            each.name: read_policy(each.document) for each in documents if each.kind == "policy"
        }


async def read_shelf(kafka: KafkaSettings) -> Shelf:
    """Everything on the topic now.

    Raises ``EnvironmentFaultError`` where no broker answers or the topic is missing.
    """
    shelf = Shelf()
    await read_once(kafka, shelf)
    return shelf


def changes(
    files: Iterable[PolicyFile], shelf: Shelf, *, author: str, note: str, at_ms: int
) -> list[PolicyDocument]:
    """What applying the files would write.

    Calendars first, and nothing for a document that is in force as it is.
    """
    in_force = shelf.in_force()
    made = []
    for file in sorted(files, key=lambda each: each.kind == "policy"):
        there, runs = shelf.document(file.key), in_force.get(file.key)
        new = file.document(
            author=author, at_ms=at_ms, note=note, replaces=runs.revision if runs else None
        )
        if runs is None or runs.revision != new.revision or there != runs:
            made.append(new)
    return made


async def write(kafka: KafkaSettings, documents: Sequence[PolicyDocument]) -> None:
    """Put documents in force, and take away those that are ``removed``: all of them, or none.

    Raises as the writer.
    """
    records: list[Record] = []
    for each in documents:
        headers = cloud_event(
            each.type, f"{each.history_key}/{each.revision}", _SOURCE, each.applied_at_ms
        )
        value = encode(each)
        records.append(Record(topics.POLICIES, each.history_key.encode(), value, headers))
        records.append(
            Record(topics.POLICIES, each.key.encode(), None if each.removed else value, headers)
        )
    await write_atomically(kafka, records)


def removal(document: PolicyDocument, *, author: str, note: str, at_ms: int) -> PolicyDocument:
    """The record that takes a document away and keeps in history what it was.

    A worker that starts after the tombstone is gone knows from it when the document ended.
    """
    return replace(
        document,
        author=author,
        note=note,
        applied_at_ms=at_ms,
        replaces=document.revision,
        removed=True,
    )


@dataclass(frozen=True, slots=True)
class WorkerAck:
    """What one running worker says of the documents that were written."""

    worker: str
    runs: bool
    """It runs all of them."""
    why_not: str | None = None
    """Why it refused one."""


async def answers(
    kafka: KafkaSettings,
    documents: Sequence[PolicyDocument],
    now_ms: Callable[[], int],
    wait_s: float = WAIT_S,
) -> list[WorkerAck]:
    """What every running worker made of the documents.

    Waits until all have said so, or ``wait_s`` have passed.
    """
    workers = Workers("")
    reader = CompactedReader(
        kafka, [workers], on_undecodable=lambda _topic: None, on_failure=lambda _error: None
    )
    try:
        await reader.start()
    except KafkaError as exc:
        kind = type(exc).__name__
        msg = f"Kafka at {kafka.bootstrap_servers} does not answer ({kind}): is it running?"
        raise EnvironmentFaultError(msg) from None
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    try:
        while True:
            found = [answer_of(each, documents) for each in running(workers, now_ms())]
            if all(each.runs or each.why_not for each in found) or loop.time() >= deadline:
                return sorted(found, key=lambda each: each.worker)
            await asyncio.sleep(0.05)
    finally:
        await reader.stop()


def answer_of(status: WorkerStatus, documents: Sequence[PolicyDocument]) -> WorkerAck:
    """What a worker's status says of documents that were written."""
    wanted = {each.key: None if each.removed else each.revision for each in documents}
    runs = all(status.policies.get(key) == revision for key, revision in wanted.items())
    # what it refused before these were written, or before it read them, is no answer to them
    newest_ms = max((each.applied_at_ms for each in documents), default=0)
    refused = [
        f"{key}: {why}"
        for key, why in status.refused.items()
        if key in wanted
        and status.at_ms >= newest_ms
        and status.refused_revisions.get(key, wanted[key]) == wanted[key]
    ]
    return WorkerAck(status.worker, runs, None if runs or not refused else "; ".join(refused))
