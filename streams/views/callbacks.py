"""Which callers are owed a callback."""

from __future__ import annotations

from collections import Counter, defaultdict
from heapq import heapify, heappop, heappush

from typing_extensions import override

from models import topics
from models.callbacks import Callback
from streams.views.view import Latest


class Callbacks(Latest[Callback]):
    """The latest callback of each caller."""

    def __init__(self) -> None:
        super().__init__(topics.CALLBACKS)
        self._waiting: Counter[str] = Counter()
        self._opened: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        """Per line, a heap of when callbacks were opened, for whom; those closed since included."""

    def open(self, caller: str) -> Callback | None:
        """The caller's open callback, or None."""
        found = self.get(caller)
        return found if found is not None and found.state == "open" else None

    def waiting(self, line: str) -> int:
        """How many callers a line owes a callback, in constant time."""
        return self._waiting[line]

    def oldest_ms(self, line: str) -> int | None:
        """When the callback was opened that a line has owed for longest; None without any."""
        heap = self._opened[line]
        while heap and not self._is_open(line, *heap[0]):
            heappop(heap)
        return heap[0][0] if heap else None

    def _is_open(self, line: str, opened_at_ms: int, caller: str) -> bool:
        found = self.open(caller)
        return found is not None and (found.line, found.opened_at_ms) == (line, opened_at_ms)

    def put(self, callback: Callback) -> None:
        """Apply a callback that this worker is writing, before it comes back from the topic."""
        self.set(callback.caller, callback)

    @override
    def _changed(self, before: Callback | None, after: Callback | None) -> None:
        for callback, change in ((before, -1), (after, 1)):
            if callback is not None and callback.state == "open":
                self._waiting[callback.line] += change
        if after is not None and after.state == "open":
            heap = self._opened[after.line]
            heappush(heap, (after.opened_at_ms, after.caller))
            # one that is owed for long must not keep all that were closed behind it
            if len(heap) > 2 * self._waiting[after.line] + 64:
                heap[:] = {each for each in heap if self._is_open(after.line, *each)}
                heapify(heap)
