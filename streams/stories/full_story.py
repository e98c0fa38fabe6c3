"""Behind ``explain --full`` and ``explain --json``: a call with its words, and what came next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from models.calls import CallOffered
from models.decisions import Decision
from models.identity import mask
from models.numbers import all_forms
from models.outcomes import Outcome
from models.policy import Policy, read_policy
from models.topics import ATTRITION_EVENTS, CALLS_ANSWERS, CALLS_DECISIONS, MESSAGES_EVENTS
from streams.kafka.compacted_reader import read_once
from streams.kafka.reader import Seen
from streams.policy_admin.store import Shelf
from streams.settings import Settings
from streams.stories.afterwards import EarlierCall, Step, afterwards, as_lines
from streams.stories.explain import Found, read_containing
from streams.stories.narrative import narrate, order
from streams.stories.sent_words import SentWords, sent_words
from streams.views.callers import Contacts, Identities

_AFTERWARDS: Final = (MESSAGES_EVENTS, CALLS_DECISIONS, CALLS_ANSWERS, ATTRITION_EVENTS)

_JID: Final = re.compile(r"[0-9][0-9.:_-]{3,60}@[a-z][a-z.]*")


@dataclass(frozen=True, slots=True)
class FullStory:
    """One call, with what its records do not say by themselves."""

    records: list[Seen]
    call: EarlierCall | None = None
    """None where no decision is left, so that nothing more can be told."""
    words: SentWords | None = None
    """None where no text was sent."""
    steps: tuple[Step, ...] = ()

    def lines(self) -> Iterator[str]:
        """All of it in words; numbers are masked."""
        yield from narrate(self.records)
        if self.words is not None:
            yield ""
            yield from _words(self.words)
        if self.call is not None:
            yield ""
            yield from as_lines(self.call, list(self.steps))

    def as_json(self) -> dict[str, Any]:
        """All of it as a JSON object."""
        first = self.records[0].value
        return {
            "call_id": first.call_id,
            "line": first.line,
            "gateway": first.gateway,
            "caller": next((each.value.caller for each in self.records if each.value.caller), None),
            "records": [_record(each) for each in sorted(self.records, key=order)],
            "words": asdict(self.words) if self.words is not None else None,
            "next": [asdict(step) for step in self.steps],
        }


async def full_stories(settings: Settings, found: Found) -> list[FullStory]:
    """The calls with the words of their texts and the caller's next steps.

    Blocks until the topics are read. Raises ``EnvironmentFaultError`` as the reader does.
    """
    shelf, contacts, identities = Shelf(), Contacts(), Identities()
    await read_once(settings.kafka, shelf, contacts, identities)
    made = []
    for records in found.stories:
        decision = _decision(records)
        if decision is None:
            made.append(FullStory(records))
            continue
        call = _earlier(decision, records, identities)
        needles = [orjson.dumps(name)[1:-1] for name in sorted(call.names)]
        later = await read_containing(settings, _AFTERWARDS, needles, call.received_at_ms)
        sent = _sent(records)
        words = None
        if sent is not None:
            policy = _policy(shelf, decision)
            contact = contacts.of_any(sorted(call.names))
            words = sent_words(decision, sent, policy, settings.lines.get(decision.line), contact)
        steps = afterwards(call, (seen.value for seen in later))
        made.append(FullStory(records, call, words, tuple(steps)))
    return made


def without_numbers(value: Any) -> Any:
    """A JSON value in which every JID is masked."""
    match value:
        case str():
            return _JID.sub(lambda found: mask(found[0]), value) if "@" in value else value
        case dict():
            return {without_numbers(name): without_numbers(each) for name, each in value.items()}
        case list():
            return [without_numbers(each) for each in value]
        case _:
            return value


def as_json(stories: Sequence[FullStory], *, full: bool) -> list[Any]:
    """The calls for other programs; numbers are masked unless ``full``."""
    made: list[Any] = orjson.loads(orjson.dumps([each.as_json() for each in stories]))
    return made if full else [without_numbers(each) for each in made]


def _decision(records: Sequence[Seen]) -> Decision | None:
    """The decision that counts: the first on its topic."""
    decisions = [seen for seen in records if isinstance(seen.value, Decision)]
    first = min(decisions, key=lambda seen: (seen.partition, seen.offset), default=None)
    return None if first is None else first.value


def _earlier(decision: Decision, records: Sequence[Seen], identities: Identities) -> EarlierCall:
    known_as = [
        name
        for seen in records
        if isinstance(seen.value, CallOffered)
        for name in seen.value.caller_known_as
    ]
    texts = {
        seen.value.message_id
        for seen in records
        if isinstance(seen.value, Outcome) and seen.value.message_id is not None
    }
    return EarlierCall(
        decision_id=decision.decision_id,
        line=decision.line,
        names=frozenset(all_forms(identities.names_of(decision.caller, *known_as))),
        received_at_ms=decision.received_at_ms,
        texts=texts,
    )


def _sent(records: Sequence[Seen]) -> Outcome | None:
    """The outcome of a text that was sent, or may have been."""
    return next(
        (
            seen.value
            for seen in records
            if isinstance(seen.value, Outcome)
            and seen.value.command == "text"
            and seen.value.result in {"accepted", "unknown"}
        ),
        None,
    )


def _policy(shelf: Shelf, decision: Decision) -> Policy | None:
    """The revision that a decision quotes, where it is still on its topic."""
    documents = [*shelf.history(decision.policy), *shelf.in_force().values()]
    for each in documents:
        if (each.key, each.revision) == (decision.policy, decision.policy_revision):
            return read_policy(each.document)
    return None


def _words(words: SentWords) -> Iterator[str]:
    if words.text is None:
        yield f"words: not known; {'; '.join(words.notes)}"
        return
    yield "words, rendered once more from that revision of the policy:"
    yield from (f"    {line}" for line in words.text.splitlines())
    yield from (f"    ({note})" for note in words.notes)


def _record(seen: Seen) -> dict[str, Any]:
    return {
        "topic": seen.topic.name,
        "partition": seen.partition,
        "offset": seen.offset,
        "at_ms": seen.timestamp_ms,
        "value": seen.value,
    }
