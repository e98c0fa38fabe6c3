"""Behind ``ringfence explain``: a call, or a caller's newest calls, in words, from the topics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from models import topics
from models.calls import CallOffered
from models.decisions import Decision
from models.identity import mask
from models.numbers import jid_forms
from models.patterns import CallerPattern
from models.topics import Topic
from streams.common.errors import RingfenceError
from streams.common.wording import moment
from streams.kafka.reader import Seen, TopicReader
from streams.settings import Settings
from streams.stories.narrative import StoryValue, narrate

STORY_TOPICS: Final = (
    topics.CALLS_EVENTS,
    topics.CALLS_LIFECYCLE,
    topics.CALLS_DECISIONS,
    topics.CALLS_COMMANDS,
    topics.MESSAGES_COMMANDS,
    topics.CALLS_OUTCOMES,
)

_LEAD_MS: Final = 60_000
"""Start to read this long before the call: clocks differ."""


@dataclass(frozen=True, slots=True)
class Found:
    """The calls that were asked for."""

    stories: list[list[Seen]]
    """The records of each, at least one."""
    more: int = 0
    """How many of the caller's calls were left out."""

    def lines(self) -> list[str]:
        """All of it in words."""
        lines: list[str] = []
        for story in self.stories:
            lines += [*([""] if lines else []), *narrate(story)]
        return [*lines, *self.rest()]

    def rest(self) -> list[str]:
        """That there are more, if there are."""
        every = self.more + len(self.stories)
        return ["", f"{self.more} more of this caller; --last {every} tells all"] * bool(self.more)


async def explain(settings: Settings, call_id: str) -> list[str]:
    """Describe one call: offer, facts, rules, verdict, what was sent, what came back.

    As ``find_call``.
    """
    return (await find_call(settings, call_id)).lines()


async def explain_caller(settings: Settings, jid: str, last: int) -> list[str]:
    """Describe the newest ``last`` calls of a caller, oldest first. As ``find_calls_of``."""
    return (await find_calls_of(settings, jid, last)).lines()


async def find_call(settings: Settings, call_id: str) -> Found:
    """Everything about the calls with this id, one for each WhatsApp line, by the line's name.

    Blocks until the topics are read. Raises ``RingfenceError``, with the range that was searched,
    where no topic holds the id, and ``EnvironmentFaultError`` as the reader does.
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
    by_line: dict[str, list[Seen]] = defaultdict(list)
    for seen in found:
        by_line[seen.value.line].append(seen)
    return Found([by_line[line] for line in sorted(by_line)])


async def find_calls_of(settings: Settings, jid: str, last: int) -> Found:
    """The newest ``last`` calls of a caller (a canonical JID) to any line, oldest first.

    A number is looked for in every form that WhatsApp may use (``models.numbers``). Raises as
    ``find_call``.
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
    # a story may consist of the decision alone: of an old call, nothing else is left
    stories = [
        [seen for seen in found if (seen.value.line, seen.value.call_id) == call] for call in newest
    ]
    return Found(stories, len(received) - len(newest))


def caller_of(text: str) -> str | None:
    """The canonical JID of a phone number or a JID; None for anything else, such as a call id."""
    try:
        found = CallerPattern.parse(text)
    except ValueError:
        return None
    return found.value if found.kind == "jid" else None


def _needles(*texts: str) -> list[bytes]:
    return [orjson.dumps(text)[1:-1] for text in texts]


async def _read(
    settings: Settings, read: Iterable[Topic], containing: Collection[bytes], since_ms: int | None
) -> list[Seen]:
    seens = await read_containing(settings, tuple(read), containing, since_ms)
    return [seen for seen in seens if isinstance(seen.value, StoryValue)]


async def read_containing(
    settings: Settings, read: Sequence[Topic], containing: Collection[bytes], since_ms: int | None
) -> list[Seen]:
    """The records of topics that hold one of these bytes, from a minute before ``since_ms`` on.

    Blocks until the topics are read, with progress on stderr. Raises as ``find_call``.
    """
    reader = TopicReader(settings.kafka, read, containing=containing)
    await reader.start()
    try:
        ends = await reader.ends()
        if since_ms is not None:
            await reader.seek_to_time(since_ms - _LEAD_MS)
        found: list[Seen] = []
        async for batch in reader.read_telling_progress(ends):
            found += batch
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
