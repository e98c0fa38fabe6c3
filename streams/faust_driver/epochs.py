"""Who may write a partition of a table: epochs, claimed in the changelog itself. Does no IO.

A worker that was paused may still have writes on their way when another one has taken its
partition over and read the table: they would stand behind that worker's rows and count at the next
recovery. So each row of a fenced table carries the epoch of its writer, and a worker that takes a
partition over first appends a mark with the next epoch. Whoever reads the log from its beginning
comes to the same answer: a row counts unless a higher epoch, or the same one of somebody else,
stands before it. Rows without an epoch are of a version that knew none, and count.

Why not the generation of the consumer group: a static member that is replaced by a new process of
the same name leaves it as it is, and a group that was deleted begins again at 1 (both seen on Kafka
4.3.1). Why not a transactional id for each partition: that is a producer with connections of its
own for each, transactions of three requests for each claim, and records of control in the log that
Faust's recovery waits for without end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

HEADER: Final = "epoch"
"""The header of a row: ``NUMBER OWNER``."""

MARK: Final = b"\x00epoch"
"""The key of the record with which an owner begins its epoch; no key of a table begins so."""

Headers = list[tuple[str, bytes]]


class Epoch(NamedTuple):
    """One ownership of a partition."""

    number: int
    owner: bytes
    """Names the worker's process: two that claim the same number are told apart by it."""

    def headers(self) -> Headers:
        """The headers of this epoch's rows."""
        return [(HEADER, b"%d %s" % self)]


NONE: Final = Epoch(0, b"")
"""Of rows that carry no epoch."""


def epoch_of(headers: Sequence[tuple[str, bytes]] | None) -> Epoch:
    """The epoch of a row; ``NONE`` where none can be read."""
    for name, value in headers or ():
        if name == HEADER:
            number, _, owner = value.partition(b" ")
            return Epoch(int(number), owner) if number.isdigit() else NONE
    return NONE


class PartitionFence:
    """Which rows of one partition's changelog count. Ask it in the order of the log."""

    def __init__(self) -> None:
        self.epoch = NONE
        """The one that counts, as far as the log was read."""
        self.hidden: set[bytes] = set()
        """Keys whose last row in the log does not count. Compaction keeps the last row of a key
        alone, so that it would take away the one that counts: the owner writes that one again."""

    def admits(self, key: bytes, epoch: Epoch) -> bool:
        """Whether the next row of the log counts."""
        if epoch.number > self.epoch.number:
            self.epoch = epoch
        if epoch not in {self.epoch, NONE}:
            self.hidden.add(key)
            return False
        self.hidden.discard(key)
        return True

    def take_hidden(self) -> set[bytes]:
        """The hidden keys; the caller writes their rows again."""
        hidden, self.hidden = self.hidden, set()
        return hidden

    def next_of(self, owner: bytes) -> Epoch:
        """The epoch that an owner may claim after what was read."""
        return Epoch(self.epoch.number + 1, owner)
