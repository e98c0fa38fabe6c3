"""The log: what libraries repeat is said once in ten seconds, with how often it was meant."""

from __future__ import annotations

import logging

from streams.common.log_dedup import EVERY_S, DuplicateFilter


class Log:
    def __init__(self) -> None:
        self.now = 0.0
        self.lines: list[str] = []
        self._filter = DuplicateFilter(clock=lambda: self.now)

    def say(self, name: str, message: str, *args: object) -> None:
        record = logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, None)
        if self._filter.filter(record):
            self.lines.append(record.getMessage())


def test_what_aiokafka_repeats_is_said_once_and_then_how_often() -> None:
    log = Log()
    for number in range(51):
        log.now = number * EVERY_S / 50
        log.say("aiokafka.client", "Unable connect to node with id %s", 1)
    assert log.lines == [
        "Unable connect to node with id 1",
        "Unable connect to node with id 1 (said 49 times more in the 10 s before)",
    ]


def test_only_equal_sentences_of_foreign_loggers_are_held_back() -> None:
    log = Log()
    for _ in range(2):
        log.say("aiokafka", "node %s", 1)
        log.say("aiokafka", "node %s", 2)
        log.say("aiokafka.producer", "node %s", 1)
        log.say("streams.sink.texts", "a text is unknown")
        log.say("aiokafkaesque", "somebody else")
    ours = ["a text is unknown", "somebody else"]
    assert log.lines == ["node 1", "node 2", "node 1", *ours, *ours]


def test_what_is_quiet_for_long_is_said_as_if_for_the_first_time() -> None:
    log = Log()
    log.say("aiokafka", "gone")
    log.now = 3 * EVERY_S
    log.say("aiokafka", "gone")
    assert log.lines == ["gone", "gone"]


def test_it_remembers_a_bounded_number_of_sentences() -> None:
    log = Log()
    for number in range(1_000):
        log.say("aiokafka", "number %s", number)
    assert len(log._filter._said) == 200
    log.say("aiokafka", "number %s", 999)
    assert len(log.lines) == 1_000
