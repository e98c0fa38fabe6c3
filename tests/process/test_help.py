"""What help shows: every command, in a section, with a summary that is not cut."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from streams.cli.main import SECTIONS, cli
from streams.settings import ROOT

COLUMNS = 78
"""What click leaves of a terminal of 80 columns."""


def groups(group: click.Group, name: str = "ringfence") -> Iterator[tuple[str, click.Group]]:
    yield name, group
    for each in group.commands.values():
        if isinstance(each, click.Group):
            yield from groups(each, f"{name} {each.name}")


def shown(group: click.Group) -> str:
    return group.get_help(click.Context(group, info_name="ringfence", terminal_width=COLUMNS))


@pytest.mark.parametrize(("name", "group"), [*groups(cli)], ids=str)
def test_no_summary_is_cut(name: str, group: click.Group) -> None:
    usage, *lines = shown(group).splitlines()
    assert usage.startswith("Usage: ")
    assert [line for line in lines if line.rstrip().endswith("...")] == []
    for each in group.commands.values():
        summary = each.get_short_help_str(limit=1000)
        assert summary.endswith("."), f"{name} {each.name}: {summary!r}"
        assert each.hidden or any(
            line.split() == [str(each.name), *summary.split()] for line in lines
        )


def test_a_summary_that_is_too_long_would_be_seen() -> None:
    @click.group()
    def group() -> None:
        """Hold one command."""

    @group.command()
    def wordy() -> None:
        """Say in the first sentence so much that it does not fit into eighty columns at all."""

    assert shown(group).rstrip().endswith("...")


def test_every_command_stands_in_one_section() -> None:
    listed = [each.name for commands in SECTIONS.values() for each in commands]
    assert sorted(map(str, listed)) == sorted(cli.commands)


def test_replay_is_the_former_name_of_policy_simulate() -> None:
    policy = cli.commands["policy"]
    assert isinstance(policy, click.Group)
    former, now = cli.commands["replay"], policy.commands["simulate"]
    assert (former.callback, former.params) == (now.callback, now.params)
    assert (former.hidden, now.hidden) == (True, False)
    assert not [line for line in shown(cli).splitlines() if line.split()[:1] == ["replay"]]


def test_help_loads_no_faust_no_http_client_and_no_cel() -> None:
    script = (
        "import sys, streams.cli.main\n"
        "print(sorted({'faust', 'httpx', 'cel', 'aiohttp', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
