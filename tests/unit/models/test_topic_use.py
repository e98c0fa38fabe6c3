"""The registry of topics, against what the sources of each component do."""

from __future__ import annotations

import pytest

from models.topics import REPLAYABLE, Component, read_by, written_by
from tests.support.topic_use import Program, Use, parse

AGENTS = {
    Component.SCREENING: ("streams.screening.agent",),
    Component.CONVERSATIONS: ("streams.conversations",),
    Component.CALL_SESSIONS: ("streams.call_sessions.agent",),
    Component.REJECT_SINK: ("streams.sink.rejects",),
    Component.TEXT_SINK: ("streams.sink.texts",),
}
ENTRIES = AGENTS | {
    Component.BRIDGE: ("streams.bridge.server",),
    Component.WORKER: ("streams.worker.app", "streams.worker.process", "streams.worker.status"),
    Component.CONTACTS: ("streams.cli.contacts",),
    Component.POLICY: ("streams.cli.policy",),
    Component.OVERRIDES: ("streams.cli.lists", "streams.cli.block", "streams.cli.calendar"),
    Component.CALLBACKS: ("streams.cli.callbacks",),
    Component.DEAD_LETTERS: ("streams.cli.dlq",),
    Component.AUDIT: ("streams.audit.audit_topics", "streams.audit.follow"),
    Component.UP: (
        "streams.stories.live",
        "streams.single_node.policies_folder",
        "streams.single_node.scenes",
    ),
    Component.EXPLAIN: ("streams.cli.explain",),
    Component.CALLS: ("streams.cli.calls",),
    Component.HISTORY: ("streams.cli.policy:simulate",),
    Component.REPORT: ("streams.cli.report",),
    Component.ATTRITION: ("streams.attrition.app", "streams.attrition.read_past"),
    Component.EXPORT: ("streams.cli.export",),
    Component.STATE: ("streams.cli.state",),
}
NOT_ENTERED = {
    # the worker wires its agents to their topics; what they do there is theirs
    Component.WORKER: ("streams.screening", "streams.conversations", "streams.call_sessions",
                       "streams.sink"),
    # simulating is a component of its own
    Component.POLICY: ("streams.history",),
}  # fmt: skip


def found(component: Component) -> Use:
    program = Program.whole()
    names = program.reached(ENTRIES[component], NOT_ENTERED.get(component, ()))
    use = program.use(names)
    if component is Component.WORKER:
        for agent in AGENTS:
            use.reads -= found(agent).reads
    if component is Component.DEAD_LETTERS:
        # it reads webhooks as the bridge does, which also keeps the lines' states; it follows none
        use.reads.discard("lines.status")
    if component is Component.STATE:
        # its list is one of names, which the scan does not see: test_contents.py compares it
        use.reads |= {topic.name for topic in written_by(component)}
        use.writes |= {topic.name for topic in written_by(component)}
    if component is Component.EXPORT:
        # it takes its list from the registry, which the scan does not see
        use.reads |= {topic.name for topic in read_by(component)}
    return use


@pytest.mark.parametrize("component", Component)
def test_a_component_writes_what_the_registry_says(component: Component) -> None:
    said = {topic.name for topic in written_by(component)}
    writes = found(component).writes
    if component is Component.DEAD_LETTERS:
        assert writes >= {topic.name for topic in REPLAYABLE}
        writes = writes - {topic.name for topic in REPLAYABLE}
    assert writes == said


@pytest.mark.parametrize("component", Component)
def test_a_component_reads_what_the_registry_says(component: Component) -> None:
    assert found(component).reads == {topic.name for topic in read_by(component)}


def test_no_source_uses_a_topic_for_no_component() -> None:
    program = Program.whole()
    reached = {at for entries in ENTRIES.values() for at in program.reached(entries)}
    assert program.users() - reached == set()


SOURCE = """
from models import topics
from models.records import Record, outcome, reference
from models.presence import Presence
from streams.kafka.compacted_reader import read_once
from streams.views.callbacks import Callbacks

def writes(): return Record(topics.CALLS_DLQ, b"", b"", [])
def says(event): return outcome(event, "", None)
def refers(value): return reference(value, "", 0)
def reads(): return topics.CALLS_EVENTS
def asks(topic): return topic is topics.CALLS_EVENTS
async def follows(kafka): await read_once(kafka, Callbacks())
def looks(): return Callbacks()
"""


@pytest.mark.parametrize(
    ("name", "reads", "writes"),
    [
        ("writes", set(), {"calls.dlq"}),
        ("says", set(), {"calls.outcomes"}),
        ("refers", set(), {"agents.presence"}),
        ("reads", {"calls.events"}, set()),
        ("asks", set(), set()),
        ("follows", {"callbacks"}, set()),
        ("looks", set(), set()),
    ],
)
def test_the_scan_tells_reading_from_writing(name: str, reads: set[str], writes: set[str]) -> None:
    program = Program.whole().including(parse("streams.made_up", SOURCE))
    use = program.use(program.reached([f"streams.made_up:{name}"]))
    assert (use.reads, use.writes) == (reads, writes)
