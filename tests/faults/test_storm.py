"""Back pressure: 5,000 offers within a second, nine strangers for each caller who is known."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path

from models import topics
from models.calls import CallOffered
from streams.settings import KafkaSettings
from tests.faults.scene import Scene, open_scene
from tests.faults.tap import Tap

log = logging.getLogger(__name__)

OFFERS = 5_000
OLD = 500
"""Offers that are nearly too old when they come: the storm makes them wait too long."""
OLD_MS = 43_500
TOO_OLD_MS = 45_000
WITHIN_S = 150.0
GROWTH_BYTES = 200_000_000


async def test_a_storm_of_offers_is_decided_and_nothing_stale_acts(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    watched = (topics.CALLS_DECISIONS, topics.CALLS_COMMANDS, topics.CALLS_OUTCOMES)
    async with open_scene(kafka, tmp_path, reply=False) as scene, Tap(kafka, *watched) as tap:
        worker = scene.start("one")
        await worker.until_ready()
        known = [scene.caller() for _ in range(OFFERS // 10)]
        await scene.write(*(scene.message(caller) for caller in known))
        await first_call(scene, tap)
        before = worker.resident

        offers = storm(scene, known)
        began = time.monotonic()
        await scene.place(*offers.values())
        placed_s = time.monotonic() - began
        await tap.until(lambda: offers.keys() <= tap.decided().keys(), WITHIN_S, worker.said)
        ended = {
            command_of(call_id) for call_id, verdict in verdicts(tap).items() if verdict == "reject"
        }
        await tap.until(
            lambda: ended <= {each.command_id for each in tap.ends("reject")}, WITHIN_S, worker.said
        )

        found = verdicts(tap)
        assert sum(each.call_id in offers for each in tap.decisions()) == OFFERS
        assert {found[call_id] for call_id, offer in offers.items() if offer.caller in known} == {
            "ring"
        }
        strangers = {
            call_id: offer for call_id, offer in offers.items() if offer.caller not in known
        }
        assert {found[call_id] for call_id in strangers} == {"reject", "late"}
        assert {each.result for each in tap.ends("reject")} <= {"accepted", "late"}
        rejected = [each.call_id for each in scene.gateway.rejects]
        assert len(rejected) == len(set(rejected))
        acted = [
            each
            for each in tap.ends("reject")
            if each.result == "accepted" and each.call_id in offers
        ]
        assert [
            each
            for each in acted
            if each.at_ms - offers[each.call_id].offered_at_ms > TOO_OLD_MS + 1_000
        ] == []
        assert worker.exit_code is None
        assert worker.resident - before < GROWTH_BYTES

        decided = tap.decided()
        for name, calls in (
            ("known", offers.keys() - strangers.keys()),
            ("strangers", strangers.keys()),
        ):
            waits = sorted(decided[call_id] - began for call_id in calls)
            log.info(
                "%s: decided after %.1f s (median), %.1f s (last)",
                name,
                waits[len(waits) // 2],
                waits[-1],
            )
        grown = (worker.resident - before) / 1e6
        late = sum(verdict == "late" for verdict in found.values())
        log.info("placed in %.1f s, %d late, %.0f MB more memory", placed_s, late, grown)


def storm(scene: Scene, known: list[str]) -> dict[str, CallOffered]:
    """The offers by call id, known callers spread among strangers, the old ones last."""
    callers = [known[n // 10] if n % 10 == 0 else scene.caller() for n in range(OFFERS)]
    offers = [scene.offer(caller) for caller in callers]
    for n in range(OFFERS - OLD, OFFERS):
        if offers[n].caller not in known:
            offers[n] = replace(offers[n], offered_at_ms=offers[n].offered_at_ms - OLD_MS)
    return {offer.call_id: offer for offer in offers}


async def first_call(scene: Scene, tap: Tap) -> None:
    """One call, decided: every message before it has been read then."""
    offer = scene.offer()
    await scene.place(offer)
    await tap.until(lambda: offer.call_id in tap.decided(), WITHIN_S)


def verdicts(tap: Tap) -> dict[str, str]:
    return {each.call_id: each.verdict for each in tap.decisions()}


def command_of(call_id: str) -> str:
    return f"london/{call_id}/reject"
