"""What a worker that is built, and not started, says of itself."""

from __future__ import annotations

import json

import pytest

from streams.settings import ROOT, load_settings
from streams.worker.app import WorkerApp, build
from tests.support.ringfence import SECRETS


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> WorkerApp:
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    return build(load_settings(ROOT / "deploy" / "ringfence.yaml"), (), instance="worker-1")


async def test_a_worker_is_ready_between_recovery_and_rebalance(app: WorkerApp) -> None:
    assert app.parts.not_ready() == "tables are being recovered"
    app.parts.on_recovered()
    assert "has not confirmed" in (app.parts.not_ready() or "")
    app.parts.is_member = lambda: True
    assert app.parts.not_ready() is None
    app.rebalancing = True
    assert app.parts.not_ready() == "the consumer group is rebalancing"


def test_the_changelogs_to_create_are_those_of_its_tables(app: WorkerApp) -> None:
    golden = json.loads((ROOT / "tests" / "data" / "wire_names.json").read_text(encoding="utf-8"))
    names, partitions = golden["changelogs"], golden["table partitions"]
    assert app.changelogs() == {names[table]: partitions[table] for table in names}


def test_a_worker_that_is_not_started_warns_of_nothing(app: WorkerApp) -> None:
    assert app.parts.services.warnings() == []
