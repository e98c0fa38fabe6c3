"""When the keys of a partitioned table want attention."""

from __future__ import annotations

import heapq


class DueTimes:
    """When the keys of each partition want attention: a heap per partition, rebuilt from the table.

    An entry may be out of date (the key was touched since): whoever takes a key looks at the
    table again and decides.
    """

    def __init__(self) -> None:
        self._heaps: dict[int, list[tuple[int, bytes]]] = {}

    def add(self, partition: int, due_ms: int, key: bytes) -> None:
        """Remember to look at a key at a time."""
        heapq.heappush(self._heaps.setdefault(partition, []), (due_ms, key))

    def take(self, partition: int, now_ms: int, most: int = 100) -> list[bytes]:
        """Remove and return the keys that are due, oldest first, a bounded number at a time."""
        heap = self._heaps.get(partition)
        taken: list[bytes] = []
        while heap and heap[0][0] <= now_ms and len(taken) < most:
            taken.append(heapq.heappop(heap)[1])
        return taken

    def partitions_due(self, now_ms: int) -> list[int]:
        """The partitions in which something is due."""
        return [
            partition for partition, heap in self._heaps.items() if heap and heap[0][0] <= now_ms
        ]

    def clear(self) -> None:
        """Forget everything, before a rebuild."""
        self._heaps.clear()
