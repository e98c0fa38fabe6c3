"""The policies in force: read from their topic, compiled, and switched as a whole."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pydantic import ValidationError

from models import topics
from models.codec import UndecodableError, decode
from models.policy import Calendar, PolicyDocument, read_calendar, read_policy
from streams.policies.book import PolicyBook, PolicyInForce
from streams.policies.compile import PolicyError, compile_policy

log = logging.getLogger(__name__)

Documents = Mapping[str, PolicyDocument]
"""By key."""


class Policies:
    """Follows the ``policies`` topic.

    A document that cannot be compiled never replaces one that works.

    A calendar that would break one policy is refused for all of them, and so is the end of one that
    is still read. What was refused is tried again with whatever comes later: a policy and a
    calendar that need each other are switched together. All workers read the same records in the
    same order, and come to the same.
    """

    topic = topics.POLICIES

    def __init__(self) -> None:
        self._there: dict[str, PolicyDocument] = {}
        """What stands on the topic."""
        self._in_force: dict[str, PolicyDocument] = {}
        self._begun: list[tuple[str, PolicyDocument | None]] | None = []
        """Everything that was read so far, history too; None once the start is over."""
        self._ever: set[str] = set()
        self.book = PolicyBook({})
        """What is in force; replaced as a whole, never changed."""
        self.faults: dict[str, str] = {}
        """By key: why what stands on the topic is not in force."""

    def apply(self, key: bytes, value: bytes | None) -> None:
        """See ``View``."""
        name, history, _ = key.decode("utf-8", "replace").partition("@")
        found: PolicyDocument | None = None if value is None else decode(PolicyDocument, value)
        if found is not None and found.key != name:
            msg = f"a document called {found.key} stands under the key of {name}"
            raise UndecodableError(msg)
        self._ever.add(name)
        if self._begun is not None:
            ended = history and (found is None or found.removed)
            self._begun.append((name, None if ended else found))
        if history:
            return
        if found is None:
            self._there.pop(name, None)
        else:
            self._there[name] = found
        if self._begun is None:
            self._follow(name, found)
            if name in self.faults:
                log.error(
                    "the document %s on %s is not in force: %s",
                    name,
                    self.topic.name,
                    self.faults[name],
                )

    def complete(self) -> None:
        """See ``View``: compile what was read, for a policy may stand before the calendar that it reads.

        Where that does not work, everything is gone through again as it was applied, so that a
        worker that starts runs the same as those that run on.
        """
        begun, self._begun = self._begun or [], None
        if not self._switch(self._there):
            there, self._there = self._there, {}
            for name, document in begun:
                if document is None:
                    self._there.pop(name, None)
                else:
                    self._there[name] = document
                self._follow(name, document)
            self._there = there
            for name in self._in_force.keys() - there.keys():
                self._follow(name, None)
        for name, fault in self.faults.items():
            log.error("the document %s on %s is not in force: %s", name, self.topic.name, fault)

    def document(self, key: str) -> PolicyDocument | None:
        """The document that stands on the topic under a key.

        ``faults`` tells whether it is in force.
        """
        return self._there.get(key)

    def documents(self) -> Documents:
        """Everything that stands on the topic."""
        return dict(self._there)

    def in_force(self) -> Documents:
        """Every document that is in force."""
        return dict(self._in_force)

    def ever_applied(self, key: str) -> bool:
        """Whether anything ever stood under a key, even if it was removed since."""
        return key in self._ever

    def trial(self, documents: Iterable[PolicyDocument]) -> dict[str, str]:
        """What would be wrong, by key, if these were applied to what is in force.

        Nothing is changed.
        """
        tried = dict(self._in_force)
        for each in documents:
            tried.pop(each.key, None)
            if not each.removed:
                tried[each.key] = each
        return self._compiled(tried)[1]

    def calendars(self) -> dict[str, Calendar]:
        """The shared calendars in force, by name."""
        return _calendars(self._in_force, {})

    def _follow(self, name: str, document: PolicyDocument | None) -> None:
        """Put a change in force, with as much of what was refused before as works with it."""
        for attempt in self._attempts(name, document):
            if self._switch(attempt):
                return
        self.faults[name] = self._refusal(name, document)

    def _attempts(self, name: str, document: PolicyDocument | None) -> Iterator[Documents]:
        yield self._there
        others = self._in_force.keys() - {name}
        alone = {key: self._in_force[key] for key in others} | (
            {name: document} if document is not None else {}
        )
        if document is not None:
            same = {
                key: each
                for key, each in self._there.items()
                if each.applied_at_ms == document.applied_at_ms
            }  # what was applied at one time belongs together
            yield alone | same
        yield alone

    def _switch(self, documents: Documents) -> bool:
        """Put these in force if all of them can be compiled, else change nothing."""
        by_line, faults = self._compiled(documents)
        if faults:
            return False
        self._in_force = dict(documents)
        self.book = self.book.followed_by(by_line)
        self.faults = {key: fault for key, fault in self.faults.items() if self._refused(key)}
        return True

    def _refused(self, key: str) -> bool:
        return self._there.get(key) != self._in_force.get(key)

    def _refusal(self, name: str, document: PolicyDocument | None) -> str:
        documents = {key: each for key, each in self._in_force.items() if key != name}
        if document is not None:
            documents[name] = document
        _, faults = self._compiled(documents)
        own = faults.get(name)
        if own is not None:
            return own
        broken = "; ".join(f"{key}: {fault}" for key, fault in faults.items())
        return (
            f"{'it breaks' if document is not None else 'it is removed and still read:'} {broken}"
        )

    def _compiled(self, documents: Documents) -> tuple[dict[str, PolicyInForce], dict[str, str]]:
        faults: dict[str, str] = {}
        shared = _calendars(documents, faults)
        same_calendars = _calendars_of(documents) == _calendars_of(self._in_force)
        by_line: dict[str, PolicyInForce] = {}
        for key, document in documents.items():
            if document.kind != "policy":
                continue
            if same_calendars and self._in_force.get(key) == document:
                by_line[document.name] = self.book.by_line[document.name]
                continue
            try:
                compiled = compile_policy(read_policy(document.document), shared)
                by_line[document.name] = replace(compiled, revision=document.revision)
            except (ValidationError, PolicyError) as exc:
                faults[key] = _said(exc)
        return by_line, faults


def _calendars(documents: Documents, faults: dict[str, str]) -> dict[str, Calendar]:
    shared: dict[str, Calendar] = {}
    for key, document in documents.items():
        if document.kind == "calendar":
            try:
                shared[document.name] = read_calendar(document.document)
            except ValidationError as exc:
                faults[key] = _said(exc)
    return shared


def _calendars_of(documents: Documents) -> dict[str, PolicyDocument]:
    return {key: each for key, each in documents.items() if each.kind == "calendar"}


def _said(exc: ValidationError | PolicyError) -> str:
    if isinstance(exc, PolicyError):
        return str(exc)
    found = exc.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)
