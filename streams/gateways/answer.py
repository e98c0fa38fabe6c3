"""What a gateway's answer to one request means, sorted by what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Meaning = Literal["accepted", "over", "refused", "busy", "fault", "silent", "unreached"]
"""
``accepted``   the provider's own form of success
``over``       its engine says that the call does not ring any more
``refused``    the request was wrong or not permitted; repeating it changes nothing
``busy``       not now (429, session not working): nothing was done, may be tried again
``fault``      the gateway failed, or something else answered: whether it acted is not known
``silent``     sent, and no whole answer came: whether it acted is not known
``unreached``  no connection: nothing was sent
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAnswer:
    """One request's result."""

    meaning: Meaning
    status: int | None = None
    reason: str | None = None
    """A short code for the outcome, never the gateway's own text.

    The same for every provider: ``session-missing``, ``session-not-working``, ``call-over``,
    ``not-permitted``, ``rate-limited``, ``request-invalid``, ``path-missing``, ``engine-cannot``,
    ``recipient-unreachable``, ``reach-out-restricted``, ``not-successful`` (a 2xx whose body says
    no), ``answer-not-recognised`` and ``http-STATUS``."""
    retry_after_ms: int | None = None
    message_id: str | None = None
    by_gateway: bool = True
    """False: what came is not in the provider's form, so that something before it answered."""


REACH_OUT_RESTRICTED: Final = "reach-out-restricted"
"""The reason where WhatsApp answered with error 463: the account may not write to people it has no
chat with."""

SESSION_NOT_WORKING: Final = "session-not-working"
"""The reason where the gateway waited for its session to be connected, in vain."""
