"""What became of a call, kept by its caller: that somebody picked it up, and that it ended.

``calls.lifecycle`` has what gateways reported, by call id, for a day. These are what follows from
it, whoever the gateway is: a call session knows the caller where a report names the call alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from models.bounds import Millis

EndSource = Literal["gateway", "echo", "next-call"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswered:
    """Somebody of the line picked the call up.

    ``event_id`` is derived from the call's: a repeat has the same, and changes nothing. Of a
    group's call there is none, for what one member does says nothing of the others.
    """

    type: Literal["call.answered"] = "call.answered"
    event_id: str
    decision_id: str
    """Of the call; see ``models.decisions.decision_id``. The call may have no decision yet."""
    gateway: str
    line: str
    call_id: str
    generation: Millis = 0
    caller: str
    """Canonical JID: the key. Of a call that was offered under two, the first."""
    after_ms: Millis
    """How long it had been ringing."""
    known_from: Literal["gateway"] = "gateway"
    """``gateway``: it reported the answer."""
    offered_at_ms: Millis
    at_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """The call rings no more, and was not being rung any more from ``at_ms`` on.

    Written once for a call, as soon as its end is known from anything; ``event_id`` is derived from
    the call's. An end that is reported more than ten minutes after the last news of the call is not
    seen.
    """

    type: Literal["call.ended"] = "call.ended"
    event_id: str
    decision_id: str
    """Of the call; see ``models.decisions.decision_id``. The call may have no decision yet."""
    gateway: str
    line: str
    call_id: str
    generation: Millis = 0
    caller: str
    """Canonical JID: the key. Of a call that was offered under two, the first."""
    how: Literal["answered", "rejected", "unanswered"]
    """``answered``: after somebody had picked it up. ``rejected``: after the gateway had accepted a
    reject of it. ``unanswered``: else, such as the caller hung up or somebody declined; gateways
    use one event for both, and it may come before the answer to a reject that led to it: a
    ``confirmed`` on ``calls.outcomes`` says so then."""
    after_ms: Millis
    """How long after it began to ring."""
    known_from: EndSource
    """``gateway``: it reported the end. ``echo``: it reported a reject, which proves no end.
    ``next-call``: another call of the caller came under the same id."""
    offered_at_ms: Millis
    at_ms: Millis


CallAnswer = Annotated[CallAnswered | CallEnded, Field(discriminator="type")]
"""Everything that stands on ``calls.answers``, told apart by ``type``."""
