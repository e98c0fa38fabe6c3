"""A former state of Ringfence: its sources out of git, its environment out of its own lock."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import click

from streams.common.errors import EnvironmentFaultError
from streams.settings import ROOT

PINNED: Final[str | None] = "84ccd4e3c607456637e63ddc7439e11972da07ce"
"""The oldest commit that must run side by side with the present sources: the first whose readers
pass over what they do not know and whose topics have the layout of now. To be raised with
``models.topics.LAYOUT_VERSION`` only. None: the last commit, which proves the machinery."""

CACHE: Final = ROOT / ".cache" / "upgrade"


class Runnable(Protocol):
    """One state of Ringfence, however it is run."""

    @property
    def name(self) -> str:
        """For people."""

    def launch(self, process: str, config: Path) -> tuple[list[str], dict[str, str]]:
        """What starts a process with a configuration: the command, and its environment."""


@dataclass(frozen=True, slots=True)
class Release:
    """Sources and interpreter of one state."""

    name: str
    tree: Path
    python: Path

    def launch(self, process: str, config: Path) -> tuple[list[str], dict[str, str]]:
        """See ``Runnable``."""
        words = [str(self.python), "-P", "-m", "streams.cli", process, "--config", str(config)]
        return words, {"PYTHONPATH": str(self.tree)}


def present() -> Release:
    """The sources as they are here, committed or not."""
    return Release("the present", ROOT, Path(sys.executable))


def pinned(commit: str | None = PINNED) -> Release:
    """A commit's sources and environment, made in the cache where they are not there yet.

    Blocks for a minute where its packages must be installed. Raises ``EnvironmentFaultError`` where
    git does not know the commit or the packages cannot be had.
    """
    commit = commit_of(commit or "HEAD")
    tree = CACHE / commit[:12]
    if not tree.exists():
        _export(commit, tree)
    return Release(commit[:12], tree, _environment(tree / "deploy" / "requirements.lock"))


def commit_of(name: str) -> str:
    """The whole hash of a commit; raises ``EnvironmentFaultError`` for what git does not know."""
    return _git("rev-parse", "--verify", f"{name}^{{commit}}").decode().strip()


def _export(commit: str, tree: Path) -> None:
    made = tree.with_suffix(".new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", commit))) as archive:
        archive.extractall(made, filter="data")
    made.rename(tree)


def _environment(lock: Path) -> Path:
    """The interpreter of a virtual environment with what a lock pins; one for each lock."""
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"venv-{digest}"
    python = folder / "bin" / "python"
    if (folder / ".complete").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    click.echo(f"installing the packages of {lock} into {folder}, once", err=True)
    _run(sys.executable, "-m", "venv", str(folder))
    _run(
        *(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-input", "--require-hashes", "--prefer-binary", "--requirement", str(lock)),
    )
    (folder / ".complete").touch()
    return python


def _git(*arguments: str) -> bytes:
    return _run("git", "-C", str(ROOT), *arguments)


def _run(*command: str) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        msg = f"`{' '.join(command[:6])} ...` ended with {done.returncode}: {said[-500:]}"
        raise EnvironmentFaultError(msg)
    return done.stdout
