"""Audits the topics once: finds the range in which they are complete, and reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from models import topics
from models.decisions import Decision
from models.policy import ANY_LINE, TextGuard
from streams.audit.audit import JUDGED, READ, Audit
from streams.audit.derivation import Derivation
from streams.audit.findings import Findings
from streams.audit.judged_range import JudgedRange
from streams.common.clock import now_ms
from streams.kafka.reader import Seen, TopicReader
from streams.policies.archive import PolicyArchive
from streams.policy_admin.store import Shelf, read_shelf
from streams.settings import Settings
from streams.stories.audited_summary import AuditedSummary
from streams.stories.summary import SummaryTally

AUDITED: Final = (*READ, topics.MESSAGES_EVENTS)
"""Also the keys of messages are checked."""

_LEAD_MS: Final = 60_000
"""Start to read this long before the range, to recognise repeats of earlier webhooks and to allow
for clocks that differ."""

_EDGE_MS: Final = 5_000
"""Distance from the edge of retention, where records are not in exact order of time."""


async def audit_topics(
    settings: Settings,
    since_ms: int | None,
    until_ms: int | None = None,
    *,
    rederive: bool = False,
) -> AuditedSummary:
    """Audit the calls received from ``since_ms`` (None: from where every topic is complete).

    ``rederive``: also make every decision on them again from its own record.

    Blocks until the topics are read to the ends they had at the start, so that it returns while
    traffic runs. Shows its progress on stderr when that takes long. Raises
    ``EnvironmentFaultError`` as the reader does.
    """
    reader = TopicReader(settings.kafka, AUDITED)
    await reader.start()
    try:
        shelf = await read_shelf(settings.kafka)
        judged = await open_range(reader, since_ms, until_ms)
        read_at_ms = now_ms()
        ends = await reader.ends()
        audit = Audit(
            reader.partitions,
            judged,
            clock=lambda: read_at_ms,
            cooldown_ms=_cooldowns(shelf),
        )
        derivation = Derivation(PolicyArchive(shelf.applied())) if rederive else None
        tally = SummaryTally(since_ms=judged.since_ms, until_ms=until_ms)
        async for batch in reader.read_telling_progress(ends):
            for seen in batch:
                audit.add(seen)
                tally.add(seen)
                if derivation is not None and isinstance(seen.value, Decision):
                    _derive(derivation, seen, judged)
    finally:
        await reader.stop()
    return AuditedSummary(tally.summary(), _with_derived(audit.finish(), derivation))


def _derive(derivation: Derivation, seen: Seen, judged: JudgedRange) -> None:
    taken: Decision = seen.value
    received_ms, until_ms = taken.received_at_ms, judged.until_ms
    if judged.since_ms <= received_ms and (until_ms is None or received_ms < until_ms):
        derivation.take(taken, seen.place)


def _with_derived(found: Findings, derivation: Derivation | None) -> Findings:
    if derivation is None:
        return found
    wrong = (*found.wrong, *derivation.wrong)
    return replace(found, wrong=wrong, derived=derivation.derived)


async def open_range(
    reader: TopicReader, asked_ms: int | None, until_ms: int | None = None
) -> JudgedRange:
    """Seek the reader to the start of a range, or where retention cuts it, a little later.

    Returns the range that can be judged: of calls received in it nothing is deleted.
    """
    whole = await reader.whole_since(JUDGED)
    edge_ms = whole.at_ms + _EDGE_MS if whole is not None else 0
    since = max(asked_ms or 0, edge_ms)
    if since:
        await reader.seek_to_time(since - _LEAD_MS)
    return JudgedRange(
        since_ms=since,
        until_ms=until_ms,
        asked_ms=asked_ms,
        cut=whole if since == edge_ms else None,
    )


async def cooldowns(settings: Settings) -> Callable[[str], int]:
    """Each line's cool-down between texts in ms, from the policies in force now.

    Raises as the reader does.
    """
    return _cooldowns(await read_shelf(settings.kafka))


def _cooldowns(shelf: Shelf) -> Callable[[str], int]:
    policies = shelf.policies()
    usual = TextGuard()
    texts = {line: policy.texts for line, policy in policies.items()}
    return lambda line: texts.get(line, texts.get(ANY_LINE, usual)).cooldown
