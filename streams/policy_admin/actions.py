"""What ``ringfence policy`` does with files and with what is applied.

Nothing here writes to Kafka.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import yaml

from models.codec import encode
from models.policy import Policy, PolicyDocument
from streams.common.errors import ConfigurationError, RingfenceError
from streams.common.wording import moment
from streams.policies.book import PolicyBook
from streams.policy_admin.case_words import CaseError
from streams.policy_admin.cases import CaseResult, run_case
from streams.policy_admin.files import PolicyFile, compile_files, read_files
from streams.policy_admin.store import Shelf, removal
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check of files that can be compiled found."""

    files: list[PolicyFile]
    passed: int
    """Cases that were decided as written."""
    faults: list[str]
    """What is wrong with the others, with file, line and trace."""
    by: Path | None = None
    """The file that was checked by itself; None: the files were checked together."""

    @property
    def failed(self) -> bool:
        """Whether a case failed."""
        return bool(self.faults)

    def lines(self) -> list[str]:
        """The report for people: the faults, or that there are none."""
        if self.faults:
            return self.faults
        names = ", ".join(each.key for each in self.files) if self.by is None else str(self.by)
        cases = f"{self.passed} case{'' if self.passed == 1 else 's'} decided as written"
        return [f"{names}: sound, {cases if self.passed else 'no cases to run'}"]


def check(paths: Iterable[Path], settings: Settings, shelf: Shelf | None) -> CheckReport:
    """Read and compile files together, beside what is applied where that is known; run their cases.

    Raises ``ConfigurationError`` with file, line and field of everything that is wrong.
    """
    return _check(read_files(paths), settings, shelf)


def check_alternatives(
    paths: Iterable[Path], settings: Settings, shelf: Shelf | None
) -> list[CheckReport]:
    """As ``check``, but policies of one and the same line are each checked by themselves.

    They are alternatives, such as the ready-made policies in one folder: no two can be in force.
    Calendars are read with each of them. Raises ``ConfigurationError`` with the faults of all.
    """
    files = read_files(paths)
    calendars = [each for each in files if each.kind == "calendar"]
    policies = [each for each in files if each.kind == "policy"]
    lines = Counter(each.name for each in policies)
    single = [each for each in policies if lines[each.name] == 1]
    groups: list[tuple[list[PolicyFile], Path | None]] = [
        ([each, *calendars], each.source.path) for each in policies if lines[each.name] > 1
    ]
    if single or not policies:
        groups.insert(0, ([*single, *calendars], None))
    reports, faults = [], dict[str, None]()
    for group, by in groups:
        try:
            reports.append(replace(_check(group, settings, shelf), by=by))
        except ConfigurationError as exc:
            faults |= dict.fromkeys(str(exc).splitlines())
    if faults:
        raise ConfigurationError("\n".join(faults))
    return reports


def _check(files: list[PolicyFile], settings: Settings, shelf: Shelf | None) -> CheckReport:
    calendars, standing = (shelf.calendars(), shelf.policies()) if shelf is not None else ({}, {})
    book = compile_files(files, settings.lines, calendars, standing)
    zones = {name: line.time_zone for name, line in settings.lines.items()}
    passed, faults = 0, []
    for file in files:
        for at, result in _cases(file, book, zones):
            if isinstance(result, CaseError):
                faults.append(
                    str(file.source.fault(("cases", at, "given", *result.where), str(result)))
                )
            elif result.wrong is not None:
                said = f"{result.wrong}; case {result.case.name!r}"
                faults.append(str(file.source.fault(("cases", at), said)))
                faults += [f"    {line}" for line in result.trace()]
            else:
                passed += 1
    return CheckReport(files, passed, faults)


def _cases(
    file: PolicyFile, book: PolicyBook, zones: dict[str, str]
) -> Iterator[tuple[int, CaseResult | CaseError]]:
    if not isinstance(file.checked, Policy):
        return
    for at, case in enumerate(file.checked.cases):
        try:
            yield at, run_case(book.by_line[file.name], case, zones)
        except CaseError as exc:
            yield at, exc


def differences(settings: Settings, what: str, shelf: Shelf) -> list[str]:
    """A unified diff from what is in force to a file, a folder, or a line's own file.

    Raises ``RingfenceError`` for a line that has no file and nothing in force.
    """
    path = Path(what)
    files = read_files([path if path.exists() else settings.policies])
    wanted = {each.key: each for each in files}
    in_force = shelf.in_force()
    if path.is_file():
        keys = sorted(wanted)
    elif path.exists():
        keys = sorted(wanted.keys() | in_force.keys())
    else:
        keys = [what]
        if what not in wanted and what not in in_force:
            known = ", ".join(sorted(wanted.keys() | in_force.keys())) or "nothing"
            msg = f"{what!r} is no file, and no policy of that name is there (there: {known})"
            raise RingfenceError(msg)
    found: list[str] = []
    for key in keys:
        there, file = in_force.get(key), wanted.get(key)
        before = _yaml(there.document).splitlines() if there else []
        after = _yaml(file.source.data).splitlines() if file else []
        old = f"{key} in force, revision {there.revision}" if there else f"{key}, nothing in force"
        new = str(file.source.path) if file else "no file"
        found += difflib.unified_diff(before, after, old, new, lineterm="")
    return found


