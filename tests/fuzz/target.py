"""The bridge under fire: a real process, raw connections to it, and what it and Kafka say of it
afterwards."""

from __future__ import annotations

import asyncio
import re
import socket
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition

from models.topics import CALLS_DLQ, CALLS_EVENTS, CALLS_LIFECYCLE, LINES_STATUS, MESSAGES_EVENTS
from streams.kafka import topics_admin
from streams.kafka.connection import connection
from streams.settings import KafkaSettings
from tests.fuzz.inputs import HEADERS, KEYS, MAX_BODY, Input
from tests.support.processes import Process, bridge_admin, environment, free_port, python

ANSWER_S: Final = 20.0
READY_S: Final = 30.0
TOPICS: Final = (CALLS_EVENTS, CALLS_LIFECYCLE, MESSAGES_EVENTS, LINES_STATUS, CALLS_DLQ)


class Target:
    """One bridge process."""

    def __init__(self, process: Process, port: int, kafka: KafkaSettings) -> None:
        self._process = process
        self.port = port
        self._kafka = kafka
        self._idle: list[socket.socket] = []
        self._log_read = 0

    def ask(self, batch: Sequence[Input]) -> list[int | None]:
        """Send all at once, each on a connection of its own; the status of each, None where it was
        closed instead."""
        open_ = [self._idle.pop() if self._idle else self._connect() for _ in batch]
        for conn, each in zip(open_, batch, strict=True):
            conn.sendall(each.request)
        return [self._answer(conn, each) for conn, each in zip(open_, batch, strict=True)]

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> socket.socket:
        conn = socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_S)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return conn

    def _answer(self, conn: socket.socket, asked: Input) -> int | None:
        if not asked.whole:
            conn.close()
            return None
        received = b""
        try:
            while b"\r\n\r\n" not in received:
                more = conn.recv(65_536)
                if not more:
                    conn.close()
                    return None
                received += more
        except ConnectionError:
            conn.close()
            return None
        head, _, body = received.partition(b"\r\n\r\n")
        match = re.search(rb"(?i)^content-length: (\d+)", head, re.MULTILINE)
        if (
            asked.signed
            and match
            and len(body) >= int(match[1])
            and b"Connection: close" not in head
        ):
            self._idle.append(conn)
        else:
            # what a strange request left unread must not be taken for the next one
            conn.close()
        return int(head[9:12])

    def counters(self) -> dict[tuple[str, str], int]:
        """Envelopes counted, by event and result."""
        url = f"{self._process.admin_url}/metrics"
        with urllib.request.urlopen(url, timeout=ANSWER_S) as answer:  # noqa: S310 - our own
            text = answer.read().decode()
        found: dict[tuple[str, str], int] = {}
        for event, result, count in re.findall(
            r'^ringfence_bridge_events_total\{event="([^"]*)",gateway="[^"]*",'
            r'result="([^"]*)"\} (\S+)$',
            text,
            re.MULTILINE,
        ):
            found[event, result] = found.get((event, result), 0) + round(float(count))
        return found

    def written(self) -> dict[str, int]:
        """Records of webhooks on each topic, by the registry's names."""
        return asyncio.run(_written(self._kafka))

    def resident_bytes(self) -> int:
        """The process's memory."""
        return self._process.resident

    def complaints(self) -> list[str]:
        """What the process logged since the last look that no webhook may cause."""
        if self._process.exit_code is not None:
            return [f"the bridge ended with {self._process.how_it_ended()}"]
        assert self._process.log is not None
        with self._process.log.open("rb") as log:
            log.seek(self._log_read)
            lines = log.read().decode(errors="replace").splitlines()
            self._log_read = log.tell()
        complaints = [
            line for line in lines if _COMPLAINT.search(line) and not _NOT_YET.search(line)
        ]
        return lines if complaints else []


_COMPLAINT: Final = re.compile(
    r"Traceback|Error handling request|Unhandled|never awaited|ERROR|CRITICAL"
)
_NOT_YET: Final = re.compile(r"aiokafka\.\S+ Failed fetch .*NotLeaderForPartitionError")
"""The topics were made a moment ago: their broker does not lead all of them yet, and is asked
again."""


async def _written(kafka: KafkaSettings) -> dict[str, int]:
    names = {topic.full_name(kafka.topic_prefix): topic.name for topic in TOPICS}
    there = await topics_admin.found(kafka, TOPICS)
    places = [
        TopicPartition(full, number)
        for full, name in names.items()
        for number in range(there[name].partitions)
    ]
    consumer = AIOKafkaConsumer(
        **connection(kafka), auto_offset_reset="earliest", enable_auto_commit=False
    )
    # before the start: it would not learn of the topics otherwise
    consumer.assign(places)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(places)
        found = dict.fromkeys(names.values(), 0)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                found[names[place.topic]] += sum(
                    _LINKED not in record.headers for record in records
                )
        # in a long run the broker compacts meanwhile; offsets stay
        said = LINES_STATUS.full_name(kafka.topic_prefix)
        offsets = sum(end for place, end in ends.items() if place.topic == said)
        return found | {LINES_STATUS.name: offsets}
    finally:
        await consumer.stop()


_LINKED: Final = ("ce_type", b"ringfence.caller.linked")
"""What the bridge adds of its own where it learns that two JIDs are one caller's."""


@contextmanager
def bridge(kafka: KafkaSettings, folder: Path) -> Iterator[Target]:
    """A bridge process with the fuzzer's keys; its topics must be there. It ends with the block."""
    port = free_port()
    config = folder / "fuzz.yaml"
    config.write_text(yaml.safe_dump(_configuration(kafka, port)), encoding="utf-8")
    process = Process(
        "bridge",
        python("streams.cli", "bridge", "--config", str(config)),
        f"http://127.0.0.1:{port}/health/ready",
        folder / "bridge.log",
        environment(**{f"FUZZ_{name.upper()}": key.decode() for name, key in KEYS.items()}),
        bridge_admin(f"127.0.0.1:{port}"),
    )
    process.start()
    try:
        asyncio.run(process.until_ready(READY_S))
        with closing(Target(process, port, kafka)) as target:
            yield target
        asyncio.run(process.stop(10.0))
    finally:
        process.kill()


def _configuration(kafka: KafkaSettings, port: int) -> dict[str, object]:
    return {
        "kafka": {
            "bootstrap_servers": kafka.bootstrap_servers,
            "topic_prefix": kafka.topic_prefix,
            "partitions": kafka.partitions,
        },
        "bridge": {"listen": f"127.0.0.1:{port}", "max_body_bytes": MAX_BODY},
        "gateways": {
            "office": {
                "provider": "waha",
                "base_url": "http://127.0.0.1:1",
                "api_key": "${FUZZ_OFFICE}",
                "webhook_secret": "${FUZZ_OFFICE}",
            },
            "cloud": {
                "provider": "wawp",
                "base_url": "http://127.0.0.1:1",
                "access_token": "${FUZZ_CLOUD}",
                "webhook_secret": "${FUZZ_CLOUD}",
                "signature_header": HEADERS["cloud"],
            },
        },
        "lines": {
            "london": {"gateway": "office", "session": "default"},
            "paris": {"gateway": "office", "session": "second"},
            "riyadh": {"gateway": "cloud", "session": "0A1B2C3D4E5F", "webhook_session": "default"},
        },
    }
