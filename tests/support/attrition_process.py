"""The attrition process of a test: how far it has come, and what it has said."""

from __future__ import annotations

import asyncio
import re

import aiohttp

from models.attrition import AttritionEvent
from models.topics import ATTRITION_EVENTS
from streams.kafka.reader import TopicReader
from streams.settings import KafkaSettings
from tests.support.processes import Process


async def measured_ms(process: Process, name: str) -> int:
    """A time that it measures; 0 where it does not answer."""
    try:
        async with aiohttp.ClientSession() as http, http.get(f"{process.url}/metrics") as answer:
            text = await answer.text()
    except aiohttp.ClientError:
        return 0
    pattern = rf"^ringfence_attrition_{name}_timestamp_seconds (\S+)"
    found = re.search(pattern, text, re.MULTILINE)
    return round(float(found[1]) * 1000) if found else 0


async def reaches(process: Process, at_ms: int, within_s: float = 40.0) -> int:
    """Wait until it has counted everything up to a time; returns how far it has come."""
    async with asyncio.timeout(within_s):
        while True:
            reached = await measured_ms(process, "complete")
            if reached >= at_ms:
                return reached
            await asyncio.sleep(0.05)


async def said(kafka: KafkaSettings) -> dict[str, list[AttritionEvent]]:
    """What stands on the topic, by id: everything that is not the same."""
    reader = TopicReader(kafka, (ATTRITION_EVENTS,))
    await reader.start()
    found: dict[str, list[AttritionEvent]] = {}
    async for batch in reader.read_to(await reader.ends()):
        for seen in batch:
            event: AttritionEvent = seen.value
            known = found.setdefault(event.event_id, [])
            if event not in known:
                known.append(event)
    await reader.stop()
    return found
