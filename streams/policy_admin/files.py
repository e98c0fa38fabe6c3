"""Policies and shared calendars as people write them, read and compiled as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from models.codec import encode
from models.policy import (
    ANY_LINE,
    Calendar,
    Policy,
    PolicyDocument,
    read_calendar,
    read_policy,
    revision_of,
)
from streams.common.errors import ConfigurationError
from streams.common.yaml_source import YamlSource
from streams.policies.book import PolicyBook
from streams.policies.calendar import CalendarError, OpeningHours, resolve
from streams.policies.compile import PolicyError, compile_policy
from streams.policies.lint import lint
from streams.settings import Settings

_MOST_BYTES: Final = 400_000
"""Of one document: it is written twice, and all that is applied at one time has to fit into one
batch of Kafka's."""
_MOST_ON_DISK: Final = 2_000_000
"""With comments and indentation. YAML takes minutes for more."""
_LISTS: Final = (
    "keep long lists of callers with `ringfence lists import`, and name the list in the rule"
)


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One file: a policy, or a calendar that several policies share."""

    source: YamlSource
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

    def document(
        self, *, author: str, at_ms: int, note: str = "", replaces: str | None = None
    ) -> PolicyDocument:
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
    """Read and check one file by itself.

    Raises ``ConfigurationError`` with file, line and field of every fault.
    """
    if path.is_file() and path.stat().st_size > _MOST_ON_DISK:
        msg = f"{path}:1: a policy file has {_MOST_ON_DISK // 1000} kB at most; {_LISTS}"
        raise ConfigurationError(msg)
    source = YamlSource(path)
    is_calendar = (
        isinstance(source.data, dict) and "calendar" in source.data and "line" not in source.data
    )
    try:
        return PolicyFile(
            source, read_calendar(source.data) if is_calendar else read_policy(source.data)
        )
    except ValidationError as exc:
        raise source.refuse(exc) from None


def read_files(paths: Iterable[Path]) -> list[PolicyFile]:
    """Read files, and whatever stands in folders.

    Raises one ``ConfigurationError`` with the faults of all.
    """
    files: list[PolicyFile] = []
    faults: list[str] = []
    for path in paths:
        for each in _in_folder(path) if path.is_dir() else [path]:
            try:
                files.append(read_file(each))
            except ConfigurationError as exc:
                faults.append(str(exc))
    if faults:
        raise ConfigurationError("\n".join(faults))
    return files


def compile_files(
    files: Iterable[PolicyFile],
    lines: Iterable[str],
    shared: Mapping[str, Calendar] | None = None,
    standing: Mapping[str, Policy] | None = None,
) -> PolicyBook:
    """Compile files together, beside calendars and policies that are applied already.

    Raises ``ConfigurationError`` for a policy of a line that is not configured, for two of one
    line, for a calendar that an applied policy could not go on with, and for whatever cannot be
    compiled, with file, line and field. Nothing is taken unless everything is right.
    """
    files = list(files)
    _check_names(files, sorted(lines))
    for each in files:
        _check_form(each)
        _check_limits(each, sorted(lines))
    ours = {each.name: each for each in files if each.kind == "calendar"}
    calendars = {
        **(shared or {}),
        **{each.name: each.checked for each in files if isinstance(each.checked, Calendar)},
    }
    faults = [fault for each in ours.values() for fault in _calendar_faults(each, calendars)]
    compiled = {}
    # a policy that reads a calendar with a fault would only say the same again
    for each in files if not faults else ():
        if isinstance(each.checked, Policy):
            try:
                compiled[each.name] = in_force = compile_policy(each.checked, calendars)
                faults += [
                    str(each.source.fault(fault.where, fault.message)) for fault in lint(in_force)
                ]
            except PolicyError as exc:
                faults += [
                    str(each.source.fault(fault.where, fault.message)) for fault in exc.faults
                ]
    if ours and not faults:
        for name, policy in (standing or {}).items():
            if name not in compiled:
                faults += _broken(name, policy, calendars, ours)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return PolicyBook(compiled)


def _check_names(files: list[PolicyFile], configured: list[str]) -> None:
    origin: dict[str, PolicyFile] = {}
    for each in files:
        field = "line" if each.kind == "policy" else "calendar"
        if each.kind == "policy" and each.name != ANY_LINE and each.name not in configured:
            known = ", ".join(configured) or "none"
            raise each.source.fault(
                (field,), f"{each.name!r} is not a configured line (there: {known})"
            )
        former = origin.setdefault(each.key, each)
        if former is not each:
            raise each.source.fault(
                (field,), f"{each.name!r} has a {each.kind} already, in {former.source.path}"
            )


def _check_limits(file: PolicyFile, configured: list[str]) -> None:
    """Raise for a rule that is limited to a line which is not there, or not the policy's own."""
    for at, rule in enumerate(file.checked.rules if isinstance(file.checked, Policy) else ()):
        possible = configured if file.name == ANY_LINE else [file.name]
        wrong = [
            line for line in (rule.when.lines if rule.when else None) or () if line not in possible
        ]
        if wrong:
            known = ", ".join(possible) or "none"
            msg = (
                f"{wrong[0]!r} is no line of this policy (there: {known}): the rule would never "
                "apply to it"
            )
            raise file.source.fault(("rules", at, "when", "lines"), msg)


def _check_form(file: PolicyFile) -> None:
    """Raise for what could not stand on the topic as it is written."""
    field = "line" if file.kind == "policy" else "calendar"
    try:
        size = len(encode(file.source.data))
    except TypeError:
        where = ("cases",) if file.kind == "policy" else (field,)
        raise file.source.fault(
            where, "a key is a number, a date, yes or no to YAML; put it in quotes"
        ) from None
    if size > _MOST_BYTES:
        most = _MOST_BYTES // 1000
        msg = f"the document has {size // 1000} kB, and {most} kB are the most; {_LISTS}"
        raise file.source.fault((field,), msg)


def _calendar_faults(file: PolicyFile, calendars: Mapping[str, Calendar]) -> list[str]:
    try:
        OpeningHours(resolve(file.name, calendars))
    except CalendarError as exc:
        field = (
            "extends" if isinstance(file.checked, Calendar) and file.checked.extends else "calendar"
        )
        return [str(file.source.fault((field,), str(exc)))]
    return []


def _broken(
    name: str, policy: Policy, calendars: Mapping[str, Calendar], ours: Mapping[str, PolicyFile]
) -> list[str]:
    """Why a policy that is in force could not go on with these calendars."""
    try:
        compile_policy(policy, calendars)
    except PolicyError as exc:
        hint = f"fix it, or apply it together with a policy of {name} that fits"
        return [
            str(
                each.source.fault(
                    ("calendar",),
                    f"the policy of {name} is in force and would break ({exc}); {hint}",
                )
            )
            for each in ours.values()
        ]
    return []


def _in_folder(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])


def read_folder(settings: Settings) -> tuple[list[PolicyFile], PolicyBook]:
    """Every policy file of the configuration's folder, and what they make together.

    Raises as ``compile_files``.
    """
    folder = settings.policies
    if not folder.is_dir():
        msg = (
            f"{folder}: the policies folder does not exist; create it, or name another under "
            "policies"
        )
        raise ConfigurationError(msg)
    files = read_files([folder])
    if not files:
        msg = f'{folder}: no policy file (*.yaml) in it; write one with line: "*" to begin with'
        raise ConfigurationError(msg)
    return files, compile_files(files, settings.lines)
