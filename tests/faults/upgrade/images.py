"""Releases as they are deployed: images, built and run as the tests of ``deploy/`` do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from tests.faults.upgrade.release import CACHE, commit_of
from tests.operations.image import Image, build, unpacked

CONFIG: Final = Path("/etc/ringfence")
"""Where an image expects its configuration."""


@dataclass(frozen=True, slots=True)
class ImageRelease:
    """One state of Ringfence in an image."""

    name: str
    image: Image

    def launch(self, process: str, config: Path) -> tuple[list[str], dict[str, str]]:
        """See ``Runnable``."""
        command = self.image.command(process, mounts={config.parent: str(CONFIG)})
        return command, {**self.image.env, "RINGFENCE_CONFIG": str(CONFIG / config.name)}


def image_of_commit(commit: str, folder: Path) -> ImageRelease:
    """The image of a commit, unpacked into ``folder``.

    Built once, into the cache. Blocks for minutes. Raises ``EnvironmentFaultError`` where git does
    not know the commit, ``AssertionError`` with what the build said where it failed.
    """
    whole = commit_of(commit)
    archive = CACHE / f"image-{whole[:12]}.tar"
    if not archive.exists():
        click.echo(f"building the image of {whole[:12]}, once", err=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        made = archive.with_suffix(".new")
        build(made, "--commit", whole, "--tag", f"ringfence:{whole[:12]}")
        made.rename(archive)
    return _unpack(whole[:12], archive, folder)


def image_of_present(folder: Path) -> ImageRelease:
    """The image of the sources as they are here; raises as ``image_of_commit``."""
    click.echo("building the image of the present", err=True)
    folder.mkdir()
    archive = folder / "ringfence.tar"
    build(archive)
    return _unpack("the present", archive, folder)


def _unpack(name: str, archive: Path, folder: Path) -> ImageRelease:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    return ImageRelease(f"{name} (image)", unpacked(archive, folder))
