"""Every name on the wire: whoever renames a table loses its claims, and whoever renames a group its
offsets.

After a change that is meant: ``RINGFENCE_UPDATE_GOLDEN=1 python -m pytest
tests/unit/test_wire_names.py``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from models.records import dead_letter
from models.topics import TOPICS
from streams.attrition.app import build as build_attrition
from streams.settings import ROOT, load_settings
from streams.worker.app import build
from tests.support.ringfence import SECRETS

GOLDEN = Path(__file__).parent.parent / "data" / "wire_names.json"

LETTER = dead_letter(
    key=b"k" * 9_999,
    value=b"v" * 999_999,
    headers=[(f"h{number}", b"x") for number in range(999)],
    reason="undecodable",
    message="why",
    source="screening",
    topic="calls.events",
    partition=3,
    offset=7,
    timestamp_ms=1,
)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    settings = load_settings(ROOT / "deploy" / "ringfence.yaml")
    app = build(settings, (), instance="worker-1")
    attrition = build_attrition(settings, instance="attrition-1")
    return {
        "app id": app.conf.id,
        "consumer group": app.conf.id,
        "static member id": app.conf.consumer_group_instance_id,
        "agents": {agent.name: sorted(agent.get_topic_names()) for agent in app.agents.values()},
        "changelogs": {
            name: table.changelog_topic.get_topic_name() for name, table in app.tables.items()
        },
        "table partitions": {name: table.partitions for name, table in app.tables.items()},
        "attrition": {
            "app id": attrition.conf.id,
            "agents": {
                each.name: sorted(each.get_topic_names()) for each in attrition.agents.values()
            },
            "changelogs": {
                name: table.changelog_topic.get_topic_name()
                for name, table in attrition.tables.items()
            },
            "table partitions": {name: each.partitions for name, each in attrition.tables.items()},
        },
        "topics": {
            topic.name: {
                "partitions": topic.partitions,
                "configuration": topic.config(),
                "key": topic.key,
            }
            for topic in TOPICS
        },
        "dead letter headers": [name for name, _ in LETTER.headers if not name.startswith("h")],
    }


def test_every_name_on_the_wire_is_the_golden_one(names: dict[str, Any]) -> None:
    made = json.dumps(names, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("RINGFENCE_UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(made, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == made
