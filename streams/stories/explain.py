"""Behind ``ringfence explain``: a call, or a caller's newest calls, in words, from the topics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import orjson

from models import topics
from models.calls import CallOffered
from models.decisions import Decision
from models.identity import mask
from models.numbers import jid_forms
from models.patterns import CallerPattern
from models.topics import Component, Topic, read_by
from streams.common.errors import RingfenceError
from streams.common.progress import Progress
from streams.common.wording import moment
from streams.kafka.reader import Seen, TopicReader
from streams.settings import Settings
from streams.stories.narrative import StoryValue, narrate

STORY_TOPICS: Final = read_by(Component.EXPLAIN)

_LEAD_MS: Final = 60_000
"""Start to read this long before the call: clocks differ."""


async def explain(settings: Settings, call_id: str) -> list[str]:
    """Describe one call: offer, facts, rules, verdict, what was sent, what came back.

    Calls with this id on several WhatsApp lines follow one after the other. Blocks until the topics
    are read. Raises ``RingfenceError``, with the range that was searched, where no topic holds the
    id, and ``EnvironmentFaultError`` as the reader does.
    """
    # look for the id in the bytes first: most records are about other calls, and need no decoding
    offers = await _read(settings, (topics.CALLS_EVENTS,), _needles(call_id), None)
    offers = [seen for seen in offers if seen.value.call_id == call_id]
    # decisions and outcomes are kept longer than offers, and may be all that is left
    since_ms = min((seen.value.received_at_ms for seen in offers), default=None)
    rest = tuple(topic for topic in STORY_TOPICS if topic is not topics.CALLS_EVENTS)
    found = offers + await _read(settings, rest, _needles(call_id), since_ms)
    found = [seen for seen in found if seen.value.call_id == call_id]
    if not found:
        what = f"no call with the id {call_id!r}"
        hint = "Call ids are the gateway's own, as calls.events and the audit show them"
        raise RingfenceError(await _searched(settings, what, hint))
    return _stories(found)


async def explain_caller(settings: Settings, jid: str, last: int) -> list[str]:
    """Describe the newest ``last`` calls of a caller (a canonical JID) to any line, oldest first.

    A number is looked for in every form that WhatsApp may use (``models.numbers``). Raises as
    ``explain``.
    """
    about = await _read(
        settings, (topics.CALLS_EVENTS, topics.CALLS_DECISIONS), _needles(*jid_forms(jid)), None
    )
    forms = set(jid_forms(jid))
    received: dict[tuple[str, str], int] = {}
    for seen in about:
        value = seen.value
        if isinstance(value, CallOffered | Decision) and forms & {
            value.caller,
            *getattr(value, "caller_known_as", ()),
        }:
            received.setdefault((value.line, value.call_id), value.received_at_ms)
    if not received:
        hint = "A caller may have called under another identity: a LID is no phone number"
        raise RingfenceError(await _searched(settings, f"no call of {mask(jid)}", hint))
    newest = sorted(received, key=lambda call: received[call])[-last:]
    since_ms = min(received[call] for call in newest)
    found = await _read(
        settings, STORY_TOPICS, _needles(*(call_id for _, call_id in newest)), since_ms
    )
    lines: list[str] = []
    for call in newest:
        # a story may consist of the decision alone: of an old call, nothing else is left
        story = [seen for seen in found if (seen.value.line, seen.value.call_id) == call]
        lines += [*([""] if lines else []), *narrate(story)]
    if len(received) > last:
        lines += [
            "",
            f"{len(received) - last} more of this caller; --last {len(received)} tells all",
        ]
    return lines


def caller_of(text: str) -> str | None:
    """The canonical JID of a phone number or a JID; None for anything else, such as a call id."""
    try:
        found = CallerPattern.parse(text)
    except ValueError:
        return None
    return found.value if found.kind == "jid" else None


def _needles(*texts: str) -> list[bytes]:
    return [orjson.dumps(text)[1:-1] for text in texts]


def _stories(found: Sequence[Seen]) -> list[str]:
    by_line: dict[str, list[Seen]] = defaultdict(list)
    for seen in found:
        by_line[seen.value.line].append(seen)
    lines: list[str] = []
    for line in sorted(by_line):
        if lines:
            lines.append("")
        lines += narrate(by_line[line])
    return lines


async def _read(
    settings: Settings, read: Iterable[Topic], containing: Collection[bytes], since_ms: int | None
) -> list[Seen]:
    reader = TopicReader(settings.kafka, tuple(read), containing=containing)
    await reader.start()
    try:
        ends = await reader.ends()
        if since_ms is not None:
            await reader.seek_to_time(since_ms - _LEAD_MS)
        total = await reader.left(ends)
        progress = Progress(total)
        found: list[Seen] = []
        left = total
        async for batch in reader.read_to(ends):
            found += [seen for seen in batch if isinstance(seen.value, StoryValue)]
            before, left = left, await reader.left(ends)
            progress.advance(before - left)
        progress.done()
    finally:
        await reader.stop()
    return found


async def _searched(settings: Settings, what: str, hint: str) -> str:
    parts = []
    for topic in STORY_TOPICS:
        reader = TopicReader(settings.kafka, (topic,))
        await reader.start()
        try:
            oldest = await reader.oldest_ms()
        finally:
            await reader.stop()
        parts.append(
            f"{topic.name} " + (f"since {moment(oldest)}" if oldest is not None else "(empty)")
        )
    return f"{what} on the topics; searched {', '.join(parts)}. {hint}; older calls are retired"
