"""How often a client may ask for metadata."""

from __future__ import annotations

import asyncio
from typing import Any, Final

AT_LEAST_S: Final = 0.05
AFTER_FAILURE_S: Final = 0.3
"""While no broker answers, or a partition has no leader, aiokafka 0.14 asks again at once, hundreds
of times a second, and logs each time. Cost: a leader change may be noticed up to 0.3 s later."""


def pace(client: Any) -> None:
    """Let an ``AIOKafkaClient`` ask for metadata once in ``AT_LEAST_S``.

    After a failure once in ``AFTER_FAILURE_S``. Call it before the client starts.
    """
    ask = client._metadata_update
    not_before = float("-inf")

    async def paced(cluster: Any, topics: Any) -> bool:
        nonlocal not_before
        loop = asyncio.get_running_loop()
        if loop.time() < not_before:
            await asyncio.sleep(not_before - loop.time())
        answered = False
        try:
            answered = bool(await ask(cluster, topics))
        finally:
            not_before = loop.time() + (AT_LEAST_S if answered else AFTER_FAILURE_S)
        return answered

    client._metadata_update = paced
