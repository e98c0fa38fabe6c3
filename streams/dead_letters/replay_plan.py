"""Plans the replay of a dead letter: the records to write, or why it must not be replayed.

Does no IO.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from models.codec import Headers
from models.dead_letters import REPLAYS_HEADER
from models.records import Record
from models.topics import CALLS_DLQ, REPLAYABLE, Topic
from streams.bridge.intake import Intake
from streams.callers.keying import Callers
from streams.dead_letters.letter import Letter, original_headers
from streams.kafka.reader import Seen
from streams.settings import Settings

MOST_REPLAYS: Final = 3
"""A record that failed this often will fail again: its cause must be fixed first."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A letter that can be replayed."""

    letter: Letter
    records: Sequence[Record]
    """Empty for a webhook that the bridge can read by now, and of which it records nothing."""
    where: str
    """The names of their topics, for the console."""


@dataclass(frozen=True, slots=True)
class ReplayRefusal:
    """A letter that must not be replayed."""

    letter: Letter
    why: str
    """The reason, with a hint what to do."""


class Planner:
    """Plans replays with the configuration as it is now."""

    def __init__(
        self, settings: Settings, callers: Callers, *, most_replays: int = MOST_REPLAYS
    ) -> None:
        """``callers`` gives a replayed webhook the key that the bridge would give it now."""
        prefix = settings.kafka.topic_prefix
        self._callers = callers
        self._settings = settings
        self._most_replays = most_replays
        self._topics: Mapping[str, Topic] = {topic.full_name(prefix): topic for topic in REPLAYABLE}
        self._partitions = settings.kafka.partitions

    def plan(self, letter: Letter, seen: Seen) -> Replay | ReplayRefusal:
        """Plan the replay of a letter whose record is ``seen``; may be repeated."""
        if letter.handled is not None:
            return ReplayRefusal(
                letter, f"it is dealt with already: {letter.handled.how} by {letter.handled.author}"
            )
        if letter.cut:
            return ReplayRefusal(
                letter, "only a part of it was kept, for its size; have its sender send it again"
            )
        if letter.replays >= self._most_replays:
            why = (
                f"it was put back {letter.replays} times and died each time;"
                " fix the cause, then raise --max-replays"
            )
            return ReplayRefusal(letter, why)
        return self._webhook(letter, seen) if letter.origin is None else self._record(letter, seen)

    def _record(self, letter: Letter, seen: Seen) -> Replay | ReplayRefusal:
        origin = letter.origin
        topic = self._topics.get(origin.topic) if origin else None
        if origin is None or topic is None:
            named = origin.topic if origin else ""
            why = f"{named} is no topic of this configuration; check kafka.topic_prefix, or --demo"
            return ReplayRefusal(letter, why)
        # the key determines the partition; a record without one goes back to its own
        where = None if letter.key else origin.partition
        headers = _counted(original_headers(seen.headers), letter)
        return Replay(letter, (Record(topic, letter.key, seen.raw, headers, where),), origin.topic)

    def _webhook(self, letter: Letter, seen: Seen) -> Replay | ReplayRefusal:
        """Read the webhook again as the bridge would: by now it may know the line or the event."""
        gateway = letter.gateway
        if gateway is None or gateway not in self._settings.gateways:
            configured = ", ".join(sorted(self._settings.gateways)) or "none"
            why = (
                f"the webhook came from the gateway {gateway or '(not named)'}, "
                f"which is not under gateways (there: {configured}); "
                "add it, or have the gateway send it again"
            )
            return ReplayRefusal(letter, why)
        headers = {name: (value or b"").decode("utf-8", "replace") for name, value in seen.headers}
        read = Intake(self._settings, gateway, self._callers).read(seen.raw, headers, letter.at_ms)
        refused = [record for record in read.records if record.topic is CALLS_DLQ]
        if refused:
            fault = dict(refused[0].headers)["kafka_dlt-exception-message"].decode()
            why = (
                f"the bridge still cannot read it: {fault};"
                " fix that, or have the gateway send it again"
            )
            return ReplayRefusal(letter, why)
        records = [
            replace(record, headers=_counted(record.headers, letter)) for record in read.records
        ]
        names = dict.fromkeys(
            record.topic.full_name(self._settings.kafka.topic_prefix) for record in records
        )
        return Replay(
            letter, records, ", ".join(names) or "nowhere: it says nothing that is recorded"
        )


def _counted(headers: Headers, letter: Letter) -> Headers:
    return [*headers, (REPLAYS_HEADER, str(letter.replays + 1).encode())]
