"""Topics by the names that people type."""

from __future__ import annotations

import pytest

from models.topics import CALLS_DECISIONS, CALLS_EVENTS, TOPICS
from streams.common.errors import ConfigurationError
from streams.kafka.topic_names import topics_named


def test_topics_come_once_and_in_the_registrys_order() -> None:
    assert topics_named([]) == TOPICS
    names = ["calls.decisions", "calls.events", "calls.events"]
    assert topics_named(names) == (CALLS_EVENTS, CALLS_DECISIONS)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("calls.decision", "no topic 'calls.decision': did you mean calls.decisions?"),
        ("demo.calls.events", "did you mean calls.events?"),
        ("weather", "no topic 'weather': there are calls.events, "),
    ],
)
def test_another_name_is_refused_with_the_nearest(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        topics_named(["calls.events", name])
    assert said in str(refused.value)
