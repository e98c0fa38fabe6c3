"""An export as a process of its own, to be killed: ``python -m tests.support.exporting SERVERS
PREFIX PARTITIONS FOLDER KEY_FILE FILE_RECORDS``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from models.topics import TOPICS
from streams.export.run import ExportOptions, export
from streams.settings import KafkaSettings


async def main(servers: str, prefix: str, partitions: str, *words: str) -> None:
    """Export everything that is there."""
    folder, key_file, file_records = words
    kafka = KafkaSettings(
        bootstrap_servers=servers, topic_prefix=prefix, partitions=int(partitions)
    )
    options = ExportOptions(key_file=Path(key_file), file_records=int(file_records))
    await export(kafka, Path(folder), TOPICS, asyncio.Event(), print, options)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
