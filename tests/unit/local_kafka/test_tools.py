"""Kafka's own tools: which of them are told where the broker is."""

from __future__ import annotations

import pytest

from streams.common.errors import ConfigurationError
from streams.local_kafka import tools


def test_tools_get_the_broker_unless_it_is_given_or_not_needed() -> None:
    topics, dump = tools.find("kafka-topics.sh"), tools.find("kafka-dump-log")
    assert tools.needs_broker(topics, ["--list"])
    assert not tools.needs_broker(topics, ["--bootstrap-server=a:1", "--list"])
    assert not tools.needs_broker(topics, ["--help"])
    assert not tools.needs_broker(dump, ["--files", "x"])
    with pytest.raises(ConfigurationError, match="kafka-topics"):
        tools.find("kafka-nothing")
