"""Policy files: policies and shared calendars as people write them, read and compiled as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from models.policy import ANY_LINE, Calendar, Policy, PolicyDocument, read_calendar, read_policy, revision_of
from streams.documents import Document
from streams.errors import ConfigurationError
from streams.policies.book import PolicyBook
from streams.policies.compiling import PolicyError, compile_policy
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One file: a policy, or a calendar that several policies share."""

    source: Document
    checked: Policy | Calendar

    @property
    def kind(self) -> Literal["policy", "calendar"]:
        """What it holds."""
        return "policy" if isinstance(self.checked, Policy) else "calendar"

    @property
    def name(self) -> str:
        """The policy's line, or the calendar's name."""
        return self.checked.line if isinstance(self.checked, Policy) else self.checked.calendar

    @property
    def key(self) -> str:
        """The key of what it replaces on the ``policies`` topic."""
        return self.name if self.kind == "policy" else f"calendar/{self.name}"

    def document(self, *, author: str, at_ms: int, note: str = "", replaces: str | None = None) -> PolicyDocument:
        """The record that applies it."""
        return PolicyDocument(
            kind=self.kind,
            name=self.name,
            revision=revision_of(self.checked),
            author=author,
            note=note,
            applied_at_ms=at_ms,
            replaces=replaces,
            document=self.source.data,
        )


def read_file(path: Path) -> PolicyFile:
    """Read and check one file by itself; raises ``ConfigurationError`` with file, line and field of every fault."""
    source = Document(path)
    is_calendar = isinstance(source.data, dict) and "calendar" in source.data and "line" not in source.data
    try:
        return PolicyFile(source, read_calendar(source.data) if is_calendar else read_policy(source.data))
    except ValidationError as exc:
        raise source.refuse(exc) from None


def compile_files(
    files: Iterable[PolicyFile], lines: Iterable[str], shared: dict[str, Calendar] | None = None
) -> PolicyBook:
    """Compile files together, beside calendars that are applied already.

    Raises ``ConfigurationError`` for a policy of a line that is not configured, for two of one line, and for
    whatever cannot be compiled, with file, line and field. Nothing is taken unless everything is right.
    """
    files, configured = list(files), sorted(lines)
    calendars = dict(shared or {})
    origin: dict[tuple[str, str], PolicyFile] = {}
    for each in files:
        field = "line" if each.kind == "policy" else "calendar"
        if each.kind == "policy" and each.name != ANY_LINE and each.name not in configured:
            known = ", ".join(configured) or "none"
            raise each.source.fault((field,), f"{each.name!r} is not a configured line (there: {known})")
        former = origin.setdefault((each.kind, each.name), each)
        if former is not each:
            raise each.source.fault((field,), f"{each.name!r} has a {each.kind} already, in {former.source.path}")
        if isinstance(each.checked, Calendar):
            calendars[each.name] = each.checked
    compiled = {}
    for each in files:
        if isinstance(each.checked, Policy):
            try:
                compiled[each.name] = compile_policy(each.checked, calendars)
            except PolicyError as exc:
                faults = [each.source.fault(fault.where, fault.message) for fault in exc.faults]
                raise ConfigurationError("\n".join(map(str, faults))) from None
    return PolicyBook(compiled)


def read_folder(settings: Settings) -> tuple[list[PolicyFile], PolicyBook]:
    """Every policy file of the configuration's folder, and what they make together; raises as ``compile_files``."""
    folder = settings.policies
    if not folder.is_dir():
        msg = f"{folder}: the policies folder does not exist; create it, or name another under policies"
        raise ConfigurationError(msg)
    files = [read_file(path) for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])]
    if not files:
        msg = f'{folder}: no policy file (*.yaml) in it; write one with line: "*" to begin with'
        raise ConfigurationError(msg)
    return files, compile_files(files, settings.lines)
