"""What the gateways and the sink tell of the one call of ``tests.support.facts``."""

from __future__ import annotations

from functools import reduce
from typing import Any

from hypothesis import strategies as st

from models.calls import CallAccepted, CallerBlocked, CallRejected, Lifecycle, RejectAccepted
from models.commands import reject_id
from models.decisions import decision_id
from streams.call_sessions.session import CallSession, evolve
from tests.support.facts import NOW_MS, offer

WHERE: dict[str, Any] = {"gateway": "office", "line": "london", "call_id": "call-1"}


def accepted(at_ms: int = NOW_MS + 2000, **more: Any) -> CallAccepted:
    return CallAccepted(event_id="evt_a", at_ms=at_ms, received_at_ms=at_ms + 5, **WHERE | more)


def ended(at_ms: int = NOW_MS + 1000, **more: Any) -> CallRejected:
    return CallRejected(event_id="evt_r", at_ms=at_ms, received_at_ms=at_ms + 5, **WHERE | more)


def rejected(at_ms: int = NOW_MS + 50, generation: int = 0, **more: Any) -> RejectAccepted:
    decided = decision_id("london", "call-1", generation)
    given: dict[str, Any] = {
        "command_id": reject_id(decided),
        "decision_id": decided,
        "generation": generation,
        "caller": "12025550143@c.us",
        "offered_at_ms": generation or NOW_MS - 1000,
        "at_ms": at_ms,
    }
    return RejectAccepted(**given | WHERE | more)


def blocked(until_ms: int = NOW_MS + 900_000, at_ms: int = NOW_MS + 60) -> CallerBlocked:
    return CallerBlocked(
        decision_id="london/call-1",
        session="default",
        caller="12025550143@c.us",
        caller_raw="12025550143@s.whatsapp.net",
        until_ms=until_ms,
        at_ms=at_ms,
        **WHERE,
    )


def after(*events: Lifecycle) -> CallSession:
    """The session that these lead to."""
    session = reduce(evolve, events, None)
    assert session is not None
    return session


CALLERS = ("12025550143@c.us", "12025550144@c.us", "90111222333444@lid")
TIMES = st.integers(NOW_MS, NOW_MS + 90_000)
NAMED = st.sampled_from((None, *CALLERS))
EVENTS: st.SearchStrategy[Lifecycle] = st.one_of(
    st.just(offer()),
    st.builds(
        lambda at_ms, caller, source: offer(
            offered_at_ms=at_ms, received_at_ms=at_ms, caller=caller, time_source=source
        ),
        TIMES,
        st.sampled_from(CALLERS),
        st.sampled_from(("payload", "payload", "envelope", "received")),
    ),
    st.builds(lambda at_ms, caller: accepted(at_ms, caller=caller), TIMES, NAMED),
    st.builds(
        lambda at_ms, caller, echo: ended(at_ms, caller=caller, echo=echo),
        TIMES,
        NAMED,
        st.booleans(),
    ),
    st.builds(
        lambda at_ms, caller, number: rejected(
            at_ms, number * 20_000 and NOW_MS + number * 20_000, caller=caller
        ),
        TIMES,
        st.just(CALLERS[0]),
        st.integers(0, 3),
    ),
    st.builds(blocked, TIMES, TIMES),
)
"""Everything that may come of one call id, by three callers within a minute and a half."""
