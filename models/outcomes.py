"""What became of a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from models.bounds import Count, Millis

Result = Literal[
    "accepted", "raced", "failed", "unknown", "late", "suppressed", "confirmed", "unconfirmed"
]
"""What became of a command:

* ``accepted``: the gateway took it (its 2xx); no proof yet that the ringing stopped.
* ``raced``: there was nothing left to reject, as good as success; ``reason`` says whether the call
  was ``answered``, had ``ended``, or is the ``same-call`` under another identity of its caller.
* ``failed``: wrong, not permitted, or the gateway could not do it; needs a person.
* ``unknown``: sent, and no answer tells whether it took effect (time-out, lost connection, crash);
  or not sent by this worker, while an earlier one may have (``owner-changed``).
* ``late``: surely not sent, its window had passed.
* ``suppressed``: not sent, a guard held it back; ``reason`` says which.
* ``confirmed``: a later event of the gateway shows that a rejected call ended.
* ``unconfirmed``: no such event came in time.
"""

OWNER_CHANGED: Final = "owner-changed"
"""The reason of an ``unknown`` whose command this worker first read when it was over, and that an
earlier owner of its partition may have sent. Nobody need look into it for a reject."""

CommandKind = Literal["reject", "text", "block", "unblock"]

TERMINAL: frozenset[Result] = frozenset(
    {"accepted", "raced", "failed", "unknown", "late", "suppressed"}
)
"""The results that end a command; ``confirmed`` and ``unconfirmed`` come after ``accepted``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One result of one command.

    ``outcome_id`` is the idempotency key: a repeat changes nothing.
    """

    type: Literal["outcome"] = "outcome"
    outcome_id: str
    command_id: str
    command: CommandKind
    decision_id: str
    gateway: str
    line: str
    call_id: str
    generation: Millis = 0
    """Of the call; see ``models.decisions.decision_id``."""
    caller: str
    result: Result
    reason: str | None = None
    """A short code for the cause, such as ``cool-down`` or ``session-missing``."""
    http_status: Count | None = None
    attempts: Count = 0
    """HTTP requests that were begun."""
    reply: str | None = None
    variant: str | None = None
    untold: str | None = None
    """As on the reject: why there is no reply, where it is not for the rule alone."""
    message_id: str | None = None
    """The gateway's id of the text that was sent; of an ``unknown`` text, the id that we asked
    for."""
    received_at_ms: Millis | None = None
    """When the webhook of the offer reached the bridge: latency is ``at_ms - received_at_ms``."""
    sent_at_ms: Millis | None = None
    """When the last HTTP request was begun."""
    at_ms: Millis
    """When this result became known."""


NO_REPLY: Final = "no-reply"
"""Why a caller was told nothing: the rule names no reply."""

STORM: Final = "storm"
"""The same where a storm was rejected, in which nobody is told."""

NOT_KNOWN: Final = "not-known"
"""The same where a text may have been sent."""


def not_told(outcome: Outcome) -> str | None:
    """Why the caller got no text, as a short code.

    None where the caller got one, and for outcomes that do not speak of that.
    """
    if outcome.command == "text":
        if outcome.result in {"failed", "late", "suppressed"}:
            return outcome.reason or outcome.result
        return NOT_KNOWN if outcome.result == "unknown" else None
    rejected = outcome.command == "reject" and outcome.result in {"accepted", "raced"}
    return outcome.untold or NO_REPLY if rejected and outcome.reply is None else None


def outcome_id(command_id: str, result: Result) -> str:
    """The id of one result of one command."""
    return f"{command_id}/{result}"
