"""Every policy that was ever applied, with the shared calendars of its time, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pydantic import ValidationError

from models.policy import Calendar, Policy, PolicyDocument, read_calendar, read_policy
from streams.policies.book import RING_ALL, PolicyInForce
from streams.policies.compile import PolicyError, compile_policy


class NotOnRecordError(LookupError):
    """A decision quotes a policy or a calendar that was never applied; ``str()`` says which."""


class PolicyArchive:
    """Finds the policy that a decision was made by. Compiles each once.

    A policy's revision says nothing of the calendars that it shares with others, which change
    without it: a decision quotes those by a digest of their content.
    """

    def __init__(self, applied: Iterable[PolicyDocument]) -> None:
        """``applied``: everything that ever stood on the ``policies`` topic, in any order."""
        in_order = sorted(applied, key=lambda each: each.applied_at_ms)
        self._policies = {
            (each.name, each.revision): each for each in in_order if each.kind == "policy"
        }
        self._calendars = [each for each in in_order if each.kind == "calendar"]
        self._found: dict[tuple[str, str, tuple[tuple[str, str], ...]], PolicyInForce] = {}

    def find(self, line: str, revision: str, calendars: Mapping[str, str]) -> PolicyInForce:
        """The policy of a line (or ``*``) in this revision, with calendars of these digests.

        Raises ``NotOnRecordError``.
        """
        if (line, revision) == (RING_ALL.policy.line, RING_ALL.revision):
            return RING_ALL
        key = (line, revision, tuple(sorted(calendars.items())))
        if key not in self._found:
            self._found[key] = self._compiled(line, revision, calendars)
        return self._found[key]

    def _compiled(self, line: str, revision: str, digests: Mapping[str, str]) -> PolicyInForce:
        document = self._policies.get((line, revision))
        if document is None:
            msg = f"revision {revision} of the policy {line} was never applied"
            raise NotOnRecordError(msg)
        try:
            policy = read_policy(document.document)
        except ValidationError as exc:
            msg = f"revision {revision} of the policy {line} cannot be read by this version"
            raise NotOnRecordError(msg) from exc
        others: Mapping[str, str] = {}
        for shared in self._times():
            found = _with(policy, shared)
            if found is None:
                continue
            others = found.readings.calendars
            if not digests or digests == others:
                return replace(found, revision=revision)
        wrong = [name for name, digest in digests.items() if others.get(name) != digest]
        named = ", ".join(sorted(wrong)) or "that it reads"
        msg = f"the calendar {named} never was as this decision quotes it"
        raise NotOnRecordError(msg)

    def _times(self) -> Iterator[dict[str, Calendar]]:
        """The shared calendars as they were at each time, the latest first.

        A calendar that cannot be read any more is as none.
        """
        sets: list[dict[str, Calendar]] = [{}]
        for document in self._calendars:
            now = {name: each for name, each in sets[-1].items() if name != document.name}
            if not document.removed:
                try:
                    now[document.name] = read_calendar(document.document)
                except ValidationError:
                    continue
            sets.append(now)
        return reversed(sets)


def _with(policy: Policy, shared: Mapping[str, Calendar]) -> PolicyInForce | None:
    try:
        return compile_policy(policy, shared)
    except PolicyError:
        return None
