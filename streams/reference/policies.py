"""The policies in force: read from their topic, compiled, and switched as a whole."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from models import topics
from models.codec import decode
from models.policy import Calendar, Policy, PolicyDocument, read_calendar, read_policy
from streams.policies.book import PolicyBook, PolicyInForce
from streams.policies.compiling import PolicyError, compile_policy

log = logging.getLogger(__name__)


class Policies:
    """Follows the ``policies`` topic. A document that cannot be compiled never replaces one that works."""

    topic = topics.POLICIES

    def __init__(self) -> None:
        self._documents: dict[str, PolicyDocument] = {}
        self._complete = False
        self.book = PolicyBook({})
        """What is in force; replaced as a whole, never changed."""
        self.faults: dict[str, str] = {}
        """By key: why a document on the topic is not in force."""

    def take(self, key: bytes, value: bytes | None) -> None:
        """See ``View``."""
        name = key.decode("utf-8", "replace")
        if "@" in name:
            return  # history
        found: PolicyDocument | None = None if value is None else decode(PolicyDocument, value)
        before = self._documents.get(name)
        if found is None:
            self._documents.pop(name, None)
        else:
            self._documents[name] = found
        if self._complete and not self._compile() and before is not None:
            # the next start compiles what stands on the topic; until then, what worked goes on working
            self._documents[name] = before

    def complete(self) -> None:
        """See ``View``: compile what was read, for a policy may stand before the calendar that it reads."""
        self._complete = True
        self._compile()

    def document(self, key: str) -> PolicyDocument | None:
        """The document in force under a key."""
        return self._documents.get(key)

    def _compile(self) -> bool:
        faults: dict[str, str] = {}
        shared = self._calendars(faults)
        by_line: dict[str, PolicyInForce] = {}
        for key, document in self._documents.items():
            if document.kind != "policy":
                continue
            try:
                by_line[document.name] = compile_policy(_read(document), shared)
            except (ValidationError, PolicyError) as exc:
                faults[key] = _said(exc)
                former = self.book.by_line.get(document.name)
                if former is not None:
                    by_line[document.name] = former
        for key, fault in faults.items():
            log.error("the document %s on %s is not in force: %s", key, self.topic.name, fault)
        self.faults = faults
        self.book = PolicyBook(by_line)
        return not faults

    def _calendars(self, faults: dict[str, str]) -> dict[str, Calendar]:
        shared: dict[str, Calendar] = {}
        for key, document in self._documents.items():
            if document.kind == "calendar":
                try:
                    shared[document.name] = read_calendar({**document.document, "calendar": document.name})
                except ValidationError as exc:
                    faults[key] = _said(exc)
        return shared


def _read(document: PolicyDocument) -> Policy:
    return read_policy(document.document)


def _said(exc: ValidationError | PolicyError) -> str:
    if isinstance(exc, PolicyError):
        return str(exc)
    found = exc.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)
