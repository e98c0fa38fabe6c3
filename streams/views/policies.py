"""The policies in force: read from their topic, compiled, and replaced as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pydantic import ValidationError

from models import topics
from models.codec import UndecodableError, decode
from models.policy import Calendar, PolicyDocument, read_calendar, read_policy
from streams.log_events.kinds import EventLog
from streams.log_events.shared import PolicyNotInForce
from streams.policies.book import PolicyBook, PolicyInForce
from streams.policies.compile import PolicyError, compile_policy

log = EventLog(__name__)

Documents = Mapping[str, PolicyDocument]
"""By key."""


class Policies:
    """Follows the ``policies`` topic; a broken document never replaces one that works.

    A calendar that would break one policy is refused for all of them, and so is the removal of a
    calendar that a policy still uses. A refused document is tried again with every later one, so
    that a policy and a calendar that need each other come into force together. Workers read the
    same records in the same order, and so reach the same result.
    """

    topic = topics.POLICIES

    def __init__(self) -> None:
        self._on_topic: dict[str, PolicyDocument] = {}
        """The latest document of each key on the topic, in force or not."""
        self._in_force: dict[str, PolicyDocument] = {}
        self._startup_log: list[tuple[str, PolicyDocument | None]] | None = []
        """Every change read during the start, with history; None once the start is over."""
        self._ever: set[str] = set()
        self.book = PolicyBook({})
        """The compiled policies in force. Replaced as a whole, never changed in place."""
        self.faults: dict[str, str] = {}
        """By key: why the document on the topic is not in force."""

    def apply(self, key: bytes, value: bytes | None) -> None:
        """See ``CompactedView``."""
        name, history, _ = key.decode("utf-8", "replace").partition("@")
        found: PolicyDocument | None = None if value is None else decode(PolicyDocument, value)
        if found is not None and found.key != name:
            msg = f"a document called {found.key} stands under the key of {name}"
            raise UndecodableError(msg)
        self._ever.add(name)
        if self._startup_log is not None:
            ended = history and (found is None or found.removed)
            self._startup_log.append((name, None if ended else found))
        if history:
            return
        if found is None:
            self._on_topic.pop(name, None)
        else:
            self._on_topic[name] = found
        if self._startup_log is None:
            self._follow(name, found)
            if name in self.faults:
                self._log_fault(name)

    def complete(self) -> None:
        """See ``CompactedView``. Compiles only now: a policy may be read before its calendar.

        Where the documents do not compile together, all changes are replayed in their order, so
        that a worker that starts ends with the same policies as those that have been running.
        """
        startup_log, self._startup_log = self._startup_log or [], None
        if not self._switch(self._on_topic):
            on_topic, self._on_topic = self._on_topic, {}
            for name, document in startup_log:
                if document is None:
                    self._on_topic.pop(name, None)
                else:
                    self._on_topic[name] = document
                self._follow(name, document)
            self._on_topic = on_topic
            for name in self._in_force.keys() - on_topic.keys():
                self._follow(name, None)
        for name in self.faults:
            self._log_fault(name)

    def _log_fault(self, name: str) -> None:
        log.write(PolicyNotInForce(document=name, topic=self.topic.name, reason=self.faults[name]))

    def document(self, key: str) -> PolicyDocument | None:
        """The document on the topic under a key, in force or not (see ``faults``)."""
        return self._on_topic.get(key)

    def documents(self) -> Documents:
        """The latest document of each key on the topic, in force or not."""
        return dict(self._on_topic)

    def in_force(self) -> Documents:
        """Every document that is in force."""
        return dict(self._in_force)

    def ever_applied(self, key: str) -> bool:
        """Whether a document of this key was ever applied, even if it was removed since."""
        return key in self._ever

    def trial(self, documents: Iterable[PolicyDocument]) -> dict[str, str]:
        """The faults, by key, if these documents were applied to those in force.

        Changes nothing.
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
        """Put a change in force, with as many of the refused documents as work with it."""
        if any(self._switch(attempt) for attempt in self._attempts(name, document)):
            self._retry_refused()
        else:
            self.faults[name] = self._refusal(name, document)

    def _retry_refused(self) -> None:
        """Put in force what was refused and works by itself now, a removal too.

        Without this a worker that starts later, and sees only what stands on the topic, would do
        so alone.
        """
        while any(
            self._switch(self._alone(key, self._on_topic.get(key))) for key in sorted(self.faults)
        ):
            pass  # each switch takes at least one fault away, and may make room for another

    def _attempts(self, name: str, document: PolicyDocument | None) -> Iterator[Documents]:
        yield self._on_topic
        alone = self._alone(name, document)
        if document is not None:
            same = {
                key: each
                for key, each in self._on_topic.items()
                if each.applied_at_ms == document.applied_at_ms
            }  # documents with one time were applied by one command, and belong together
            yield {**alone, **same}
        yield alone

    def _alone(self, name: str, document: PolicyDocument | None) -> Documents:
        """What is in force, with this one change."""
        others = {key: each for key, each in self._in_force.items() if key != name}
        return others if document is None else {**others, name: document}

    def _switch(self, documents: Documents) -> bool:
        """Put these in force if all of them compile; else change nothing and return False."""
        by_line, faults = self._compiled(documents)
        if faults:
            return False
        self._in_force = dict(documents)
        self.book = self.book.followed_by(by_line)
        self.faults = {key: fault for key, fault in self.faults.items() if self._refused(key)}
        return True

    def _refused(self, key: str) -> bool:
        return self._on_topic.get(key) != self._in_force.get(key)

    def _refusal(self, name: str, document: PolicyDocument | None) -> str:
        _, faults = self._compiled(self._alone(name, document))
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
                faults[key] = _fault_text(exc)
        return by_line, faults


def _calendars(documents: Documents, faults: dict[str, str]) -> dict[str, Calendar]:
    shared: dict[str, Calendar] = {}
    for key, document in documents.items():
        if document.kind == "calendar":
            try:
                shared[document.name] = read_calendar(document.document)
            except ValidationError as exc:
                faults[key] = _fault_text(exc)
    return shared


def _calendars_of(documents: Documents) -> dict[str, PolicyDocument]:
    return {key: each for key, each in documents.items() if each.kind == "calendar"}


def _fault_text(exc: ValidationError | PolicyError) -> str:
    if isinstance(exc, PolicyError):
        return str(exc)
    found = exc.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)
