"""Where a key stands: the partition that Java's and aiokafka's producers choose."""

from __future__ import annotations

from functools import lru_cache

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """Where the default partitioner of Java and aiokafka puts a key."""
    return _hash(key) % partitions


@lru_cache(maxsize=8192)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF
