"""Everything a worker knows beside its tables, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.reference.callbacks import Callbacks
from streams.reference.desk import Bridges, Desk, Lines, Workers
from streams.reference.overrides import Overrides
from streams.reference.people import Contacts, Identities
from streams.reference.policies import Policies
from streams.reference.view import View


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The views, each of one compacted topic. Rules ask them; only the reader changes them."""

    workers: Workers
    contacts: Contacts = field(default_factory=Contacts)
    identities: Identities = field(default_factory=Identities)
    desk: Desk = field(default_factory=Desk)
    bridges: Bridges = field(default_factory=Bridges)
    lines: Lines = field(default_factory=Lines)
    overrides: Overrides = field(default_factory=Overrides)
    callbacks: Callbacks = field(default_factory=Callbacks)
    policies: Policies = field(default_factory=Policies)

    @classmethod
    def empty(cls, myself: str = "") -> Knowledge:
        """Nothing known yet; ``myself`` is this worker's name."""
        return cls(Workers(myself))

    def views(self) -> tuple[View, ...]:
        """All of them."""
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
