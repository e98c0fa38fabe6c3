"""Reading what the simulators of a run wrote down, the killed ones too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the gateway received it."""

    at_ms: int
    kind: str
    call_id: str | None
    chat: str | None
    session: str | None
    acted: bool
    violation: str | None


@dataclass(slots=True)
class Record:
    """Everything that a run's gateways received and delivered."""

    requests: list[Asked] = field(default_factory=list)
    acknowledged: dict[str, set[str]] = field(default_factory=dict)
    """Ids of payloads whose webhook the bridge answered with 2xx, by event."""
    ends: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """By call id, when the bridge had answered that a call was picked up or over, and which."""

    def taken(self, placed: Iterable[str]) -> set[str]:
        """Of these decision ids, those whose offer the bridge answered with 2xx: they must stand on
        the topics."""
        by_call = {key.partition("/")[2]: key for key in placed}
        return {
            by_call[call] for call in self.acknowledged.get("call.received", ()) if call in by_call
        }

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read a journal; a line that a kill cut off is left out, for nobody was answered yet."""
        record = cls()
        if not path.exists():
            return record
        for line in path.read_bytes().splitlines():
            try:
                entry: dict[str, Any] = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if entry["what"] == "request":
                record.requests.append(Asked(**{name: entry[name] for name in Asked.__slots__}))
            else:
                record.acknowledged.setdefault(entry["event"], set()).add(entry["id"])
                if entry["event"] in {"call.accepted", "call.rejected"}:
                    end = (entry["at_ms"], entry["event"])
                    record.ends.setdefault(entry["id"], []).append(end)
        return record
