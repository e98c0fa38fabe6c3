"""A text goes out at most once, even where the worker dies between sending it and remembering
that."""

from __future__ import annotations

from pathlib import Path

from models import topics
from models.calls import CallOffered
from models.codec import decode
from models.commands import SendText
from models.outcomes import Outcome
from models.records import text_command
from streams.settings import KafkaSettings
from tests.faults.scene import SOURCE, Scene, open_scene
from tests.faults.tap import Tap

WITHIN_S = 30.0


async def text_outcome(tap: Tap, offer: CallOffered) -> Outcome:
    """Wait for the outcome of a call's text. A kill may repeat it; the first is returned."""

    def found() -> list[Outcome]:
        return [outcome for outcome in tap.ends("text") if outcome.call_id == offer.call_id]

    await tap.until(lambda: bool(found()), WITHIN_S)
    return found()[0]


async def following_call(scene: Scene, tap: Tap) -> None:
    """Place a call of somebody else and wait for its text: whatever stood before it has been dealt
    with."""
    offer = scene.offer()
    await scene.place(offer)
    await text_outcome(tap, offer)


async def test_a_worker_that_dies_after_sending_never_sends_again(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, topics.CALLS_OUTCOMES) as tap:
        first = scene.start("one")
        await first.until_ready()
        scene.gateway.answering_texts.clear()
        offer = scene.offer()
        await scene.place(offer)
        await tap.until(lambda: len(scene.gateway.texts) == 1, WITHIN_S)
        first.kill()
        # a table whose changelog was left out of the assignment would come back without its claims
        assert "missing topic" not in first.said()
        scene.gateway.answering_texts.set()

        second = scene.start("one")
        outcome = await text_outcome(tap, offer)
        assert (outcome.result, outcome.reason) == ("unknown", "interrupted")

        await following_call(scene, tap)
        assert scene.gateway.texts_by_chat[offer.caller] == 1
        # the reject before it may have been repeated, and its text command with it: the same
        # outcome again
        assert {o for o in tap.ends("text") if o.call_id == offer.call_id} == {outcome}
        assert await second.stop(15) < 15
        assert second.exit_code == 0


async def test_a_command_that_comes_again_sends_nothing(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    watched = (topics.MESSAGES_COMMANDS, topics.CALLS_OUTCOMES)
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, *watched) as tap:
        worker = scene.start("one")
        await worker.until_ready()
        offer = scene.offer()
        await scene.place(offer)
        sent = await text_outcome(tap, offer)
        assert sent.result == "accepted"

        command: SendText = decode(SendText, tap.of(topics.MESSAGES_COMMANDS)[0].raw)
        await scene.producer.send(text_command(command, SOURCE, None))
        await following_call(scene, tap)
        # the same in another worker, which has it from the changelog alone
        worker.kill()
        scene.start("one")
        await scene.producer.send(text_command(command, SOURCE, None))
        await following_call(scene, tap)

        outcomes = [outcome for outcome in tap.ends("text") if outcome.call_id == offer.call_id]
        assert len(outcomes) >= 3
        assert set(outcomes) == {sent}
        assert scene.gateway.texts_by_chat[offer.caller] == 1


async def test_a_rejected_caller_is_told_once_in_the_cool_down(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    async with open_scene(kafka, tmp_path) as scene, Tap(kafka, topics.CALLS_OUTCOMES) as tap:
        worker = scene.start("one")
        await worker.until_ready()
        caller = scene.caller()
        first, second = scene.offer(caller), scene.offer(caller)
        await scene.place(first)
        assert (await text_outcome(tap, first)).result == "accepted"
        worker.kill()
        scene.start("one")
        await scene.place(second)
        outcome = await text_outcome(tap, second)
        assert (outcome.result, outcome.reason) == ("suppressed", "cool-down")
        assert scene.gateway.texts_by_chat[caller] == 1


async def test_a_worker_that_dies_has_counted_its_strangers(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    async with (
        open_scene(kafka, tmp_path, strangers_per_day=1) as scene,
        Tap(kafka, topics.CALLS_OUTCOMES) as tap,
    ):
        worker = scene.start("one")
        await worker.until_ready()
        scene.gateway.answering_texts.clear()
        first, second = scene.offer(), scene.offer()
        await scene.place(first)
        await tap.until(lambda: len(scene.gateway.texts) == 1, WITHIN_S)
        worker.kill()
        scene.gateway.answering_texts.set()

        scene.start("one")
        unknown = await text_outcome(tap, first)
        assert (unknown.result, unknown.reason) == ("unknown", "interrupted")
        assert unknown.message_id == scene.gateway.texts[0].id
        await scene.place(second)
        outcome = await text_outcome(tap, second)
        assert (outcome.result, outcome.reason) == ("suppressed", "stranger-cap")
        assert len(scene.gateway.texts) == 1
