"""What defines an event of the log, and how it gets there.

Does no IO but the log.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from types import TracebackType
from typing import ClassVar, Final, TypeAlias, TypeVar

from typing_extensions import dataclass_transform, override

from models.identity import mask

Value: TypeAlias = str | int | float | tuple[str, ...] | None
"""What a field may hold: what JSON has, flat."""

ExcInfo: TypeAlias = (
    bool
    | BaseException
    | tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
    | None
)

RESERVED: Final = frozenset(
    {
        "time", "level", "component", "instance", "pid", "event", "message", "logger", "repeated",
        "traceback",
    }
)  # fmt: skip
"""The keys that every line of JSON has for itself; no event may have such a field."""

DEBUG, INFO, WARNING, ERROR, CRITICAL = (
    logging.DEBUG,
    logging.INFO,
    logging.WARNING,
    logging.ERROR,
    logging.CRITICAL,
)


class LogEvent:
    """One kind of event; an instance is one that happened. See ``event``.

    A field named ``caller`` holds a JID, which is masked wherever the event is written.
    """

    name: ClassVar[str]
    level: ClassVar[int]
    sentence: ClassVar[str]

    __slots__ = ()

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """What it holds, in order."""
        return tuple(each.name for each in fields(cls))  # type: ignore[arg-type]  # see `event`

    @classmethod
    def meaning(cls) -> str:
        """Its docstring."""
        return inspect.cleandoc(cls.__doc__ or "")

    def values(self) -> dict[str, Value]:
        """Its fields as they are written: a caller's number is masked."""
        found = {each: getattr(self, each) for each in self.field_names()}
        if isinstance(found.get("caller"), str):
            found["caller"] = mask(found["caller"])
        return found

    @override
    def __str__(self) -> str:
        return self.sentence.format_map(self.values())


E = TypeVar("E", bound=LogEvent)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def event(name: str, level: int, sentence: str) -> Callable[[type[E]], type[E]]:
    """Make a class with fields an event of the log.

    ``name`` is for programs and never changes; ``sentence`` is for people, with fields in braces
    as ``str.format`` has them. Fields that it leaves out stand in JSON alone.
    """

    def defined(cls: type[E]) -> type[E]:
        made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        made.name, made.level, made.sentence = name, level, sentence
        return made

    return defined


class EventLog:
    """The log of one module: of events alone, so that each has a name."""

    def __init__(self, module: str) -> None:
        """``module``: ``__name__``, by which lines of text name it."""
        self._logger = logging.getLogger(module)

    def write(self, happened: LogEvent, exc_info: ExcInfo = None) -> None:
        """Log it; ``exc_info`` as ``logging`` takes it. Never raises, and does not block."""
        if self._logger.isEnabledFor(happened.level):
            self._logger.log(
                happened.level,
                "%s",
                happened,
                exc_info=exc_info,
                stacklevel=2,
                extra={"happened": happened},
            )
