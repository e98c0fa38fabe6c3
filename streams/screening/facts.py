"""Everything a decision may depend on, gathered once, before any rule is asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from models.calls import CallOffered
from models.decisions import Scalar
from models.identity import Jid
from streams.screening.recent import RecentCalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was known when a call was decided. Times are ms UTC; 0 means never."""

    offer: CallOffered
    now_ms: int
    recent: RecentCalls
    """The caller's calls, this one among them."""
    last_in_ms: int
    """When the caller last wrote to this line."""
    last_out_ms: int
    """When this line last wrote to the caller."""
    history_incomplete: bool
    """Messages are waiting to be read: "never wrote" cannot be said."""

    @property
    def age_ms(self) -> int:
        """How long the call had been ringing, by the provider's time of the offer."""
        return self.now_ms - self.offer.offered_at_ms

    @property
    def two_way(self) -> bool:
        """Both sides have written."""
        return self.last_in_ms > 0 and self.last_out_ms > 0

    def scalars(self) -> dict[str, Scalar]:
        """The facts as they stand on the decision: no numbers, no names."""
        return {
            "age_ms": self.age_ms,
            "media": self.offer.media,
            "group": self.offer.group,
            "offline": self.offer.offline,
            "ended": self.offer.ended,
            "caller_kind": Jid.parse(self.offer.caller).kind,
            "time_source": self.offer.time_source,
            "last_in_ms": self.last_in_ms,
            "last_out_ms": self.last_out_ms,
            "two_way": self.two_way,
            "history_incomplete": self.history_incomplete,
        }


def gather(
    offer: CallOffered,
    *,
    now_ms: int,
    recent: RecentCalls,
    last_in_ms: int,
    last_out_ms: int,
    history_incomplete: bool,
) -> Facts:
    """Bring together what is known."""
    return Facts(
        offer=offer,
        now_ms=now_ms,
        recent=recent,
        last_in_ms=last_in_ms,
        last_out_ms=last_out_ms,
        history_incomplete=history_incomplete,
    )
