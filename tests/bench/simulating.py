"""How long other policies take to be tried on so many recorded decisions: ``--simulate N``."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable, Iterator
from typing import Final

from aiokafka import AIOKafkaProducer

from models.calls import CallOffered
from models.contacts import Contact
from models.policy import DAY_MS, read_policy, revision_of
from models.records import Record, decision
from models.topics import CALLS_DECISIONS
from streams.common.clock import now_ms
from streams.history.read_past import Tried, Wanted, try_on_past
from streams.history.trial import Trial
from streams.kafka import topics_admin
from streams.kafka.connection import connection
from streams.kafka.partitioner import partition_of
from streams.policies.compile import compile_policy
from streams.screening.facts import LineFacts
from streams.screening.recent_calls import RecentCalls
from streams.screening.step import StepContext, step
from streams.screening.storms import Storms
from streams.settings import KafkaSettings
from tests.bench.deciding import POLICY, known_at

_SPAN_MS: Final = 3_600_000
_TEMPLATES: Final = 2_000
"""Decisions that are really made; the others are these under other ids."""
_PACKED: Final = 1_000
"""Records between two looks at how far the broker is."""
_OPEN: Final = {"calendar": "office", "week": {"mon-sun": ["00:00-24:00"]}}
_POLICY: Final = {**POLICY, "calendars": [_OPEN]}
"""Open all day, so that a benchmark at night asks as many rules."""
_LESS: Final = "vip"
"""The rule that the other policy is without."""


async def fill(kafka: KafkaSettings, decisions: int, progress: Callable[[str], None]) -> None:
    """Put so many decisions on the topic, of half an hour ago."""
    await topics_admin.apply(kafka)
    producer = AIOKafkaProducer(**connection(kafka), linger_ms=50, max_batch_size=512 * 1024)
    await producer.start()
    try:
        name = CALLS_DECISIONS.full_name(kafka.topic_prefix)
        templates = list(_decided(now_ms() - _SPAN_MS // 2))
        for n in range(decisions):
            record, call_id = templates[n % len(templates)]
            value = (record.value or b"").replace(call_id, b"%s-%d" % (call_id, n))
            partition = partition_of(record.key, kafka.partitions)
            await producer.send(name, value, record.key, partition, headers=record.headers)
            if n % _PACKED == 0:
                progress(f"{n} of {decisions} decisions written")
    finally:
        await producer.stop()


def _decided(at_ms: int) -> Iterator[tuple[Record, bytes]]:
    """Decisions by the policy of twelve rules, and the call id within each."""
    rng = random.Random(1)
    callers = [f"4420{number:08}@c.us" for number in rng.sample(range(10**8), _TEMPLATES)]
    policy, known = (
        compile_policy(read_policy(_POLICY), {}),
        known_at(at_ms, *_contacts(callers, at_ms)),
    )
    for n, caller in enumerate(callers):
        call = CallOffered(
            event_id="evt",
            gateway="office",
            line="london",
            session="default",
            call_id=f"call{n:06}",
            caller=caller,
            caller_raw=caller,
            offered_at_ms=at_ms - 200,
            time_source="payload",
            received_at_ms=at_ms,
        )
        context = StepContext(
            in_force=policy,
            offset=n,
            now_ms=at_ms,
            last_in_ms=rng.choice((0, at_ms - DAY_MS)),
            last_out_ms=0,
            history_incomplete=False,
            known=known,
            line=LineFacts("Europe/London"),
            storms=Storms(known.workers),
        )
        taken = step(RecentCalls(), call, context).decision
        yield decision(taken, "/bench", None), call.call_id.encode()


def _contacts(callers: list[str], at_ms: int) -> Iterator[Contact]:
    """Nine in ten are known, so that most calls pass all rules."""
    for n, caller in enumerate(callers):
        if n % 10:
            yield Contact(contact=caller, tier="gold", source="bench", at_ms=at_ms)


def measure(kafka: KafkaSettings, decisions: int) -> str:
    """One line for people. Raises ``RuntimeError`` where a decision is missing or not known."""
    document = {**_POLICY, "rules": [each for each in POLICY["rules"] if each["id"] != _LESS]}
    other = read_policy(document)
    trial = Trial({"*": (other, revision_of(other))}, {})
    wanted = Wanted(from_ms=now_ms() - 2 * _SPAN_MS, to_ms=now_ms() + _SPAN_MS)
    began, used = time.perf_counter(), _cpu_s()
    found: Tried = try_on_past(kafka, trial, wanted)
    took, used = time.perf_counter() - began, _cpu_s() - used
    counts = found.counts
    if counts.calls != decisions or counts.not_compared or not counts.changed:
        msg = f"{counts.calls} of {decisions} decided again, {counts.not_compared} not known"
        raise RuntimeError(msg)
    return (
        f"{decisions:,} decisions tried on 12 rules less one in {took:.1f} s "
        f"and {used:.1f} s of CPU beside the broker's ({1e6 * used / decisions:.0f} µs each), "
        f"{counts.changed:,} change"
    )


def _cpu_s() -> float:
    """Of this process and of those that it started and that have ended."""
    found = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in found)
