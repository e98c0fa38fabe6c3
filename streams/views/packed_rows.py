"""A map for millions of small rows that takes a fifth of a dictionary's memory.

A dictionary of bytes spends more on each row than most rows are long: two objects, a slot and its
hash, and for JSON the names of all fields and whatever else is the same in thousands of rows. Here
the rows of a bucket stand in one piece of memory, one behind the other, and what rows share stands
once. Every value comes back byte for byte, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

_BUCKETS: Final = 1 << 15
"""Of a million rows thirty stand in each, and finding one takes a microsecond or two; of ten
million twice that. So there is no moment at which all rows are sorted anew, which would hold up
calls. More buckets take more memory: pieces that grow leave holes behind."""

_ROW: Final = b"\xff"
_KEY: Final = b"\xfe"
_WHOLE: Final = b"\xfd"
_NEXT: Final = b"\xfc"
_RESERVED: Final = (_ROW, _KEY, _WHOLE, _NEXT)
"""Bytes that stand in no text in UTF-8, and so in no JSON. A row is ``_ROW``, its key, ``_KEY``,
and then its shape and the parts that are its own, or ``_WHOLE`` and the value as it came."""

_MOST_SHAPES: Final = 50_000
"""What is shared is worth its place where it comes again; behind so many it does not."""
_SURROGATES: Final = 0xD800
_BEHIND_SURROGATES: Final = 0xE000

Parts = tuple[bytes, ...]


class Cutter(Protocol):
    """Cuts the values of one topic into what is a row's own and what many rows share."""

    def cut(self, key: bytes, value: bytes) -> tuple[Parts, Parts] | None:
        """The parts of a value that are its own, without its key, and those that it shares.

        None for a value of another form, which is kept whole.
        """

    def join(self, key: bytes, own: Parts, shared: Parts) -> bytes:
        """The value of which ``cut`` made these parts, byte for byte."""


class PackedRows:
    """Values by key, both bytes. Not thread-safe."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter
        self._buckets = [b""] * _BUCKETS
        self._shapes: dict[Parts, bytes] = {}
        self._by_shape: dict[str, Parts] = {}
        self._odd: dict[bytes, bytes] = {}
        """Rows with a reserved byte, which are no JSON."""
        self._count = 0

    def __len__(self) -> int:
        """The number of rows."""
        return self._count + len(self._odd)

    def __iter__(self) -> Iterator[bytes]:
        """Every key; nothing may be changed meanwhile."""
        for bucket in self._buckets:
            for row in bucket.split(_ROW)[1:]:
                yield row.partition(_KEY)[0]
        yield from self._odd

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, as it was set; None where there is none."""
        if _is_odd(key) or key in self._odd:
            return self._odd.get(key)
        bucket = self._buckets[hash(key) % _BUCKETS]
        start = b"%b%b%b" % (_ROW, key, _KEY)
        at = bucket.find(start)
        if at < 0:
            return None
        begin = at + len(start)
        end = bucket.find(_ROW, begin)
        row = bucket[begin : end if end >= 0 else len(bucket)]
        return row[1:] if row[:1] == _WHOLE else self._joined(key, row)

    def set(self, key: bytes, value: bytes) -> None:
        """Keep a value under a key, in place of one that is there."""
        odd = _is_odd(key) or _is_odd(value)
        if odd or self._odd:
            self.pop(key)
        if odd:
            self._odd[key] = value
            return
        number = hash(key) % _BUCKETS
        bucket = self._buckets[number]
        start = b"%b%b%b" % (_ROW, key, _KEY)
        if start in bucket:
            bucket = _without(bucket, start)
            self._count -= 1
        self._buckets[number] = b"%b%b%b" % (bucket, start, self._packed(key, value))
        self._count += 1

    def pop(self, key: bytes) -> None:
        """Drop a key and its value, where they are there."""
        self._odd.pop(key, None)
        if _is_odd(key):
            return
        number = hash(key) % _BUCKETS
        start = b"%b%b%b" % (_ROW, key, _KEY)
        if start in self._buckets[number]:
            self._buckets[number] = _without(self._buckets[number], start)
            self._count -= 1

    def _packed(self, key: bytes, value: bytes) -> bytes:
        parts = self._cutter.cut(key, value)
        if parts is None:
            return _WHOLE + value
        own, shared = parts
        shape = self._shapes.get(shared) or self._new_shape(shared)
        return _WHOLE + value if shape is None else shape + _NEXT.join(own)

    def _new_shape(self, shared: Parts) -> bytes | None:
        """A character that stands for these parts; None where there are too many others."""
        number = len(self._shapes)
        if number >= _MOST_SHAPES:
            return None
        if number >= _SURROGATES:
            number += _BEHIND_SURROGATES - _SURROGATES
        character = chr(number)
        shape = self._shapes[shared] = character.encode()
        self._by_shape[character] = shared
        return shape

    def _joined(self, key: bytes, packed: bytes) -> bytes:
        # the first character is the shape; its first byte tells its length, as UTF-8 has it
        first = packed[0]
        length = 1 if first < 0x80 else 2 if first < 0xE0 else 3
        own = tuple(packed[length:].split(_NEXT))
        return self._cutter.join(key, own, self._by_shape[packed[:length].decode()])


def _without(bucket: bytes, start: bytes) -> bytes:
    """The bucket without the row that begins so."""
    before, _, behind = bucket.partition(start)
    end = behind.find(_ROW)
    return before if end < 0 else before + behind[end:]


def _is_odd(text: bytes) -> bool:
    return not text.isascii() and any(each in text for each in _RESERVED)
