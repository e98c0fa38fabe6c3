"""Reading the past from its topics, and deciding it once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaError

from models import topics
from models.calls import CallOffered
from models.policy import DAY_MS
from streams.common.errors import EnvironmentFaultError
from streams.common.progress import Progress
from streams.history.comparison import Comparison
from streams.history.decide_again import again
from streams.history.past import Past
from streams.kafka.compacted_reader import CompactedReader
from streams.kafka.reader import TopicReader
from streams.policies.book import PolicyBook
from streams.policy_admin.files import compile_files, read_file, read_folder
from streams.screening.facts import LineFacts
from streams.screening.retention import longest_keep_ms
from streams.settings import Settings
from streams.views.views import Views

LEAD_MS: Final = DAY_MS
"""Read at least this much before the range: what counts in a window or a block began earlier."""


async def replay(
    settings: Settings, *, from_ms: int, to_ms: int, files: Sequence[Path], line: str | None
) -> tuple[Comparison, Mapping[str, str]]:
    """Decide the calls that were received in a range once more, and compare.

    Also the revisions that decided.

    ``files`` are policies that stand for those in force, and calendars for them; the others stay.
    Reads only, and writes nowhere. Says on stderr how far it is. Raises ``ConfigurationError`` for
    a file that is wrong, ``EnvironmentFaultError`` where no broker answers or a topic is missing.
    """
    checked = [read_file(path) for path in files]
    known = await _known(settings)
    in_force = known.policies.book
    if not in_force.by_line:
        _, in_force = read_folder(settings)
    if checked:
        given = compile_files(checked, settings.lines, known.policies.calendars())
        in_force = in_force.followed_by({**in_force.by_line, **given.by_line})
    lead_ms = max(LEAD_MS, longest_keep_ms(in_force))
    past = await _past(settings, from_ms - lead_ms, to_ms)
    lines = {name: LineFacts(each.time_zone, each.locale) for name, each in settings.lines.items()}

    def wanted(offer: CallOffered) -> bool:
        return from_ms <= offer.received_at_ms < to_ms and line in {None, offer.line}

    comparison = Comparison()
    progress = Progress(len(past.offers))
    for call in again(past, in_force, known, lines, wanted):
        comparison.take(call)
        progress.advance(1)
    progress.done()
    return comparison, _revisions(in_force)


async def _past(settings: Settings, since_ms: int, to_ms: int) -> Past:
    reader = TopicReader(
        settings.kafka, (topics.CALLS_EVENTS, topics.MESSAGES_EVENTS, topics.CALLS_DECISIONS)
    )
    await reader.start()
    past = Past()
    try:
        ends = await reader.ends()
        await reader.seek_to_time(since_ms)
        progress = Progress(await reader.left(ends))
        async for batch in reader.read_to(ends):
            for seen in batch:
                if not isinstance(seen.value, CallOffered) or seen.value.received_at_ms < to_ms:
                    past.take(seen.value)
            progress.advance(len(batch))
        progress.done()
    finally:
        await reader.stop()
    return past


async def _known(settings: Settings) -> Views:
    known = Views.empty("history")
    reader = CompactedReader(
        settings.kafka,
        known.views(),
        on_undecodable=lambda _topic: None,
        on_failure=lambda _error: None,
    )
    try:
        await reader.start()
    except (KafkaError, OSError) as exc:
        where = settings.kafka.bootstrap_servers
        msg = f"Kafka at {where} does not answer ({exc}): see that it runs, then try again"
        raise EnvironmentFaultError(msg) from exc
    await reader.stop()
    return known


def _revisions(book: PolicyBook) -> dict[str, str]:
    return {name: each.revision for name, each in sorted(book.by_line.items())}
