"""One call on one line, and what follows from it. All numbers are fictional."""

from __future__ import annotations

from typing import Any

from models.calls import CallOffered
from models.commands import RejectCall, SendText
from models.contacts import Contact
from models.policy import read_policy
from models.records import Reference, reference
from streams.policies.book import PolicyInForce
from streams.policies.compile import compile_policy
from streams.screening.facts import Facts, LineFacts
from streams.screening.gather import gather
from streams.screening.recent_calls import KEEP_MS, RecentCalls, evolve
from streams.screening.storms import Storms
from streams.views.views import Views

NOW_MS = 1_767_261_601_000
"""A second after the call began."""

REPLIES = {"slow-down": {"en": "Please write to us."}, "text-first": {"en": "Write first, please."}}


def offer(**changed: Any) -> CallOffered:
    """A voice call of one person that began a second ago."""
    given: dict[str, Any] = {
        "event_id": "evt_1",
        "gateway": "office",
        "line": "london",
        "session": "default",
        "call_id": "call-1",
        "caller": "12025550143@c.us",
        "caller_raw": "12025550143@c.us",
        "offered_at_ms": NOW_MS - 1000,
        "time_source": "payload",
        "received_at_ms": NOW_MS,
    }
    return CallOffered(**given | changed)


def facts(call: CallOffered | None = None, *, now_ms: int = NOW_MS, **changed: Any) -> Facts:
    """What is known of a call whose caller never wrote and never called before."""
    call = call or offer()
    known = changed.pop("known", None) or Views.empty()
    given: dict[str, Any] = {
        "recent": evolve(RecentCalls(), call, 0, KEEP_MS),
        "last_in_ms": 0,
        "last_out_ms": 0,
        "history_incomplete": False,
        "known": known,
        "line": LineFacts(),
        "storms": Storms(known.workers),
    }
    return gather(call, now_ms=now_ms, **given | changed)


def calls(*ago_ms: int, keep_ms: int = KEEP_MS) -> RecentCalls:
    """What is kept of the caller of the offer above, who also called so long before it.

    ``keep_ms`` is how long calls are kept; a rule's ``lookback_ms`` makes it longer.
    """
    state = RecentCalls()
    for number, ago in enumerate(ago_ms):
        before = offer(call_id=f"before-{number}", offered_at_ms=offer().offered_at_ms - ago)
        state = evolve(state, before, number, keep_ms)
    return evolve(state, offer(), len(ago_ms), keep_ms)


def policy(*rules: dict[str, Any], line: str = "*", **more: Any) -> PolicyInForce:
    """A policy with these rules in force."""
    return compile_policy(
        read_policy({"line": line, "rules": list(rules), "replies": REPLIES, **more}), {}
    )


def reject(**changed: Any) -> RejectCall:
    """The reject of the call above."""
    given: dict[str, Any] = {
        "command_id": "london/call-1/reject",
        "decision_id": "london/call-1",
        "gateway": "office",
        "line": "london",
        "session": "default",
        "call_id": "call-1",
        "caller": "12025550143@c.us",
        "caller_raw": "12025550143@c.us",
        "reply": "text-first",
        "variant": None,
        "policy": "*",
        "policy_revision": "0123456789ab",
        "offered_at_ms": NOW_MS - 1000,
        "received_at_ms": NOW_MS,
        "decided_at_ms": NOW_MS,
        "expires_at_ms": NOW_MS + 44_000,
    }
    return RejectCall(**given | changed)


def text(**changed: Any) -> SendText:
    """The text that follows the reject."""
    given: dict[str, Any] = {
        "command_id": "london/call-1/text",
        "decision_id": "london/call-1",
        "gateway": "office",
        "line": "london",
        "session": "default",
        "call_id": "call-1",
        "caller": "12025550143@c.us",
        "caller_raw": "12025550143@c.us",
        "reply": "text-first",
        "variant": None,
        "policy": "*",
        "policy_revision": "0123456789ab",
        "offered_at_ms": NOW_MS - 1000,
        "received_at_ms": NOW_MS,
        "rejected_at_ms": NOW_MS,
        "expires_at_ms": NOW_MS + 179_000,
    }
    return SendText(**given | changed)


def knowing(*values: Reference) -> Views:
    """What a worker knows once it has read these reference records."""
    known = Views.empty()
    views = {view.topic.name: view for view in known.views()}
    for value in values:
        made = reference(value, "/test", NOW_MS)
        views[made.topic.name].apply(made.key, made.value)
    return known


def contact(jid: str = "12025550143@c.us", **more: Any) -> Contact:
    """The CRM's record of the caller."""
    return Contact(contact=jid, source="test", at_ms=NOW_MS - 60_000, **more)
