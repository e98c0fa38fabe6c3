"""What a simulator received and sent, so that tests and the audit can compare."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSeen:
    """One request as it was received, and how it was answered."""

    at_ms: int
    """When it arrived, UTC."""
    gateway: str
    kind: str
    """``reject``, ``text``, ``block``, ``unblock``, ``session`` or ``other``."""
    session: str | None
    """Of a reject that names none: that of its call."""
    call_id: str | None
    """Of a text: the call it was matched with."""
    chat: str | None
    """The caller of a reject (of its call, where it names none), the recipient of a text."""
    text: str | None = None
    """What a text says."""
    status: int
    """0: the fault left it without an answer."""
    acted: bool
    """Whether the gateway did what was asked."""
    fault: str | None = None
    violation: str | None = None
    offer_sent_ms: int | None = None
    """When the offer's webhook was first sent, UTC."""
    since_offer_us: int | None = None
    """Microseconds from the offer's webhook being sent to this request's arrival."""
    since_reject_us: int | None = None
    """Of a text: microseconds from the answer to the reject to this request's arrival."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A request that the gateway's documentation does not show."""

    at_ms: int
    gateway: str
    kind: str
    what: str
    """Names fields, never values of secrets."""
    status: int


@dataclass(slots=True)
class WebhookCount:
    """Deliveries of one event."""

    sent: int = 0
    """Events, each counted once however often it is retried."""
    attempts: int = 0
    acknowledged: int = 0
    """Answered with 2xx."""
    failed: int = 0
    """Given up after the last attempt."""


@dataclass(slots=True)
class Journal:
    """Counts without bound, requests and violations with one. Every change wakes ``wait``."""

    keep: int
    counts: Counter[str] = field(default_factory=Counter)
    """Requests by ``kind`` and by ``kind.status``."""
    calls: Counter[str] = field(default_factory=Counter)
    """Calls ``placed``, ``rejected``, ``hung_up``, ``rang_out``, ``answered``, ``blocked``, and
    ``stale`` offers."""
    duplicates: Counter[str] = field(default_factory=Counter)
    """``reject``: a second successful reject of a call. ``text``: a text, and every rejected call
    of this person has one already. ``caller``: a further text to a person, which a policy's
    cool-down may or may not allow."""
    stale: Counter[str] = field(default_factory=Counter)
    """Rejects and texts for calls that were over before their offer was first delivered."""
    webhooks: defaultdict[str, WebhookCount] = field(
        default_factory=lambda: defaultdict(WebhookCount)
    )
    """Deliveries by event; an event that was never sent has zeros."""
    violation_count: int = 0
    requests: deque[RequestSeen] = field(init=False)
    violations: deque[Violation] = field(init=False)
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Bound the lists."""
        self.requests = deque(maxlen=self.keep)
        self.violations = deque(maxlen=self.keep)

    def request(self, seen: RequestSeen) -> None:
        """Note one request."""
        self.requests.append(seen)
        self.counts[seen.kind] += 1
        self.counts[f"{seen.kind}.{seen.status}"] += 1
        if seen.violation is not None:
            self.violation_count += 1
            self.violations.append(
                Violation(
                    at_ms=seen.at_ms,
                    gateway=seen.gateway,
                    kind=seen.kind,
                    what=seen.violation,
                    status=seen.status,
                )
            )
        self.wake()

    def of(self, kind: str, call_id: str | None = None) -> list[RequestSeen]:
        """The kept requests of a kind, of one call where it is given."""
        return [
            r for r in self.requests if r.kind == kind and (call_id is None or r.call_id == call_id)
        ]

    def wake(self) -> None:
        """Something changed: let the waiting look again."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, until: Callable[[Journal], bool], timeout_s: float) -> None:
        """Return when ``until`` is true.

        Raises ``TimeoutError`` with the counts after ``timeout_s``.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not until(self):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            try:
                async with asyncio.timeout_at(deadline):
                    await future
            except TimeoutError:
                msg = f"not within {timeout_s} s; the record: {self.summary()}"
                raise TimeoutError(msg) from None

    def summary(self) -> dict[str, Any]:
        """The counts alone."""
        return {
            "requests": dict(self.counts),
            "calls": dict(self.calls),
            "duplicates": dict(self.duplicates),
            "stale": dict(self.stale),
            "violations": self.violation_count,
            "webhooks": {event: asdict(count) for event, count in self.webhooks.items()},
        }

    def as_json(self, last: int) -> dict[str, Any]:
        """Everything for ``GET /_sim/record``, with the last so many requests and violations."""
        recent = list(self.requests)[-last:] if last > 0 else []
        return self.summary() | {
            "recent": [asdict(r) for r in recent],
            "recent_violations": [asdict(v) for v in list(self.violations)[-last:] if last > 0],
        }
