"""What a provider may do that neither WAHA nor Wawp does: numbers for people, rejects by id alone,
words of its own for a session's state."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typing_extensions import override

from streams.gateways.wawp import simulated
from streams.simulator.payloads import Payload
from streams.simulator.protocol import Ask, Received
from streams.simulator.session_state import Session
from tests.support.simulator import CALLER, INSTANCE, LID, QUICK, scene


class ByNumber(simulated.SimulatedWawp):
    """Wawp, if it knew no LIDs and named neither session nor caller in a reject."""

    numbers_only = True

    @override
    def read(self, received: Received) -> Ask:
        ask = super().read(received)
        return replace(ask, session=None, caller=None) if ask.kind == "reject" else ask

    @override
    def status_payload(self, session: Session) -> Payload:
        return {"up": session.working}


@pytest.fixture(autouse=True)
def by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider, as long as a test runs."""
    monkeypatch.setattr(simulated, "SimulatedWawp", ByNumber)


REJECT = "/v2/calls/reject"


async def test_a_reject_by_id_alone_finds_session_and_caller() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="riyadh", caller=CALLER)
        other = await s.sim.place_call(line="riyadh", caller=CALLER)
        assert (await s.wawp(REJECT, {"callId": call.id, "from": "any"}))[0] == 200
        assert (call.state, other.state) == ("rejected", "ringing")
        (seen,) = s.sim.record.of("reject")
        assert (seen.session, seen.chat, seen.violation) == (INSTANCE, CALLER, None)


async def test_a_reject_by_id_alone_of_no_call_is_not_found() -> None:
    async with scene(replace(QUICK, ended="not_found")) as s:
        _, said = await s.wawp(REJECT, {"callId": "none", "from": "any"})
        assert "not found" in str(said)
        (seen,) = s.sim.record.of("reject")
        assert (seen.session, seen.violation) == (None, "this call id was never offered")


async def test_a_reject_by_id_alone_ends_no_other_gateways_call() -> None:
    async with scene(replace(QUICK, ended="not_found")) as s:
        call = await s.sim.place_call(line="gows", caller=CALLER)
        _, said = await s.wawp(REJECT, {"callId": call.id, "from": "any"})
        assert "not found" in str(said)
        assert call.state == "ringing"
        assert s.sim.record.violation_count == 1


async def test_a_reject_by_id_alone_waits_for_its_own_session() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="riyadh", caller=CALLER)
        s.sim.set_session("riyadh", "STOPPED")
        assert (await s.wawp(REJECT, {"callId": call.id, "from": "any"}))[0] == 422
        assert call.state == "ringing"


async def test_people_show_their_numbers_where_there_are_no_lids() -> None:
    async with scene() as s:
        call = await s.sim.place_call(line="riyadh", caller=CALLER, lid=LID)
        written = await s.sim.write(line="riyadh", caller=CALLER, lid=LID)
        assert (call.party.jid, written.party.jid) == (CALLER, CALLER)
        for replayed in await s.sim.reconnect(line="riyadh", offers=20):
            assert replayed.party.jid.endswith("@c.us")


async def test_nobody_is_known_by_lid_where_there_are_no_lids() -> None:
    async with scene() as s:
        with pytest.raises(ValueError, match="wawp names people by number alone"):
            await s.sim.place_call(line="riyadh", caller=LID)
        with pytest.raises(ValueError, match="wawp names people by number alone"):
            await s.sim.write(line="riyadh", caller=LID)


async def test_a_sessions_state_is_reported_in_its_own_words() -> None:
    async with scene() as s:
        s.sim.set_session("riyadh", "STOPPED")
        assert (await s.bridge.first("session.status")).body["payload"] == {"up": False}
