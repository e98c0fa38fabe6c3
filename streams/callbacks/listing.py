"""Who is owed a callback, for how long, and how one is closed by hand."""

from __future__ import annotations

from models.callbacks import Callback
from models.identity import mask
from models.numbers import all_forms, jid_forms
from streams.callbacks.changes import settle
from streams.kafka.compacted_reader import read_once
from streams.kafka.producer import DurableProducer
from streams.screening.rules.finding import duration
from streams.settings import KafkaSettings
from streams.views.callbacks import Callbacks
from streams.views.callers import Identities

SOURCE = "/ringfence/console"


async def owed(kafka: KafkaSettings, line: str | None) -> list[Callback]:
    """The open callbacks of a line or of all lines, the oldest first: the place in the queue."""
    known = Callbacks()
    await read_once(kafka, known)
    found = [each for each in known.values() if each.state == "open" and line in {None, each.line}]
    return sorted(found, key=lambda each: each.opened_at_ms)


async def close(kafka: KafkaSettings, caller: str, now_ms: int) -> bool:
    """Close the caller's callback, durably; False where none is open. May be repeated.

    Whichever JID of the caller is given, and whichever form of a number.
    """
    known, identities = Callbacks(), Identities()
    await read_once(kafka, known, identities)
    names = all_forms(identities.names_of(*jid_forms(caller)))
    records = [
        record for name in names for record in settle(known, name, "by hand", now_ms, SOURCE)
    ]
    if records:
        async with DurableProducer(kafka, "ringfence-console", flush_seconds=5) as producer:
            await producer.send(*records)
    return bool(records)


def records(callbacks: list[Callback], now_ms: int, *, full: bool) -> list[dict[str, object]]:
    """Each callback as a JSON object, as ``rows``; ``owed_for_ms`` is how long it has been open."""
    return [
        {
            "place": place,
            "caller": each.caller if full else mask(each.caller),
            "line": each.line,
            "tier": each.tier,
            "opened_at_ms": each.opened_at_ms,
            "owed_for_ms": now_ms - each.opened_at_ms,
            "rule": each.reason,
            "decision_id": each.decision_id,
        }
        for place, each in enumerate(callbacks, 1)
    ]


def rows(callbacks: list[Callback], now_ms: int, *, full: bool) -> list[tuple[str, ...]]:
    """A heading, and one row for each callback; numbers are masked unless ``full``."""
    return [
        ("place", "caller", "line", "tier", "for", "owed by rule", "call"),
        *(
            (
                str(place),
                each.caller if full else mask(each.caller),
                each.line,
                each.tier or "-",
                duration(now_ms - each.opened_at_ms),
                each.reason,
                each.decision_id,
            )
            for place, each in enumerate(callbacks, 1)
        ),
    ]
