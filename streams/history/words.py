"""What came of trying policies on the past: lines for people, and JSON. Callers are masked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from models.identity import mask
from streams.common.table import table
from streams.common.wording import DECIDERS, count, moment
from streams.history.read_past import Tried, Wanted
from streams.history.simulation import Change, Ruling, Share, Turn

CALLERS_SHOWN: Final = 20

PARTS: Final[Mapping[str, str]] = {
    "snapshot": "decided by a version that recorded nothing of what was read",
    "v": "recorded by a newer version",
    "agents": "the line's agents",
    "waiting": "how many callers waited for a callback",
    "bridges": "the recording bridges",
    "holes": "outages of the gateway, as short and as long ago as a rule asks for",
    "storms": "how many strangers called, and what storm there was before",
    "lists": "whether a list held the caller",
    "claimed_lists": "whether a list held who the caller's client said it was",
    "calls_ago_ms": "calls beyond the newest ones",
    "calls_reach_ms": "calls longer ago than they were kept",
    "known_as": "all identities of the caller",
    "claims": "all identities that the caller's client gave",
    "contact": "the contact record",
    "switches": "the night switches",
}
"""What is not on record, by the field of ``models.snapshot`` that a rule asked for."""


@dataclass(frozen=True, slots=True)
class Account:
    """What was tried, on which calls, and what came of it."""

    revisions: Mapping[str, str]
    """Of the policies, by their line."""
    wanted: Wanted
    tried: Tried

    def callers(self) -> list[tuple[str, int]]:
        """The callers with most calls that change, masked."""
        return [
            (mask(caller), calls)
            for caller, calls in self.tried.counts.callers.most_common(CALLERS_SHOWN)
        ]

    def unknown(self) -> list[tuple[str, int]]:
        """Calls that cannot be decided again, by what is not known of them."""
        counts = self.tried.counts
        found = [(part_words(part), calls) for part, calls in counts.unknown.most_common()]
        if counts.repeated:
            found.append(("repeated after an interruption", counts.repeated))
        return found

    def lines(self, *, every: bool) -> Iterator[str]:
        """For the console; ``every``: also each call that changes, as far as they are kept."""
        counts = self.tried.counts
        named = ", ".join(f"{line} {revision}" for line, revision in self.revisions.items())
        yield f"policies    {named or 'none: every call rings'}"
        yield f"calls       {self._calls()}"
        yield from self._apart()
        rows = [
            (f"{ruling_words(each)}", str(counts.was[each]), str(counts.would[each]))
            for each in sorted({*counts.was, *counts.would}, key=ruling_words)
        ]
        yield from _indented(table([("", "was", "would be"), *rows], right=2) if rows else ())
        yield f"differing   {count(counts.changed, 'call')}"
        for (was, would), number in counts.changes.most_common():
            yield f"{'':12}{number} from {ruling_words(was)} to {ruling_words(would)}"
        for title, shares in (
            ("by tier", counts.tiers),
            ("by line", counts.lines),
            ("by hour", counts.hours),
        ):
            yield from _share_lines(title, shares)
        yield from _titled("callers", [f"{who}  {calls}" for who, calls in self.callers()])
        yield from _titled("in shadow", self._shadow())
        yield from _titled(
            "failed", [f"{rule}  {calls} times" for rule, calls in counts.failed.most_common()]
        )
        if every:
            yield from map(_change_line, counts.examples)

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with nobody's number in it."""
        counts, wanted = self.tried.counts, self.wanted
        return {
            "policies": dict(self.revisions),
            "from_ms": wanted.from_ms,
            "to_ms": wanted.to_ms,
            "line": wanted.line,
            "record_since_ms": self.tried.cut.at_ms if self.tried.cut is not None else None,
            "calls": counts.calls,
            "not_known": dict(counts.unknown),
            "repeated": counts.repeated,
            "undecodable": counts.undecodable,
            "was": _rulings(counts.was),
            "would_be": _rulings(counts.would),
            "differing": counts.changed,
            "changes": [
                {"was": was._asdict(), "would_be": would._asdict(), "calls": calls}
                for (was, would), calls in counts.changes.most_common()
            ],
            "tiers": _shares(counts.tiers),
            "lines": _shares(counts.lines),
            "hours": _shares(counts.hours),
            "callers": [{"caller": who, "calls": calls} for who, calls in self.callers()],
            "shadow": dict(counts.shadow),
            "shadow_not_known": dict(counts.shadow_unknown),
            "failed": dict(counts.failed),
            "examples": [
                {**each._asdict(), "was": each.was._asdict(), "would": each.would._asdict()}
                for each in counts.examples
            ],
        }

    def _calls(self) -> str:
        wanted = self.wanted
        start, end = moment(wanted.from_ms)[:19], moment(wanted.to_ms)[:19]
        line = f" to {wanted.line}" if wanted.line is not None else ""
        return f"{count(self.tried.counts.calls, 'call')}{line}, {start} to {end}"

    def _apart(self) -> Iterator[str]:
        counts = self.tried.counts
        if self.tried.cut is not None:
            since = moment(self.tried.cut.at_ms)[:19]
            yield f"{'':12}decisions are on record from {since} on"
        if counts.not_compared:
            yield f"{'':12}and {count(counts.not_compared, 'call')} that cannot be decided again:"
            for what, calls in self.unknown():
                yield f"{'':14}{calls} {what}"
        if counts.undecodable:
            yield f"{'':12}and {count(counts.undecodable, 'record')} that cannot be read"

    def _shadow(self) -> list[str]:
        counts = self.tried.counts
        hits = [
            f"{rule} would have applied to {count(calls, 'call')}"
            for rule, calls in counts.shadow.most_common()
        ]
        return hits + [
            f"of {count(calls, 'call')} it is not known: {part_words(part)}"
            for part, calls in counts.shadow_unknown.most_common()
        ]


