"""The image as deploy/container/build makes it, unpacked, and how a command is run in it.

No container engine is needed: in a mount namespace of its own a process gets the image as its root,
which it cannot write, as a user that the image does not know, who can gain nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.settings import ROOT

USER = "20002"
"""Another number than the image's own: a cluster may give it any."""
BUILD_S = 900

_ENTER = """
root="$1" user="$2" count="$3"
shift 3
mount --bind "$root" "$root"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o "uid=$user,gid=$user" tmpfs "$root/var/lib/ringfence"
while [ "$count" -gt 0 ]; do
  mount --bind "$1" "$root$2"
  mount -o remount,ro,bind "$root$2"
  count=$((count - 1))
  shift 2
done
mount -o remount,ro,bind "$root"
exec setpriv --no-new-privs /usr/sbin/chroot --userspec="$user:$user" --groups= "$root" "$@"
"""
"""Every step replaces the one before, so that signals reach the program."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image's file system and configuration."""

    root: Path
    config: dict[str, Any]
    contents: Path
    """The CycloneDX document beside it."""
    said: str
    """What the build printed."""

    @property
    def env(self) -> dict[str, str]:
        """What the image sets."""
        return dict(each.split("=", 1) for each in self.config["Env"])

    def command(self, *arguments: str, mounts: dict[Path, str]) -> list[str]:
        """What runs the image's entry point with ``arguments``; ``mounts`` can only be read."""
        bound = [word for at, to in mounts.items() for word in (str(at), to)]
        return [
            "unshare", "--mount", "bash", "-euc", _ENTER, "bash", str(self.root), USER,
            str(len(mounts)), *bound, *self.config["Entrypoint"], *arguments,
        ]  # fmt: skip

    def run(self, *arguments: str, mounts: dict[Path, str]) -> subprocess.CompletedProcess[str]:
        """Run to the end, with the image's environment."""
        return subprocess.run(  # noqa: S603 - our own command line, no shell
            self.command(*arguments, mounts=mounts),
            env=self.env,
            text=True,
            capture_output=True,
            check=False,
            timeout=60,
        )


def built(folder: Path) -> Image:
    """Build the image and unpack it below ``folder``; or take ``RINGFENCE_IMAGE``, an archive."""
    given = os.environ.get("RINGFENCE_IMAGE")
    archive = Path(given) if given else folder / "ringfence.tar"
    said = build(archive) if given is None else ""
    return unpacked(archive, folder, said)


def build(archive: Path, *options: str) -> str:
    """Build an image as an archive; returns what the build printed."""
    done = subprocess.run(  # noqa: S603 - our own command line, no shell
        [ROOT / "deploy" / "container" / "build", "--output", archive, *options],
        text=True,
        capture_output=True,
        check=False,
        timeout=BUILD_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def unpacked(archive: Path, folder: Path, said: str = "") -> Image:
    """Unpack an image below ``folder``."""
    layout = folder / "layout"
    with tarfile.open(archive) as tar:
        tar.extractall(layout, filter="data")
    (manifest,) = json.loads((layout / "manifest.json").read_text(encoding="utf-8"))
    root = folder / "root"
    for layer in manifest["Layers"]:
        with tarfile.open(layout / layer) as tar:
            # an image of our own making; its absolute links are meant
            tar.extractall(root, filter="tar")
    root.chmod(0o755)
    config = json.loads((layout / manifest["Config"]).read_text(encoding="utf-8"))
    return Image(
        root=root,
        config=config["config"],
        contents=archive.with_name(f"{archive.name}.cdx.json"),
        said=said,
    )
