"""A contact file's records onto ``contacts``, a batch at a time, each durable before the next."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from models.contacts import Contact
from models.records import Record
from streams.callers.contact_files import RowFault, check_encoding, read_rows
from streams.callers.contact_lookup import find_contact
from streams.callers.contact_records import keys_of, put_records, removal_records
from streams.callers.import_bookmark import Bookmark
from streams.callers.links import LinkChanges
from streams.common.clock import now_ms
from streams.kafka.compacted_reader import read_once
from streams.kafka.producer import DurableProducer
from streams.settings import KafkaSettings
from streams.views.callers import Identities

SOURCE: Final = "/ringfence/contacts"
BATCH: Final = 5_000
"""Rows that are durable before the bookmark moves; an import that is broken off repeats so many at
most."""

_LINGER_MS: Final = 20


@dataclass(slots=True)
class Imported:
    """What came of a file so far."""

    rows: int = 0
    """Read in all, those of an earlier run among them."""
    skipped: int = 0
    """Imported by an earlier run."""
    contacts: int = 0
    faults: int = 0
    repeated: int = 0
    """Contacts that a row before in the same run names too: the later row holds."""


class Importer:
    """One import of one file.

    Rows that cannot be used are left out and listed; all others are imported.
    """

    def __init__(
        self, path: Path, kafka: KafkaSettings, *, on_progress: Callable[[Imported], None]
    ) -> None:
        """``on_progress`` is called after each batch."""
        self._path = path
        self._kafka = kafka
        self._cluster = f"{kafka.bootstrap_servers}/{kafka.topic_prefix}"
        self._on_progress = on_progress
        self._seen: set[int] = set()
        """Hashes: a million whole JIDs would take three times the memory."""
        self.done = Imported()

    @property
    def errors(self) -> Path:
        """Where the rows that were left out are listed."""
        return self._path.with_name(f"{self._path.stem}.errors.csv")

    def check(self) -> Imported:
        """Read the whole file and write nothing but the list of faults.

        Raises ``ConfigurationError``.
        """
        for batch in self._batches(0):
            self._count(batch)
            self._on_progress(self.done)
        return self.done

    async def run(self, *, resume: bool) -> Imported:
        """Import; with ``resume`` from where the last import of this file stopped.

        Raises ``ConfigurationError`` for the file, ``EnvironmentFaultError`` and aiokafka's
        ``KafkaError`` for the cluster. May be repeated: a record that is written twice is the same
        record.
        """
        before = Bookmark.read(self._path, self._cluster) if resume else None
        known = Identities()
        await read_once(self._kafka, known)
        async with DurableProducer(
            self._kafka, "ringfence-contacts", linger_ms=_LINGER_MS
        ) as producer:
            for batch in self._batches(before.rows if before is not None else 0):
                contacts = self._count(batch)
                await producer.send(
                    *(record for each in contacts for record in written(each, known))
                )
                Bookmark.of(self._path, self._cluster, self.done.rows).write(self._path)
                self._on_progress(self.done)
        Bookmark.place(self._path).unlink(missing_ok=True)
        return self.done

    def _batches(self, skip: int) -> Iterator[list[Contact | RowFault]]:
        check_encoding(self._path)
        rows = read_rows(self._path, now_ms())
        with ExitStack() as stack:
            listed: Any = None
            for _ in islice(rows, skip):
                self.done.rows += 1
                self.done.skipped += 1
            while batch := list(islice(rows, BATCH)):
                faults = [row for row in batch if isinstance(row, RowFault)]
                if faults and listed is None:
                    mode = "a" if skip else "w"
                    file = stack.enter_context(self.errors.open(mode, encoding="utf-8", newline=""))
                    listed = csv.writer(file)
                    if file.tell() == 0:
                        listed.writerow(("line", "field", "hint"))
                if faults:
                    listed.writerows((fault.line, fault.field, fault.hint) for fault in faults)
                yield batch

    def _count(self, batch: list[Contact | RowFault]) -> list[Contact]:
        contacts = [row for row in batch if isinstance(row, Contact)]
        self.done.rows += len(batch)
        self.done.contacts += len(contacts)
        for each in contacts:
            before = len(self._seen)
            self._seen.add(hash(each.contact))
            self.done.repeated += len(self._seen) == before
        self.done.faults += len(batch) - len(contacts)
        return contacts


def written(said: Contact, known: Identities) -> list[Record]:
    """The records of one contact and of what it changes of who is who, which ``known`` takes in."""
    links = LinkChanges(known, said.at_ms)
    _, found = put_records(said, links, SOURCE)
    links.apply(known)
    return found


async def remove(kafka: KafkaSettings, jid: str) -> None:
    """Take one contact back; durable when it returns. Raises as ``Importer.run``."""
    known = Identities()
    await read_once(kafka, known)
    at_ms = now_ms()
    async with DurableProducer(kafka, "ringfence-contacts") as producer:
        await producer.send(*removal_records(jid, LinkChanges(known, at_ms), SOURCE, at_ms))


async def show(kafka: KafkaSettings, jid: str) -> Contact | None:
    """The record of a person by any of their JIDs, or None; raises as ``find_contact``."""
    known = Identities()
    await read_once(kafka, known)
    return await find_contact(kafka, *keys_of(jid, LinkChanges(known, 0)))
