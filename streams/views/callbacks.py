"""Which callers are owed a callback."""

from __future__ import annotations

from collections import Counter

from typing_extensions import override

from models import topics
from models.callbacks import Callback
from streams.views.view import Latest


class Callbacks(Latest[Callback]):
    """The latest callback of each caller."""

    def __init__(self) -> None:
        super().__init__(topics.CALLBACKS)
        self._waiting: Counter[str] = Counter()

    def open(self, caller: str) -> Callback | None:
        """The caller's open callback, or None."""
        found = self.get(caller)
        return found if found is not None and found.state == "open" else None

    def waiting(self, line: str) -> int:
        """How many callers a line owes a callback, in constant time."""
        return self._waiting[line]

    def put(self, callback: Callback) -> None:
        """Apply a callback that this worker is writing, before it comes back from the topic."""
        self.set(callback.caller, callback)

    @override
    def _changed(self, before: Callback | None, after: Callback | None) -> None:
        for callback, change in ((before, -1), (after, 1)):
            if callback is not None and callback.state == "open":
                self._waiting[callback.line] += change
