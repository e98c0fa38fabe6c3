"""Ids in the gateways' own forms.

Random, never seeded: a second run must not repeat a first run's ids.
"""

from __future__ import annotations

import os

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(a + b for a in _CROCKFORD for b in _CROCKFORD)


def ulid(at_ms: int) -> str:
    """A ULID in lower case: 48 bits of time, 80 of chance."""
    bits = (at_ms << 80) | int.from_bytes(os.urandom(10), "big")
    return "".join([_PAIRS[(bits >> shift) & 1023] for shift in range(120, -10, -10)])


def event_id(at_ms: int) -> str:
    """The id of a webhook's envelope: the same on every retry."""
    return "evt_" + ulid(at_ms)


def call_id() -> str:
    """32 hexadecimal digits in upper case."""
    return os.urandom(16).hex().upper()


def message_key() -> str:
    """``3EB0`` and 18 hexadecimal digits."""
    return "3EB0" + os.urandom(9).hex().upper()


def group_jid() -> str:
    """A group that nobody is in."""
    return f"120363{int.from_bytes(os.urandom(5), 'big') % 10**12:012d}@g.us"
