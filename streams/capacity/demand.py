"""The load that is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from models.policy import DAY_MS
from models.topics import TOPICS

_WEEK: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A load at its peak, and what it is about. What is None follows from the calls."""

    calls: float
    """A second, in the busiest minutes of the busiest hour."""
    rejected: float = 0.5
    """The share of calls that are rejected and told; the others are picked up."""
    messages: float = 2.0
    """That callers write, for each call."""
    busy_hour: float = 0.15
    """The share of a day's calls that come in its busiest hour."""
    callers: int | None = None
    """Known in all: they called or wrote in two years. None: each of a week's calls counts half."""
    contacts: int | None = None
    """Records of the CRM. None: a tenth of the callers."""
    links: int | None = None
    """Callers known by a LID and a number. None: a tenth of the callers."""
    list_entries: int = 0
    replicas: int = 3
    busy: float = 0.5
    """The share of a core that is used at the peak, so that there is room for what comes at once
    and for the work of a process that ended."""
    broker_cores: int = 4
    """Of each broker."""
    retention_days: Mapping[str, float] = field(default_factory=dict)
    """By topic, where it is not the registry's."""

    @property
    def calls_a_day(self) -> float:
        """As many as a busy hour of that share makes."""
        return self.calls * 3600 / self.busy_hour

    @property
    def all_callers(self) -> int:
        """Known callers."""
        return self._or(self.callers, self.calls_a_day * _WEEK / 2)

    @property
    def all_contacts(self) -> int:
        """Contact records."""
        return self._or(self.contacts, self.all_callers / 10)

    @property
    def all_links(self) -> int:
        """Identity links."""
        return self._or(self.links, self.all_callers / 10)

    def share(self, kind: str) -> float:
        """How many of a kind come with each call."""
        return {
            "rejected": self.rejected,
            "answered": 1 - self.rejected,
            "message": self.messages,
        }[kind]

    def days(self) -> dict[str, float]:
        """For how many days each topic that is not compacted keeps its records."""
        kept = {t.name: t.retention_ms / DAY_MS for t in TOPICS if t.cleanup == "delete"}
        return kept | dict(self.retention_days)

    def _or(self, given: int | None, otherwise: float) -> int:
        return round(otherwise) if given is None else given
