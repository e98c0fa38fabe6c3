"""Every decision made again from its own record, under the policy that it quotes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from models.decisions import Decision
from streams.audit.derived import Derived, Result
from streams.audit.findings import AuditFinding
from streams.kafka.reader import RecordRef
from streams.policies.archive import NotOnRecordError, PolicyArchive
from streams.policies.data_versions import data_versions
from streams.screening.decide import decide
from streams.screening.facts import UnknowableError
from streams.screening.recorded import differences, facts_of

_KEPT: Final = 10_000


@dataclass(slots=True)
class Derivation:
    """Takes decisions one by one; each costs a tenth of a millisecond.

    Everything that a decision does is compared, its sentences (``why``) are not. They name who set
    a list entry, a block or a switch and for what reason, which no snapshot holds: it is a person's
    name. And they are words, which a later version may choose better: each decision of before would
    then be told as one that differs.
    """

    archive: PolicyArchive
    derived: Derived = field(default_factory=Derived)
    wrong: list[AuditFinding] = field(default_factory=list)
    """The first ``_KEPT`` of those that differ."""

    def take(self, taken: Decision, place: RecordRef | None = None) -> None:
        """Make one decision again, and note what comes of it."""
        result, why = self._derived(taken)
        self.derived.counts[result] += 1
        if result == "differs" and len(self.wrong) < _KEPT:
            self.wrong.append(AuditFinding("derived-otherwise", why, taken.call_id, place))

    def _derived(self, taken: Decision) -> tuple[Result, str]:
        snapshot = taken.snapshot
        if taken.repeated or snapshot is None:
            return "repeated" if taken.repeated else "without", ""
        calendars = snapshot.get("calendars", {})
        try:
            in_force = self.archive.find(taken.policy, taken.policy_revision, calendars)
            again = decide(in_force, facts_of(taken))
        except NotOnRecordError as exc:
            return "differs", str(exc)
        except UnknowableError as exc:
            if exc.part == "v" or exc.part in snapshot.get("truncated", ()):
                return "truncated", ""
            return "differs", f"the policy that it quotes reads {exc.part}, which is not on record"
        fields = differences(taken, again)
        if fields and snapshot.get("data") == data_versions():
            return "differs", _said(taken, again, fields)
        return "other-data" if fields else "same", ""


def _said(was: Decision, again: Decision, fields: tuple[str, ...]) -> str:
    parts = ", ".join(_parts(was, again, fields))
    return f"its record and its policy give another decision: {parts}"


def _parts(was: Decision, again: Decision, fields: tuple[str, ...]) -> Iterator[str]:
    for name in fields:
        if name == "facts":
            keys = [
                key
                for key in {**was.facts, **again.facts}
                if was.facts.get(key) != again.facts.get(key)
            ]
            yield f"facts {', '.join(keys)}"
        elif name == "rules":
            yield "what the rules said"
        else:
            yield f"{name} {getattr(again, name)}, not {getattr(was, name)}"
