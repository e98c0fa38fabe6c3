"""Which identities are one person, whatever the order in which that is learned."""

from __future__ import annotations


class JoinedIdentities:
    """Groups of JIDs. What was joined stays joined; repeats and order change nothing."""

    def __init__(self) -> None:
        self._towards: dict[str, str] = {}
        """From a JID to a smaller one of its group; the smallest stands for all."""

    def join(self, one: str, other: str) -> None:
        """Two JIDs are one person's, and so are all that were joined with either."""
        first, second = sorted((self.person(one), self.person(other)))
        if first != second:
            self._towards[second] = first

    def person(self, jid: str) -> str:
        """The JID that stands for the whole group; the JID itself where it was never joined."""
        end = jid
        while (further := self._towards.get(end)) is not None:
            end = further
        while jid != end:
            # the next look is short
            further, self._towards[jid] = self._towards[jid], end
            jid = further
        return end
