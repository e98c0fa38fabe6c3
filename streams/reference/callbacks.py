"""Who is owed a callback."""

from __future__ import annotations

from models import topics
from models.callbacks import Callback
from streams.reference.view import Latest


class Callbacks(Latest[Callback]):
    """The callbacks, open and lately closed."""

    def __init__(self) -> None:
        super().__init__(topics.CALLBACKS)

    def open(self, caller: str) -> Callback | None:
        """The caller's open callback, or None."""
        found = self.get(caller)
        return found if found is not None and found.state == "open" else None

    def waiting(self, line: str) -> int:
        """How many callers a line owes a callback."""
        return sum(1 for each in self.values() if each.state == "open" and each.line == line)
