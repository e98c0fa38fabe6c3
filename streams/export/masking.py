"""Phone numbers and LIDs in exports: replaced by a name that says little and joins well.

Each JID becomes what logs show of it and a keyed hash of its canonical form, such as
``+447•••••••23#9f86d081884c7d65``: one person's records can still be joined, on every column of
every topic, whichever form a gateway wrote. There are so few numbers that all could be tried, so
that the key must stay where the export does not go.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

from models.identity import Jid, mask
from streams.common.errors import EnvironmentFaultError

_KEY_BYTES: Final = 32
_KEPT: Final = 1 << 17
"""JIDs whose masked form is remembered: a caller comes back soon."""

_BEFORE_AT: Final = re.compile(rb"[0-9][0-9.-]{0,40}(?:_[0-9]{1,5})?(?::[0-9]{1,5})?\Z")
"""A JID's user, its agent and its device, see ``models.identity``."""
_ESCAPE: Final = re.compile(rb"(\\+)u([0-9A-Fa-f]{0,3})\Z")
"""The beginning of a sign that JSON escapes; behind two backslashes it is none."""
_AFTER_AT: Final = re.compile(rb"[a-z][a-z.]*")
_LONGEST: Final = 64
_FREE_TEXT: Final = re.compile(
    rb'"(?:why|reason|note|detail)"\s*:\s*"(?:[^"\\]|\\.)*?[0-9]{3}(?:[^"\\]|\\.)*"'
)
_NUMBER: Final = re.compile(
    # no date, and no time in seconds or milliseconds: no international number looks like one
    rb"(?:(?<![0-9A-Za-z_-])|(?<=\\[nrt]))(?!20[0-9]{2}-[0-9]{2}-[0-9]{2})(?!(?:1[6-9]|2[0-9])[0-9]{8}(?:[0-9]{3})?(?![0-9]))"
    rb"\+?[0-9](?:[ ().-]{0,2}[0-9]){6,19}(?![0-9A-Za-z_])"
)


def keyed_hash(name: str, key: bytes) -> str:
    """What stands for a canonical JID where nobody may learn it: sixteen hexadecimal digits."""
    return hashlib.blake2b(name.encode(), key=key, digest_size=8).hexdigest()


class Masker:
    """Masks the JIDs within JSON, as bytes; the same key gives the same names, on any machine."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[bytes, bytes] = {}

    @property
    def fingerprint(self) -> str:
        """Tells keys apart, and tells nothing of them."""
        return hashlib.blake2b(b"fingerprint", key=self._key, digest_size=8).hexdigest()

    def text(self, raw: bytes) -> bytes:
        """A JSON text with every JID masked, and every number in a sentence that a person reads."""
        parts = raw.split(b"@")
        if len(parts) > 1:
            raw = self._jids(parts)
        if _FREE_TEXT.search(raw):
            raw = _FREE_TEXT.sub(lambda found: self._numbers(found[0]), raw)
        return raw

    def anything(self, raw: bytes) -> bytes:
        """Bytes of which nothing is known, with whatever may be a number masked."""
        return self._numbers(self._jids(raw.split(b"@")))

    def _jids(self, parts: list[bytes]) -> bytes:
        done = [parts[0]]
        for part in parts[1:]:
            before = done[-1]
            begin = _begin_of_user(before)
            server = _AFTER_AT.match(part)
            if begin is None or server is None:
                done[-1] += b"@"
                done.append(part)
            else:
                done[-1] = before[:begin] + self._masked(before[begin:] + b"@" + server[0])
                done.append(part[server.end() :])
        return b"".join(done)

    def _numbers(self, raw: bytes) -> bytes:
        return _NUMBER.sub(lambda found: self._masked(_digits(found[0]) + b"@c.us"), raw)

    def _masked(self, jid: bytes) -> bytes:
        known = self._known.get(jid)
        if known is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = self._known[jid] = self._mask(jid.decode("ascii"))
        return known

    def _mask(self, jid: str) -> bytes:
        try:
            name = Jid.parse(jid).canonical
        except ValueError:
            name = jid
        return f"{mask(name)}#{keyed_hash(name, self._key)}".encode()


def _begin_of_user(before: bytes) -> int | None:
    """Where a JID's user begins that ends with this JSON; None where there is none."""
    user = _BEFORE_AT.search(before, max(0, len(before) - _LONGEST))
    if user is None:
        return None
    begin = user.start()
    escape = _ESCAPE.search(before, max(0, begin - _LONGEST), begin)
    if escape is not None and len(escape[1]) % 2:
        # the first digits belong to an escaped sign, such as \u00e9
        begin += 4 - len(escape[2])
        user = _BEFORE_AT.search(before, begin)
    return None if user is None else user.start()


def _digits(number: bytes) -> bytes:
    return re.sub(rb"[^0-9]", b"", number)


def load_key(path: Path) -> bytes:
    """The key that stands in a file; a new one, which only this user can read, where there is none.

    Raises ``EnvironmentFaultError`` where the file cannot be read, written or understood.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_key(path)
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except (OSError, ValueError) as exc:
        msg = f"the key of masked numbers in {path} cannot be used ({exc}): name another --key-file"
        raise EnvironmentFaultError(msg) from None
    if len(key) != _KEY_BYTES:
        msg = (
            f"the key of masked numbers in {path} has {len(key)} bytes, {_KEY_BYTES} are wanted, in"
            " hexadecimal digits: name another --key-file, or one that is not there yet"
        )
        raise EnvironmentFaultError(msg)
    return key


def _write_key(path: Path) -> None:
    new = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_KEY_BYTES) + "\n")
    try:
        # another export may have made one meanwhile: that one stays
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        new.unlink()
