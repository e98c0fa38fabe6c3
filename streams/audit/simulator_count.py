"""Compares the audited calls with what the gateway simulator received.

The record is the JSON of the simulator's ``GET /_sim/record``. A part that is missing or has
another shape is not compared: a fault of the simulator is no contradiction on the topics.
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
    """The counts of a simulator's record that are compared; None: not in the record."""

    rejects: int | None
    """Rejects answered with 2xx."""
    texts: int | None
    violations: int
    second_rejects: int
    """Harmless: rejects are sent at least once."""
    second_texts: int
    violation_kinds: tuple[str, ...] = ()
    """The latest violations in words."""
    rejected_calls: frozenset[str] | None = None
    """Call ids whose reject was answered with 2xx; None: the simulator did not keep every
    request."""

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> SimulatorCounts:
        """Read a record; parts that it does not have become None, zero or empty."""
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
        """The counts, for the console and JSON."""
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
    """Where the simulator's counts contradict the topics.

    ``accepted`` counts the commands with an accepted outcome, by kind. ``whole`` says that
    ``cases`` holds every call; else calls are not compared one by one.
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
        # fewer accepted outcomes than answers is right: an answer can get lost on its way back
        if received is not None and claimed > received:
            yield AuditFinding(
                "simulator-differs",
                f"the outcomes say that {claimed} {kind}s were accepted,"
                f" the simulator accepted {received}",
            )
    if whole and counted.rejected_calls is not None:
        yield from _call_by_call(counted.rejected_calls, cases)


def _call_by_call(received: frozenset[str], cases: Iterable[AuditedCall]) -> Iterator[AuditFinding]:
    unasked = set(received)
    for case in cases:
        unasked -= {recorded.value.call_id for recorded in case.rejects}
        unasked.discard(case.call_id)
        for outcome in case.outcomes:
            value = outcome.value
            if (
                value.command == "reject"
                and value.result == "accepted"
                and value.call_id not in received
            ):
                yield AuditFinding(
                    "simulator-differs",
                    "the outcome says accepted, and the simulator accepted no reject of this call",
                    value.call_id,
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
