"""Comparing the audit's cases with what the gateway simulator received. Pure.

The record is the JSON of the simulator's ``GET /_sim/record``. Whatever of it is missing, or of
another shape, is not compared: a fault of the simulator is no contradiction on the topics.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from streams.audit.audited_call import AuditedCall
from streams.audit.findings import AuditFinding

_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class SimulatorCounts:
    """The counts of a simulator's record that can be compared; None: not in the record."""

    rejects: int | None
    """Rejects answered with 2xx."""
    texts: int | None
    violations: int
    second_rejects: int
    """Harmless: rejects are at-least-once."""
    second_texts: int
    violation_kinds: tuple[str, ...] = ()
    """What the latest violations were."""
    rejected_calls: frozenset[str] | None = None
    """Ids of the calls of which a reject was answered with 2xx; None: not every request was
    kept."""

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> SimulatorCounts:
        """Take what is understood of a record."""
        requests = _mapping(record, "requests")
        duplicates = _mapping(record, "duplicates")
        recent = [entry for entry in record.get("recent") or () if isinstance(entry, Mapping)]
        whole = requests is not None and len(recent) == sum(
            _number(count) for kind, count in requests.items() if "." not in str(kind)
        )
        return cls(
            rejects=_answered(requests, "reject"),
            texts=_answered(requests, "text"),
            violations=_number(record.get("violations")),
            second_rejects=_number((duplicates or {}).get("reject")),
            second_texts=_number((duplicates or {}).get("text")),
            violation_kinds=tuple(
                str(entry.get("what"))
                for entry in record.get("recent_violations") or ()
                if isinstance(entry, Mapping)
            ),
            rejected_calls=frozenset(_rejected_calls(recent)) if whole else None,
        )

    def as_dict(self) -> dict[str, int]:
        """The counts, for people and JSON."""
        named = {
            "rejects": self.rejects,
            "texts": self.texts,
            "violations": self.violations,
            "second_rejects": self.second_rejects,
            "second_texts": self.second_texts,
        }
        return {name: number for name, number in named.items() if number is not None}


def compare(
    counted: SimulatorCounts,
    cases: Iterable[AuditedCall],
    *,
    accepted: Mapping[str, int],
    whole: bool,
) -> Iterator[AuditFinding]:
    """What the simulator counted otherwise than the topics say.

    ``accepted`` counts the commands that have an accepted outcome, by kind; ``whole`` says that
    ``cases`` are all of them.
    """
    if counted.violations:
        named = "; ".join(dict.fromkeys(counted.violation_kinds[:_NAMED]))
        yield AuditFinding(
            "simulator-violation",
            f"{counted.violations} requests that no gateway documents"
            + (f": {named}" if named else ""),
        )
    if counted.second_texts:
        yield AuditFinding(
            "simulator-second-text", f"{counted.second_texts} texts that no rejected call was owed"
        )
    pairs: tuple[tuple[Literal["reject", "text"], int | None], ...] = (
        ("reject", counted.rejects),
        ("text", counted.texts),
    )
    for kind, received in pairs:
        claimed = accepted.get(kind, 0)
        # fewer outcomes than answers can be right: an answer that was lost on its way is no
        # accepted outcome
        if received is not None and claimed > received:
            yield AuditFinding(
                "simulator-differs",
                f"the outcomes say that {claimed} {kind}s were accepted, the simulator accepted {received}",
            )
    if whole and counted.rejected_calls is not None:
        yield from _call_by_call(counted.rejected_calls, cases)


def _call_by_call(received: frozenset[str], cases: Iterable[AuditedCall]) -> Iterator[AuditFinding]:
    unasked = set(received)
    for case in cases:
        unasked -= {recorded.value.call_id for recorded in case.rejects}
        unasked.discard(case.call_id)
        for outcome in case.outcomes:
            said = outcome.value
            if (
                said.command == "reject"
                and said.result == "accepted"
                and said.call_id not in received
            ):
                yield AuditFinding(
                    "simulator-differs",
                    "the outcome says accepted, and the simulator accepted no reject of this call",
                    said.call_id,
                    outcome.place,
                )
    for call_id in sorted(unasked):
        yield AuditFinding(
            "simulator-differs",
            "the simulator accepted a reject that no command asked for",
            call_id,
        )


def _rejected_calls(recent: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for entry in recent:
        call_id = entry.get("call_id")
        if (
            entry.get("kind") == "reject"
            and 200 <= _number(entry.get("status")) < 300
            and isinstance(call_id, str)
        ):
            yield call_id


def _answered(requests: Mapping[str, Any] | None, kind: str) -> int | None:
    if requests is None:
        return None
    return sum(
        _number(count) for name, count in requests.items() if str(name).startswith(f"{kind}.2")
    )


def _mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    found = record.get(name)
    return found if isinstance(found, Mapping) else None


def _number(value: object) -> int:
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
