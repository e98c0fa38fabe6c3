"""Reads ``calls.dlq``: the letters, which of them are handled, and their contents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from aiokafka import TopicPartition

from models.dead_letters import LetterHandled
from models.topics import CALLS_DLQ
from streams.dead_letters.letter import Letter, Selection, read_letter
from streams.dead_letters.marks import is_mark, read_mark
from streams.kafka.reader import Seen, TopicReader
from streams.settings import KafkaSettings


class DeadLetterReader:
    """Reads dead letters: ``async with DeadLetterReader(kafka) as reader``.

    The topic is the only state: letters and marks are read anew each time.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._topic = CALLS_DLQ.full_name(kafka.topic_prefix)
        self._reader = TopicReader(kafka, (CALLS_DLQ,))

    async def __aenter__(self) -> Self:
        """Connect; raises ``EnvironmentFaultError`` as the reader does."""
        await self._reader.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self._reader.stop()

    async def letters(self, selection: Selection, *, handled: bool = False) -> list[Letter]:
        """The selected letters that are not handled yet, oldest first.

        With ``handled`` also the handled ones, each with its mark. Blocks until the topic is read
        to its present end; shows progress on stderr when that takes long.
        """
        found: dict[str, Letter] = {}
        marks: dict[str, LetterHandled] = {}
        ends = await self._reader.ends()
        # a mark comes after its letter on the same partition, so that seeking misses none
        await self._reader.seek_to_time(selection.since_ms or 0)
        async for batch in self._reader.read_telling_progress(ends):
            for seen in batch:
                if is_mark(seen):
                    mark = read_mark(seen)
                    if mark is not None:
                        marks.setdefault(mark.place, mark)
                    continue
                letter = read_letter(seen)
                if selection.matches(letter, seen.raw):
                    found[letter.place] = letter
        chosen = [
            replace(letter, handled=marks.get(place))
            for place, letter in found.items()
            if handled or place not in marks
        ]
        chosen.sort(key=lambda letter: (letter.at_ms, letter.partition, letter.offset))
        return chosen[-selection.limit :] if selection.limit else chosen

    async def contents(self, letters: Iterable[Letter]) -> AsyncIterator[list[tuple[Letter, Seen]]]:
        """The letters with their records, in batches, in the order of each partition.

        Leaves out letters that retention has deleted.
        """
        wanted = {(letter.partition, letter.offset): letter for letter in letters}
        by_partition: dict[int, list[int]] = {}
        for partition, offset in wanted:
            by_partition.setdefault(partition, []).append(offset)
        ends = await self._reader.ends()
        stops = {at: max(by_partition.get(at.partition, [-1])) + 1 for at in ends}
        await self._reader.seek(
            {
                TopicPartition(self._topic, at.partition): min(
                    by_partition.get(at.partition, [end])
                )
                for at, end in ends.items()
            }
        )
        async for batch in self._reader.read_to(stops):
            found = [
                (letter, seen)
                for seen in batch
                if (letter := wanted.get((seen.partition, seen.offset))) is not None
            ]
            if found:
                yield found
