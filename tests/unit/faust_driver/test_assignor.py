"""Who is given which partitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata

from streams.faust_driver.assignor import SoleAssignor
from streams.faust_driver.transport import App

TOPICS = {"calls.decisions": 8, "messages.events": 8, "lines": 1}


class Cluster:
    """What brokers say of the topics."""

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(TOPICS[topic]))


@pytest.fixture
def member(tmp_path: Path) -> SoleAssignor:
    app = App(
        "test",
        datadir=str(tmp_path / "faust"),
        topic_partitions=8,
        table_standby_replicas=0,
        PartitionAssignor=SoleAssignor,
    )
    return SoleAssignor(app)


def joining(member: SoleAssignor) -> Any:
    return member.metadata(set(TOPICS))


def given(found: Any) -> dict[str, int]:
    return {
        name: sum(len(partitions) for _, partitions in each.assignment)
        for name, each in found.items()
    }


def test_one_member_has_everything(member: SoleAssignor) -> None:
    new = joining(member)
    found = member.assign(Cluster(), {"b": new, "a": new, "c": new})
    assert given(found) == {"a": 17, "b": 0, "c": 0}


def test_who_has_something_keeps_it(member: SoleAssignor) -> None:
    new = joining(member)
    found = member.assign(Cluster(), {"b": new, "c": new})
    assert given(found) == {"b": 17, "c": 0}
    mine = ConsumerProtocolMemberMetadata(
        new.version, list(TOPICS), member._decompress(found["b"].user_data)
    )
    again = member.assign(Cluster(), {"a": new, "b": mine})
    assert given(again) == {"a": 0, "b": 17}
