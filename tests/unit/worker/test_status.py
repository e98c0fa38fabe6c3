"""What workers say of themselves, and what one makes of what the others say."""

from __future__ import annotations

from models.presence import WorkerStatus
from streams.views.availability import Workers
from streams.worker.status import missing_gateways

NOW_MS = 1_767_261_600_000


def status(name: str, *gateways: str, ago_ms: int = 0) -> WorkerStatus:
    return WorkerStatus(
        worker=name, policies={}, strangers={}, gateways=gateways, at_ms=NOW_MS - ago_ms
    )


def test_gateways_that_only_others_serve_are_named() -> None:
    workers = Workers("me")
    for each in (
        status("me", "office"),
        status("two", "office", "cloud"),
        status("gone", "former", ago_ms=60_000),
        status("older"),
    ):
        workers.set(each.worker, each)
    assert missing_gateways(workers, {"office": 1}, NOW_MS) == {"cloud": "two"}
    assert missing_gateways(workers, {"office", "cloud"}, NOW_MS) == {}
