"""Auditing what stands on the topics: which range is whole, and reading it once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from models.policy import ANY_LINE, TextGuard
from models.topics import STREAM_TOPICS
from streams.audit.audit import JUDGED, Audit
from streams.common.clock import now_ms
from streams.common.progress import Progress
from streams.kafka.reader import TopicReader
from streams.policy_admin.store import read_shelf
from streams.settings import Settings
from streams.stories.report import Report
from streams.stories.summary import SummaryTally

_LEAD_MS: Final = 60_000
"""Read this much before the range: repeats of earlier webhooks and clocks that differ must be
recognised."""

_EDGE_MS: Final = 5_000
"""A record that was written a little out of order at the edge of retention proves nothing."""


async def audit_topics(
    settings: Settings, since_ms: int | None, until_ms: int | None = None
) -> Report:
    """Audit the calls that were received from ``since_ms`` on, or from where every topic is still whole.

    Reads to the ends that the topics have at the start, so it ends while traffic runs. Says on
    stderr how far it is when that takes long. Raises ``EnvironmentFaultError`` as the reader does.
    """
    reader = TopicReader(settings.kafka, STREAM_TOPICS)
    await reader.start()
    try:
        since = await open_range(reader, since_ms)
        read_at_ms = now_ms()
        ends = await reader.ends()
        audit = Audit(
            reader.partitions,
            since_ms=since,
            until_ms=until_ms,
            clock=lambda: read_at_ms,
            cooldown_ms=await cooldowns(settings),
        )
        tally = SummaryTally(since_ms=since, until_ms=until_ms)
        progress = Progress(await reader.left(ends))
        async for batch in reader.read_to(ends):
            for seen in batch:
                audit.take(seen)
                tally.take(seen)
            progress.advance(len(batch))
        progress.done()
    finally:
        await reader.stop()
    return Report(tally.summary(), audit.finish())


async def open_range(reader: TopicReader, since_ms: int | None) -> int:
    """Place a reader before a range.

    Returns from when on calls can be judged: no part of them is retired.
    """
    whole_ms = await reader.whole_since_ms(JUDGED)
    since = max(since_ms or 0, whole_ms + _EDGE_MS if whole_ms else 0)
    if since:
        await reader.seek_to_time(since - _LEAD_MS)
    return since


async def cooldowns(settings: Settings) -> Callable[[str], int]:
    """Each line's cool-down between texts, by the policies that are in force now.

    Raises as the reader does.
    """
    policies = (await read_shelf(settings.kafka)).policies()
    usual = TextGuard()
    texts = {line: policy.texts for line, policy in policies.items()}
    return lambda line: texts.get(line, texts.get(ANY_LINE, usual)).cooldown
