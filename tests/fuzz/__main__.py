"""``tests/run fuzz --inputs 1000000``: the bridge under as many hostile requests as one likes."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import uuid
from pathlib import Path

from streams.kafka import topics_admin
from streams.local_kafka.broker import LocalKafka
from streams.local_kafka.state import BrokerFiles
from streams.settings import KafkaSettings
from tests.fuzz.campaign import Campaign
from tests.fuzz.load import under_attack
from tests.fuzz.target import bridge


def main() -> None:
    """Run the campaign; exits with 1 and the smallest batch of requests that shows a fault."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="ringfence-fuzz-") as name:
        folder = Path(name)
        local = LocalKafka(BrokerFiles(folder / "kafka"))
        local.prepare(print)
        try:
            asyncio.run(local.start())
            kafka = KafkaSettings(
                bootstrap_servers=local.bootstrap,
                topic_prefix=f"fuzz{uuid.uuid4().hex[:6]}.",
                partitions=4,
            )
            asyncio.run(topics_admin.apply(kafka))
            if arguments.hostile is not None:
                _attack(kafka, folder, arguments.hostile)
            else:
                _run(kafka, folder, arguments.inputs, arguments.seed)
        finally:
            local.stop()


def _run(kafka: KafkaSettings, folder: Path, wanted: int, first_seed: int) -> None:
    began = time.monotonic()
    shown = began

    def show(campaign: Campaign) -> None:
        nonlocal shown
        if time.monotonic() - shown >= 10:
            shown = time.monotonic()
            left_s = (shown - began) * (wanted / campaign.sent - 1)
            sys.stdout.write(f"{campaign.sent} of {wanted} inputs, {left_s:.0f} s to go\n")
            sys.stdout.flush()

    with bridge(kafka, folder) as target:
        campaign = Campaign(target)
        campaign.run(wanted, first_seed, show)
        resident = target.resident_bytes() // 1024**2
        written = target.written()
    statuses = ", ".join(
        f"{count} x {status or 'closed'}" for status, count in campaign.statuses.most_common()
    )
    sys.stdout.write(
        f"{campaign.sent} inputs in {time.monotonic() - began:.0f} s: {statuses}\n"
        f"{campaign.envelopes} envelopes accepted, all counted; on the topics: {written}\n"
        f"no 5xx, no complaint in the log, {resident} MiB resident at the end\n"
    )


def _attack(kafka: KafkaSettings, folder: Path, seconds: float) -> None:
    with bridge(kafka, folder) as target:
        figures = asyncio.run(under_attack(target, seconds))
        complaints = target.complaints()
    sys.stdout.write(f"{figures}\n")
    if complaints:
        sys.exit("\n".join(complaints[-20:]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/run fuzz",
        description=__doc__,
        epilog="Example: tests/run fuzz --inputs 1000000 --seed 7",
    )
    parser.add_argument(
        "--inputs", type=int, default=100_000, help="requests to send (default: 100000)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first round; a failure names its round's"
    )
    parser.add_argument(
        "--hostile",
        type=float,
        metavar="SECONDS",
        help="instead: 2000 connections, bombs and endless bodies for so long, and what they do to"
        " signed webhooks meanwhile",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
