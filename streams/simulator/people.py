"""People who were rejected, waiting for a text or for their patience to end, and what they do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from streams.common.clock import now_ms
from streams.simulator.reactions import Reactions, Temper, temper
from streams.simulator.session_state import CallOrder, MessageOrder

Later = Callable[[float, Callable[[], Awaitable[Any]]], None]
"""Does something after so many seconds, unless the traffic ends before."""

WROTE: Final = "I just tried to call you"
_ANSWERED: Final = "You called us. How can we help?"


@dataclass(slots=True)
class _Rejected:
    """Somebody who was rejected."""

    order: CallOrder
    temper: Temper
    at_ms: int
    told: bool = False
    writes: bool = False
    """Has written, or is about to."""


class People:
    """Reacts to rejects and texts as the dials say; each person writes once to a line at most."""

    def __init__(
        self,
        reactions: Reactions,
        seed: int,
        *,
        later: Later,
        write: Callable[[MessageOrder], Awaitable[Any]],
    ) -> None:
        self._reactions = reactions
        self._seed = seed
        self._later = later
        self._write = write
        self._rejected: dict[tuple[str, str], _Rejected] = {}
        """By line and JID."""

    def rejected(self, line: str, jid: str, order: CallOrder) -> None:
        """A person's call was rejected. A further one of the same person starts nothing anew.

        ``jid`` is the first of the person's.
        """
        who = line, jid
        if who in self._rejected:
            return
        found = temper(self._reactions, self._seed, *who)
        self._rejected[who] = _Rejected(order, found, now_ms())
        self._later(self._reactions.patience / 1000, lambda: self._impatient(who))
        if found.is_reached < self._reactions.reached:
            said: MessageOrder = {**_message(order), "direction": "out", "text": _ANSWERED}
            after_s = self._reactions.patience / 1000 + found.reached_after_s
            self._later(after_s, lambda: self._write(said))

    def texted(self, line: str, jid: str, text: str) -> None:
        """A text was sent by the gateway's API; the first one after a reject counts."""
        waiting = self._rejected.get((line, jid))
        if waiting is None or waiting.told:
            return
        waiting.told = True
        self._decide(waiting, self._reactions.write(text, now_ms() - waiting.at_ms))

    def redials(self, line: str, jid: str) -> bool:
        """Whether a person who is about to call again still does so."""
        waiting = self._rejected.get((line, jid))
        if waiting is None or not waiting.told:
            return True
        return waiting.temper.redials < self._reactions.redials_told

    async def _impatient(self, who: tuple[str, str]) -> None:
        waiting = self._rejected[who]
        if not waiting.told:
            self._decide(waiting, self._reactions.write(None))

    def _decide(self, waiting: _Rejected, share: float) -> None:
        if waiting.writes or waiting.temper.writes >= share:
            return
        waiting.writes = True
        order: MessageOrder = {**_message(waiting.order), "text": WROTE}
        self._later(waiting.temper.writes_after_s, lambda: self._write(order))


def _message(order: CallOrder) -> MessageOrder:
    return {"line": order["line"], "caller": order["caller"], "lid": order.get("lid")}
