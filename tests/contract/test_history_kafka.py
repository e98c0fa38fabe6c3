"""The past of real topics, decided once more; and nothing is written while that happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from models.topics import TOPICS
from streams.common.clock import now_ms
from streams.common.errors import ConfigurationError
from streams.history.read_past import replay
from streams.kafka.producer import DurableProducer
from streams.kafka.reader import TopicReader
from streams.settings import DEFAULT_CONFIG, KafkaSettings, Settings
from tests.support.records import Value, offer, record, rejected_call, ringing_call

HOUR_MS = 3_600_000


@pytest.fixture
def settings(kafka: KafkaSettings) -> Settings:
    return Settings.model_validate(
        {
            "kafka": kafka,
            "policies": Path(DEFAULT_CONFIG).parent / "policies",
            "gateways": {},
            "lines": {},
        }
    )


@pytest.fixture
async def producer(kafka: KafkaSettings) -> AsyncIterator[DurableProducer]:
    made = DurableProducer(kafka, "test")
    await made.start()
    yield made
    await made.stop()


async def write(producer: DurableProducer, *histories: list[Value]) -> None:
    await producer.send(*(record(value) for history in histories for value in history))


async def ends(kafka: KafkaSettings) -> dict[object, int]:
    reader = TopicReader(kafka, TOPICS)
    await reader.start()
    try:
        return dict(await reader.ends())
    finally:
        await reader.stop()


def policy_file(folder: Path, *rules: dict[str, object]) -> Path:
    path = folder / "other.yaml"
    replies = {"text-first": {"en": "Write first, please."}}
    path.write_text(
        yaml.safe_dump({"line": "*", "rules": list(rules), "replies": replies}), encoding="utf-8"
    )
    return path


async def test_another_policy_is_tried_on_the_past_without_a_trace(
    settings: Settings, producer: DurableProducer, tmp_path: Path
) -> None:
    at_ms = now_ms()
    await write(
        producer,
        rejected_call(offer("EARLIER", at_ms=at_ms - 2 * HOUR_MS)),
        rejected_call(offer("REJECTED", at_ms=at_ms - 2_000)),
        ringing_call(offer("RANG", caller="447700900456@c.us", at_ms=at_ms - 1_000)),
        [offer("OPEN", caller="447700900789@c.us", at_ms=at_ms)],
    )
    before = await ends(settings.kafka)
    easy = policy_file(tmp_path)
    compared, revisions = await replay(
        settings, from_ms=at_ms - HOUR_MS, to_ms=at_ms + 1, files=[easy], line=None
    )
    assert (compared.calls, compared.undecided) == (3, 1)
    assert [(call.offer.call_id, call.would.verdict) for call in compared.differing] == [
        ("REJECTED", "ring")
    ]
    assert set(revisions) == {"*"}
    elsewhere, _ = await replay(settings, from_ms=0, to_ms=at_ms + 1, files=[easy], line="riyadh")
    assert elsewhere.calls == 0
    until, _ = await replay(
        settings, from_ms=at_ms - HOUR_MS, to_ms=at_ms - 1_500, files=[easy], line=None
    )
    assert until.calls == 1
    assert await ends(settings.kafka) == before, "nothing was written to any topic"


async def test_a_policy_file_that_is_wrong_is_named(settings: Settings, tmp_path: Path) -> None:
    wrong = policy_file(tmp_path, {"id": "first", "type": "text_frist"})
    with pytest.raises(ConfigurationError, match=r"other\.yaml:"):
        await replay(settings, from_ms=0, to_ms=1, files=[wrong], line=None)
