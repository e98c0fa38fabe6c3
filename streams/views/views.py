"""All views of a worker in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.views.availability import Agents, Bridges, Lines, Workers
from streams.views.callbacks import Callbacks
from streams.views.callers import Contacts, Identities
from streams.views.overrides import Overrides
from streams.views.policies import Policies
from streams.views.view import CompactedView


@dataclass(frozen=True, slots=True)
class Views:
    """The views, each of one compacted topic. Rules read them; ``CompactedReader`` feeds them."""

    workers: Workers
    contacts: Contacts = field(default_factory=Contacts)
    identities: Identities = field(default_factory=Identities)
    desk: Agents = field(default_factory=Agents)
    bridges: Bridges = field(default_factory=Bridges)
    lines: Lines = field(default_factory=Lines)
    overrides: Overrides = field(default_factory=Overrides)
    callbacks: Callbacks = field(default_factory=Callbacks)
    policies: Policies = field(default_factory=Policies)

    @classmethod
    def empty(cls, myself: str = "") -> Views:
        """Views without any record yet; ``myself`` is this worker's name."""
        return cls(Workers(myself))

    def views(self) -> tuple[CompactedView, ...]:
        """All views."""
        return (
            self.workers,
            self.contacts,
            self.identities,
            self.desk,
            self.bridges,
            self.lines,
            self.overrides,
            self.callbacks,
            self.policies,
        )
