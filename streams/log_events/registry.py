"""All events by the part that logs them."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Final

from streams.log_events import attrition, audit, bridge, shared, simulator, supervision, worker
from streams.log_events.kinds import LogEvent


def events_of(module: ModuleType) -> tuple[type[LogEvent], ...]:
    """The events that a module defines, in its order."""
    return tuple(
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, LogEvent)
        and each.__module__ == module.__name__
    )


BY_COMPONENT: Final[Mapping[str, tuple[type[LogEvent], ...]]] = {
    "any": events_of(shared),
    "bridge": events_of(bridge),
    "worker": events_of(worker),
    "attrition": events_of(attrition),
    "audit": events_of(audit),
    "simulator": events_of(simulator),
    "up, worker": events_of(supervision),
}
"""What each part logs beside what any part may."""
