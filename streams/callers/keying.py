"""Keys events by caller: from the JID in the payload to the JID under which they are kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Final, TypeVar

from models.calls import CallOffered
from models.identity_links import CallerLinked
from models.messages import MessageSeen
from streams.callers.links import LinkChanges, is_lid, is_phone
from streams.views.callers import Identities

E = TypeVar("E", CallOffered, MessageSeen)

CAPACITY: Final = 20_000
"""Callers remembered, about 3 MB: enough for minutes, and a link is read within a second."""


class Callers:
    """Puts events under the JID where the caller is kept, and learns identity links from them.

    A link may be read after an event was written under its alias, for instance when another bridge
    learned it a moment ago. A second ``CallerLinked`` is due then: see ``late``.
    """

    def __init__(self) -> None:
        self.known = Identities(self._linked)
        self._keyed: OrderedDict[str, int] = OrderedDict()
        """The JIDs under which events were written, the newest last, each with its number."""
        self._number = 0
        self._late: list[CallerLinked] = []

    def changes(self, at_ms: int) -> LinkChanges:
        """A fresh set of changes on what is known now."""
        return LinkChanges(self.known, at_ms, since=self._number)

    def settle(self, event: E, links: LinkChanges) -> E:
        """The event under its caller's key, with every alias; a group's call stays under the group.

        The links that the event shows are added to ``links``.
        """
        if not (is_phone(event.caller) or is_lid(event.caller)):
            return event
        event = self._with_lid(event, links)
        links.learn((event.caller, *event.caller_known_as))
        caller = links.caller_of(event.caller)
        self._note(caller)
        return replace(
            event,
            caller=caller,
            caller_known_as=links.names_of(caller, event.caller, *event.caller_known_as),
        )

    def _with_lid(self, event: E, links: LinkChanges) -> E:
        """The event, its caller a LID where an engine took the digits of a known one for a number.

        A number of as many digits that happens to be somebody's LID is not to be expected: a LID
        has 13 to 15 of them, drawn at random.
        """
        lid = f"{event.caller.removesuffix('@c.us')}@lid"
        if not is_phone(event.caller) or not (lid in self._keyed or links.is_known(lid)):
            return event
        return replace(event, caller=lid)

    def confirm(self, links: LinkChanges) -> None:
        """Apply changes that are durable, their ``CallerLinked`` records among them.

        An event written under an alias meanwhile may land after its ``CallerLinked``: such an alias
        stays queued for a second one.
        """
        for alias in links.aliases:
            if self._keyed.get(alias, 0) <= links.since:
                self._keyed.pop(alias, None)
        links.apply(self.known)

    def late(self) -> list[CallerLinked]:
        """Links that were read after an event had been written under their alias.

        Each is given out once.
        """
        found, self._late = self._late, []
        return found

    def again(self, links: list[CallerLinked]) -> None:
        """Links from ``late`` that could not be published; ``late`` returns them again."""
        self._late = links + self._late

    def _note(self, caller: str) -> None:
        self._number += 1
        self._keyed[caller] = self._number
        self._keyed.move_to_end(caller)
        if len(self._keyed) > CAPACITY:
            self._keyed.popitem(last=False)

    def _linked(self, link: CallerLinked) -> None:
        if link.alias in self._keyed:
            del self._keyed[link.alias]
            self._late.append(link)