def ruling_words(ruling: Ruling) -> str:
    """``reject by text-first``, ``ring by the policy's default``."""
    if ruling.by == "rule" and ruling.rule is not None:
        return f"{ruling.verdict} by {ruling.rule}"
    return f"{ruling.verdict} by {DECIDERS.get(ruling.by, ruling.by)}"


def part_words(part: str) -> str:
    """What is not on record, in words."""
    words = PARTS.get(part)
    return words if part in {"snapshot", "v"} and words else f"not on record: {words or part}"


def turn_words(turns: Counter[Turn], other: int) -> str:
    """``3 ring to reject, 1 by another rule``."""
    found = [f"{calls} {turn.was} to {turn.would}" for turn, calls in turns.most_common()]
    return ", ".join(found + ([f"{other} by another rule"] if other else []))


def changed(share: Share) -> int:
    """How many of a share's calls change."""
    return share.turns.total() + share.other


def _share_lines(title: str, shares: Mapping[str, Share]) -> Iterator[str]:
    rows = [
        (name, f"{changed(share)} of {share.calls}", turn_words(share.turns, share.other))
        for name, share in sorted(shares.items())
        if changed(share)
    ]
    yield from _titled(title, list(table(rows)) if rows else [])


def _titled(title: str, lines: list[str]) -> Iterator[str]:
    for n, line in enumerate(lines):
        yield f"{title if not n else '':12}{line}"


def _indented(lines: Iterator[str] | tuple[str, ...]) -> Iterator[str]:
    for line in lines:
        yield f"{'':12}{line}"


def _change_line(each: Change) -> str:
    return (
        f"  {moment(each.at_ms)[:19]}  {each.line}  {each.caller}  {each.call_id}: "
        f"{ruling_words(each.was)}, would be {ruling_words(each.would)}: {each.why}"
    )


def _rulings(of: Counter[Ruling]) -> list[dict[str, Any]]:
    return [{**ruling._asdict(), "calls": calls} for ruling, calls in of.most_common()]


def _shares(of: Mapping[str, Share]) -> dict[str, Any]:
    return {
        name: {
            "calls": share.calls,
            "turns": [{**turn._asdict(), "calls": n} for turn, n in share.turns.most_common()],
            "by_another_rule": share.other,
        }
        for name, share in sorted(of.items())
    }
