"""What a line is to know after an import: that messages since the export may be missing.

Does no IO. Who wrote to the line meanwhile is known to nobody: ``text_first`` lets strangers ring
for its ``grace``, and attrition counts nobody as gone of whom it cannot know.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from models.presence import CHANGES_KEPT, ConnectionChange, LineStatus

NEVER_REPORTED: Final = "UNKNOWN"
"""As the bridge has it for a line whose session it heard nothing of."""


def with_gap(
    known: Iterable[LineStatus], lines: Iterable[str], from_ms: int, to_ms: int
) -> list[LineStatus]:
    """The lines' statuses with an outage between two times, in the order of their names.

    ``lines`` are those of the configuration, which may have none yet.
    """
    found = {
        line: LineStatus(line=line, connected=True, status=NEVER_REPORTED, changed_at_ms=0)
        for line in lines
    } | {each.line: each for each in known}
    return [_with_outage(found[line], from_ms, to_ms) for line in sorted(found)]


def _with_outage(status: LineStatus, from_ms: int, to_ms: int) -> LineStatus:
    began = ConnectionChange(at_ms=from_ms, connected=False)
    ended = ConnectionChange(at_ms=to_ms, connected=True)
    # a line that was away is away until its gateway says otherwise
    changes = (*status.changes, began, *((ended,) if status.connected else ()))
    return replace(status, changes=changes[-CHANGES_KEPT:])
