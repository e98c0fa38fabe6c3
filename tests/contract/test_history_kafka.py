"""Policies tried on the decisions of a real topic, and nothing is written while that happens; and
an audit that makes them again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from models import records
from models.codec import decode, encode
from models.decisions import Decision
from models.policy import PolicyDocument, read_policy, revision_of
from models.records import Record
from models.topics import TOPICS
from streams.audit.audit_topics import audit_topics
from streams.common.clock import now_ms
from streams.common.errors import ConfigurationError
from streams.history.page import page
from streams.history.read_past import Tried, Wanted, try_on_past
from streams.history.simulation import Simulation
from streams.history.trial import read_trial
from streams.history.words import Account
from streams.kafka.producer import DurableProducer
from streams.kafka.reader import TopicReader
from streams.screening.decide import decide
from streams.settings import DEFAULT_CONFIG, KafkaSettings, Settings
from tests.support.facts import REPLIES, facts, policy
from tests.support.records import offer

HOUR_MS = 3_600_000
FIRST = {"id": "first", "type": "text_first", "reply": "text-first"}
DESK = {"id": "desk", "type": "presence"}


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
    async with DurableProducer(kafka, "test") as made:
        yield made


def document(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"line": "*", "rules": list(rules), "replies": REPLIES}


def applied(*rules: dict[str, Any]) -> tuple[Record, ...]:
    """What puts a policy of these rules in force."""
    made = PolicyDocument(
        kind="policy",
        name="*",
        revision=revision_of(read_policy(document(*rules))),
        author="test",
        applied_at_ms=now_ms() - 2 * HOUR_MS,
        document=document(*rules),
    )
    return records.policy_document(made, "/test")


def decided(call_id: str, *rules: dict[str, Any], ago_ms: int, **more: Any) -> list[Record]:
    """A call that came so long ago, and the decision on it."""
    at_ms = now_ms() - ago_ms
    call = offer(call_id, caller=f"44770090{call_id:0>4}@c.us", at_ms=at_ms)
    in_force, read = policy(*rules), facts(call, now_ms=at_ms + 3, **more)
    read.read_for(in_force.readings)
    taken = decide(in_force, read)
    return [records.call_event(call, "/test", None), records.decision(taken, "/test", None)]


async def ends(kafka: KafkaSettings) -> dict[object, int]:
    reader = TopicReader(kafka, TOPICS)
    await reader.start()
    try:
        return dict(await reader.ends())
    finally:
        await reader.stop()


def file(folder: Path, *rules: dict[str, Any]) -> Path:
    path = folder / "other.yaml"
    path.write_text(yaml.safe_dump(document(*rules)), encoding="utf-8")
    return path


async def tried(
    settings: Settings,
    *files: Path,
    line: str | None = None,
    to_ms: int | None = None,
    processes: int | None = None,
) -> Account:
    """What comes of trying files on the last hour."""
    now = now_ms()
    wanted = Wanted(from_ms=now - HOUR_MS, to_ms=now + 1 if to_ms is None else to_ms, line=line)
    trial = await read_trial(settings, files)
    found: Tried = await asyncio.to_thread(
        try_on_past, settings.kafka, trial, wanted, processes=processes
    )
    return Account(trial.revisions, wanted, found)


async def test_policies_are_tried_on_recorded_calls_without_a_trace(
    settings: Settings, producer: DurableProducer, tmp_path: Path
) -> None:
    now = now_ms()
    wrote = {"last_in_ms": now - HOUR_MS}
    calls = [
        *decided("1", FIRST, ago_ms=2 * HOUR_MS),
        *decided("2", FIRST, ago_ms=20_000),
        *decided("3", FIRST, ago_ms=10_000, **wrote),
        *decided("4", FIRST, ago_ms=5_000, **wrote),
    ]
    # a decision that is delivered again stands twice
    await producer.send(*applied(FIRST), *calls, calls[-1])
    before = await ends(settings.kafka)

    def counts(account: Account) -> tuple[int, int, int]:
        found: Simulation = account.tried.counts
        return found.calls, found.changed, found.not_compared

    same = await tried(settings)
    assert counts(same) == (3, 0, 0)
    assert same.revisions == {"*": revision_of(read_policy(document(FIRST)))}
    easy = file(tmp_path)
    other = await tried(settings, easy)
    assert counts(other) == (3, 1, 0)
    assert "            1 from reject by first to ring by the policy's default" in list(
        other.lines(every=False)
    )
    shared = await tried(settings, easy, processes=2)
    assert shared.as_dict() == other.as_dict() | {
        "from_ms": shared.wanted.from_ms,
        "to_ms": shared.wanted.to_ms,
    }
    assert counts(await tried(settings, easy, line="riyadh")) == (0, 0, 0)
    assert counts(await tried(settings, easy, to_ms=now - 15_000)) == (1, 1, 0)
    unknown = await tried(settings, file(tmp_path, DESK))
    assert counts(unknown) == (0, 0, 3)
    assert any("not on record: the line's agents" in each for each in unknown.lines(every=True))
    for account in (same, other, unknown):
        shown = (*account.lines(every=True), json.dumps(account.as_dict()), page(account))
        assert not any("44770090000" in each for each in shown), "callers are masked"
    assert await ends(settings.kafka) == before, "nothing was written to any topic"


async def test_a_policy_file_that_is_wrong_is_named(settings: Settings, tmp_path: Path) -> None:
    wrong = file(tmp_path, {"id": "first", "type": "text_frist"})
    with pytest.raises(ConfigurationError, match=r"other\.yaml:"):
        await read_trial(settings, [wrong])


async def test_an_audit_makes_decisions_again_and_finds_tampering(
    settings: Settings, producer: DurableProducer
) -> None:
    sound = [*decided("1", DESK, ago_ms=20_000), *decided("2", DESK, ago_ms=10_000)]
    await producer.send(*applied(DESK), *sound)
    report = await audit_topics(settings, None, rederive=True)
    assert report.audit.derived is not None
    assert report.audit.derived.as_dict()["same"] == 2
    assert not [each for each in report.audit.wrong if each.code == "derived-otherwise"]

    offered, record = decided("3", DESK, ago_ms=5_000)
    taken: Decision = decode(Decision, record.value)
    assert taken.snapshot is not None
    tampered = replace(taken, snapshot={**taken.snapshot, "agents": {"online": 1, "free": 1}})
    await producer.send(offered, replace(record, value=encode(tampered)))
    report = await audit_topics(settings, None, rederive=True)
    (wrong,) = [each for each in report.audit.wrong if each.code == "derived-otherwise"]
    assert wrong.call_id == "3"
    assert wrong.place is not None
    assert "            made again 3 decisions: 1 differ" in report.audit.lines()
    assert not report.holds
