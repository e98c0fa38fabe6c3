"""The costs that are in force can be read, and name topics and processes that there are."""

from __future__ import annotations

from models.topics import TOPICS
from streams.capacity.costs import measured_costs
from streams.kafka.acls import ROLES


def test_measured_costs_are_of_this_version() -> None:
    costs = measured_costs()
    known = {topic.name for topic in TOPICS}
    known |= {name for role in ROLES for name in role.changelogs("")}
    assert {name for kind in costs.calls.kinds.values() for name in kind.bytes} <= known
    assert set(costs.calls.kinds) == {"rejected", "answered", "message"}
    assert set(costs.reference.rows) == {"caller", "contact", "link", "list entry"}
    for kind in costs.calls.kinds.values():
        assert set(kind.cpu_ms) == {"worker", "bridge", "broker", "attrition"}
    for about in (costs.calls.measured, costs.reference.measured):
        assert {"date", "commit", "cores"} <= set(about)
