"""Whether this process traces: as OpenTelemetry's environment variables say.

Where tracing is asked for and cannot be had, that is logged, and calls go on without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.common.errors import RingfenceError
from streams.common.process_metrics import version
from streams.export.masking import load_key
from streams.log_events.kinds import EventLog
from streams.log_events.shared import TracesUnavailable
from streams.settings import STATE_DIR
from streams.tracing.event_tracer import Sampler, SpanTracer
from streams.tracing.span_queue import OnSpans, QueueLimits, SpanQueue
from streams.tracing.webhook_tracer import WebhookTracer

log = EventLog(__name__)

INSTALL: Final = (
    ".venv/bin/python -m pip install --require-hashes -r deploy/requirements-tracing.lock"
)
"""The command that installs the extra ``tracing``, from the checkout's folder."""

KEY_FILE: Final = "RINGFENCE_TRACES_KEY_FILE"
"""The variable that names the key by which callers are hashed; that of exports by default."""

_SWITCH_S: Final = 0.0005
"""How long the loop may wait for the interpreter while the thread makes spans of its own ready: 5
ms by default, which a ringing call would notice."""

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


@dataclass(frozen=True, slots=True)
class Tracing:
    """What a process traces with. ``stop`` it after its loop has ended."""

    queue: SpanQueue
    sampler: Sampler
    end: Callable[[], None]

    def events(self, group: str, prefix: str) -> SpanTracer:
        """For a worker of this consumer group."""
        return SpanTracer(self.queue.put, self.sampler, group=group, prefix=prefix)

    def webhooks(self, prefix: str) -> WebhookTracer:
        """For a bridge."""
        return WebhookTracer(self.queue.put, self.sampler, prefix=prefix)

    def stop(self) -> None:
        """Send what is left; blocks for a second at most."""
        self.queue.stop()
        self.end()


def is_wanted(env: Mapping[str, str]) -> bool:
    """Whether the environment names a collector, and does not switch traces off."""
    return (
        any(env.get(name, "").strip() for name in _ENDPOINTS)
        and env.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"
        and env.get("OTEL_TRACES_EXPORTER", "").strip().lower() in {"", "otlp"}
    )


def tracing_of(
    component: str, on_spans: OnSpans, env: Mapping[str, str] = os.environ
) -> Tracing | None:
    """Begin to trace where the environment wants it; else None. Never raises for a fault of its."""
    if not is_wanted(env):
        return None
    protocol = next((found for name in _PROTOCOLS if (found := env.get(name, "").strip())), None)
    if protocol not in {None, "http/protobuf"}:
        log.write(TracesUnavailable(reason=f"{protocol} is not spoken here: use http/protobuf"))
        return None
    try:
        return _begin(component, on_spans, env)
    except ImportError as exc:
        why = f"{exc}: install the extra with `{INSTALL}`"
    except (ValueError, RingfenceError) as exc:
        why = str(exc)
    log.write(TracesUnavailable(reason=why))
    return None


def _begin(component: str, on_spans: OnSpans, env: Mapping[str, str]) -> Tracing:
    from streams.tracing.otlp import (  # noqa: PLC0415 - an extra, loaded where it is used
        OtlpExporter,
        sampler_of_environment,
    )

    key = load_key(Path(env.get(KEY_FILE) or STATE_DIR / "export.key"))
    resource = {"service.name": f"ringfence-{component}", "service.version": version()}
    instance = env.get("RINGFENCE_INSTANCE")
    if instance:
        resource["service.instance.id"] = instance
    exporter = OtlpExporter(key, resource, version())
    queue = SpanQueue(exporter.export, on_spans, QueueLimits.of(env))
    sys.setswitchinterval(_SWITCH_S)
    queue.start()
    return Tracing(queue, sampler_of_environment(), exporter.stop)
