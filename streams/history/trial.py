"""The policies that are tried on the past: those in force, with files in place of some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.policy import Calendar, Policy
from streams.kafka.compacted_reader import read_once
from streams.policies.book import PolicyBook
from streams.policies.compile import compile_policy
from streams.policy_admin.files import PolicyFile, compile_files, read_files, read_folder
from streams.settings import Settings
from streams.views.policies import Policies


@dataclass(frozen=True, slots=True)
class Trial:
    """Checked policies, to be compiled by each process that decides by them."""

    policies: Mapping[str, tuple[Policy, str]]
    """By line: the policy and its revision."""
    calendars: Mapping[str, Calendar]
    """The shared ones."""

    def book(self) -> PolicyBook:
        """The policies compiled."""
        compiled = {
            line: replace(compile_policy(policy, self.calendars), revision=revision)
            for line, (policy, revision) in self.policies.items()
        }
        return PolicyBook(compiled)

    @property
    def revisions(self) -> dict[str, str]:
        """By the policy's line."""
        return {line: revision for line, (_, revision) in sorted(self.policies.items())}


async def read_trial(settings: Settings, files: Sequence[Path]) -> Trial:
    """The policies in force, with those in ``files`` in their place, and calendars likewise.

    Where nothing was ever applied, the policies folder stands for what is in force. Raises
    ``ConfigurationError`` with every fault of the files, and ``EnvironmentFaultError`` where no
    broker answers or the topic is missing.
    """
    given = read_files(files)
    known = Policies()
    await read_once(settings.kafka, known)
    in_force, calendars = known.book, known.calendars()
    if not in_force.by_line:
        checked, in_force = read_folder(settings)
        calendars = _calendars(checked)
    policies = {line: each.policy for line, each in in_force.by_line.items()}
    tried = compile_files(given, settings.lines, calendars, policies)
    revisions = {
        line: each.revision for line, each in {**in_force.by_line, **tried.by_line}.items()
    }
    policies |= {line: each.policy for line, each in tried.by_line.items()}
    return Trial(
        {line: (policies[line], revisions[line]) for line in policies},
        calendars | _calendars(given),
    )


def _calendars(files: Sequence[PolicyFile]) -> dict[str, Calendar]:
    return {each.name: each.checked for each in files if isinstance(each.checked, Calendar)}