def find(shelf: Shelf, key: str, revision: str | None) -> PolicyDocument:
    """What is in force under a key, or a former revision of it.

    Raises ``RingfenceError`` that lists what is there.
    """
    if revision is None:
        found = shelf.in_force().get(key)
        if found is None:
            known = ", ".join(sorted(shelf.in_force())) or "nothing"
            msg = f"nothing is in force for {key!r} (there: {known})"
            raise RingfenceError(msg)
        return found
    for each in shelf.history(key):
        if each.revision.startswith(revision) and not each.removed:
            return each
    known = ", ".join(dict.fromkeys(each.revision for each in shelf.history(key))) or "none"
    msg = f"{key!r} never had a revision {revision} (known: {known})"
    raise RingfenceError(msg)


def as_yaml(document: PolicyDocument) -> str:
    """The document as YAML, under a line that says where it comes from; comments were not kept."""
    return f"# {document.key}, {_said(document)}\n{_yaml(document.document)}"


def history_lines(shelf: Shelf, key: str) -> list[str]:
    """One line an application, the newest first.

    Raises ``RingfenceError`` where nothing was ever applied.
    """
    found = shelf.history(key)
    if not found:
        msg = f"nothing was ever applied for {key!r}"
        raise RingfenceError(msg)
    runs = shelf.in_force().get(key)
    lines = [_said(each) + ("  <- in force" if each == runs else "") for each in found]
    fault = shelf.faults.get(key)
    return [f"the newest is not in force: {fault}", *lines] if fault else lines


def history_json(shelf: Shelf, key: str) -> list[dict[str, Any]]:
    """As ``history_lines``, for other programs; ``fault`` is why the newest is not in force."""
    history_lines(shelf, key)  # refuses a name for which there is nothing
    runs = shelf.in_force().get(key)
    found = shelf.history(key)
    return [
        {
            "name": each.key,
            "revision": each.revision,
            "author": each.author,
            "note": each.note,
            "applied_at_ms": each.applied_at_ms,
            "replaces": each.replaces,
            "removed": each.removed,
            "in_force": each == runs,
            "fault": shelf.faults.get(key) if each is found[0] else None,
        }
        for each in found
    ]


def rolled_back(
    shelf: Shelf, key: str, revision: str | None, author: str, note: str, at_ms: int
) -> PolicyDocument:
    """The record that puts a former revision in force again.

    The one named, or the last that was another.

    Raises ``RingfenceError`` where there is none, where it is in force, and where it cannot be
    compiled any more.
    """
    runs = shelf.in_force().get(key)
    if revision is None:
        current = runs.revision if runs else None
        former = [
            each.revision
            for each in shelf.history(key)
            if not each.removed and each.revision != current
        ]
        if not former:
            msg = (
                f"there is no former revision of {key!r}; `ringfence policy history '{key}'` lists "
                "what was applied"
            )
            raise RingfenceError(msg)
        revision = former[0]
    found = find(shelf, key, revision)
    if runs is not None and runs.revision == found.revision:
        msg = f"revision {found.revision} of {key!r} is in force already"
        raise RingfenceError(msg)
    new = replace(
        found,
        author=author,
        note=note or f"back to revision {found.revision}",
        applied_at_ms=at_ms,
        replaces=runs.revision if runs else None,
    )
    return _possible(shelf, new)


def removed(shelf: Shelf, key: str, author: str, note: str, at_ms: int) -> PolicyDocument:
    """The record that takes away what is applied under a key.

    Raises ``RingfenceError`` where that cannot be.
    """
    found = shelf.document(key)
    if found is None:
        known = ", ".join(sorted(shelf.documents())) or "nothing"
        msg = f"nothing is applied for {key!r} (there: {known})"
        raise RingfenceError(msg)
    return _possible(shelf, removal(found, author=author, note=note, at_ms=at_ms))


def _possible(shelf: Shelf, document: PolicyDocument) -> PolicyDocument:
    faults = shelf.trial([document])
    if faults:
        said = "; ".join(f"{key}: {fault}" for key, fault in faults.items())
        msg = f"{document.key} stays as it is, for this cannot be in force: {said}"
        raise RingfenceError(msg)
    return document


def _said(document: PolicyDocument) -> str:
    what = "removed" if document.removed else f"revision {document.revision}"
    note = f": {document.note}" if document.note else ""
    return f"{moment(document.applied_at_ms)}  {what}  by {document.author}{note}"


def _yaml(data: Any) -> str:
    # through JSON, as on the topic: YAML's dates are texts there
    plain = orjson.loads(encode(data))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)
