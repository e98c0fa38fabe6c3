"""What is looked up in the views for a call while it is decided: lists, agents, bridges, storms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models.calls import CallOffered
from models.overrides import CallerBlock, LineSwitch
from models.policy.rules import StormRule
from models.presence import LineStatus, Outage
from models.snapshot import (
    AgentFacts,
    BridgeFacts,
    HandBlockFacts,
    HoleFacts,
    ListedFacts,
    OutageFacts,
    StormFacts,
    SwitchFacts,
)
from streams.screening.storms import Storms
from streams.views.phone_numbers import country_of_any
from streams.views.views import Views


@dataclass(frozen=True, slots=True)
class Remark:
    """Who set something by hand, and why: words for the decision's sentence, kept nowhere else."""

    author: str = "hand"
    reason: str = ""

    @property
    def behind(self) -> str:
        """The reason as it stands behind a sentence."""
        return f": {self.reason}" if self.reason else ""


@dataclass(frozen=True, slots=True)
class Lookups:
    """Looks into the views for one call. May be asked again; only ``storm`` then counts anew."""

    known: Views
    storms: Storms
    offer: CallOffered
    jids: tuple[str, ...]
    claims: tuple[str, ...]
    now_ms: int

    def entry(self, name: str, *, claimed: bool) -> tuple[ListedFacts | None, Remark | None]:
        """The entry of a list that means the caller now.

        ``claimed``: also one that means somebody who the caller's client says it is.
        """
        jids = (*self.jids, *self.claims) if claimed else self.jids
        found = self.known.overrides.entry(
            name, self.offer.line, jids, lambda: country_of_any(jids), self.now_ms
        )
        if found is None:
            return None, None
        facts = ListedFacts(entry=found.entry_id, at_ms=found.added_at_ms)
        return facts, Remark(found.author, found.reason)

    def hand_block(self) -> tuple[HandBlockFacts, Remark] | None:
        """The block by hand that lasts longest and that nobody took back; it may be over."""
        overrides, line = self.known.overrides, self.offer.line
        # apart: that a number which is only claimed was unblocked lifts no block of the caller
        found = (overrides.block(jids, line) for jids in (self.jids, self.claims) if jids)
        blocks = [each for each in found if each is not None]
        longest: CallerBlock | None = max(blocks, key=lambda each: each.until_ms, default=None)
        if longest is None:
            return None
        facts = HandBlockFacts(at_ms=longest.at_ms, until_ms=longest.until_ms)
        return facts, Remark(longest.author, longest.reason)

    def lifted_at_ms(self) -> int:
        """When the caller's blocks on the line were last taken back; 0 for never."""
        lift = self.known.overrides.lift(self.jids, self.offer.line)
        return lift.at_ms if lift is not None else 0

    def switches(self) -> Iterator[tuple[SwitchFacts, Remark]]:
        """The night switches that are in force now or will be, the first before the second."""
        for each in self.known.overrides.switches(self.offer.line, self.now_ms):
            yield _switch(each), Remark(each.author, each.reason)

    def agents(self) -> AgentFacts:
        """The line's agents now."""
        agents, now_ms = self.known.desk.of_line(self.offer.line), self.now_ms
        found = AgentFacts(
            online=sum(each.online(now_ms) for each in agents),
            free=sum(each.free(now_ms) for each in agents),
        )
        if agents:
            found["heartbeat_at_ms"] = max(each.heartbeat_at_ms for each in agents)
        return found

    def waiting(self) -> int:
        """How many callers the line owes a callback."""
        return self.known.callbacks.waiting(self.offer.line)

    def bridges(self, names: tuple[str, ...]) -> dict[str, BridgeFacts | None]:
        """The line's recording bridges, and those of these names, None for one never heard of."""
        found: dict[str, BridgeFacts | None] = {}
        for each in self.known.bridges.of_line(self.offer.line, None):
            found[each.bridge] = facts = BridgeFacts(at_ms=each.at_ms, of_line=True)
            _add_fault(facts, each.fault(self.now_ms))
        for name in names:
            bridge = self.known.bridges.get(name)
            if name not in found:
                found[name] = None
            if bridge is not None and found[name] is None:
                found[name] = facts = BridgeFacts(at_ms=bridge.at_ms)
                _add_fault(facts, bridge.fault(self.now_ms))
        return found

    def holes(self, outage_ms: int, grace_ms: int) -> HoleFacts:
        """Why messages of the line may be missing."""
        found = HoleFacts(outage_ms=outage_ms, grace_ms=grace_ms)
        status = self.known.lines.get(self.offer.line)
        if status is None:
            return found
        if status.lost_at_ms and self.now_ms - status.lost_at_ms < grace_ms:
            found["lost_at_ms"] = status.lost_at_ms
        outages = [_outage(each) for each in _outages(status, self.now_ms, outage_ms, grace_ms)]
        if outages:
            found["outages"] = outages
        return found

    def storm(self, rule: StormRule) -> StormFacts:
        """The line's strangers now, and whether a storm rages: which depends on the time before."""
        strangers, rages = self.storms.of(self.offer.line, rule, self.now_ms)
        found = StormFacts(
            strangers=strangers, callers=rule.callers, within_ms=rule.within, calm=rule.calm
        )
        if rages:
            found["rages"] = True
        return found


def _switch(switch: LineSwitch) -> SwitchFacts:
    found = SwitchFacts(state="open" if switch.state == "open" else "closed", at_ms=switch.at_ms)
    if switch.until_ms is not None:
        found["until_ms"] = switch.until_ms
    return found


def _add_fault(facts: BridgeFacts, fault: str | None) -> None:
    if fault is not None:
        facts["fault"] = fault


def _outages(
    status: LineStatus, now_ms: int, longer_than_ms: int, grace_ms: int
) -> Iterator[Outage]:
    last = status.changes[-1] if status.changes else None
    if last is None or (last.connected and now_ms - last.at_ms >= grace_ms):
        # so it is nearly always, and the changes need not be gone through
        return
    for each in status.outages():
        ended = each.to_ms is not None and now_ms - each.to_ms >= grace_ms
        if each.length_ms(now_ms) > longer_than_ms and not ended:
            yield each


def _outage(outage: Outage) -> OutageFacts:
    found = OutageFacts(from_ms=outage.from_ms)
    if outage.to_ms is not None:
        found["to_ms"] = outage.to_ms
    return found
