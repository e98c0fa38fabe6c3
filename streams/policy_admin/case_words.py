"""What a case of a policy may say, read into what would be known of a call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from models.calls import Media
from models.contacts import Contact
from models.numbers import read_person
from models.overrides import CallerBlock, LineSwitch, ListEntry
from models.patterns import CallerPattern
from models.policy import ANY_LINE, Policy, parse_duration
from models.presence import (
    HEALTH_TTL_MS,
    AgentStatus,
    BridgeHealth,
    ConnectionChange,
    LineStatus,
    Presence,
)
from models.records import Reference

_WHO: Final = "the case"
_NOW: Final = "2026-01-14T10:30"
"""A Wednesday, where a case names no time."""
_OUTAGE_MS: Final = 3_600_000
"""How long a disconnection of a case lasts."""
_CALLER: Final = "+447700900123"

CaseKeyPath = tuple[int | str, ...]


class CaseError(ValueError):
    """Something that is given and means nothing; ``where`` is its place under ``given``."""

    def __init__(self, where: CaseKeyPath, message: str) -> None:
        super().__init__(message)
        self.where = where


@dataclass(slots=True)
class Scene:
    """What a case gives, as far as it was read."""

    line: str
    zone: str
    now_ms: int
    caller: str
    media: Media = "voice"
    group: bool = False
    last_in_ms: int = 0
    last_out_ms: int = 0
    history_incomplete: bool = False
    calls: list[int] = field(default_factory=list)
    """When the caller called before."""
    strangers: int = 0
    held_out: tuple[str, ...] = ()
    """The rules that the caller is held out of; of no other one."""
    known: list[Reference] = field(default_factory=list)


def read(given: Mapping[str, Any], policy: Policy, zones: Mapping[str, str]) -> Scene:
    """What a case gives, for a policy; raises ``CaseError`` for what means nothing."""
    for word in given:
        if word not in WORDS:
            raise CaseError(
                (word,), f"{word!r} is no word of a case; the words are {', '.join(WORDS)}"
            )
    line = str(
        given.get("line") or (policy.line if policy.line != ANY_LINE else next(iter(zones), "line"))
    )
    zone = str(given.get("zone") or zones.get(line, "UTC"))
    scene = Scene(line, _at(_zone, zone, "zone"), 0, "")
    for word, (reader, _) in WORDS.items():
        if word in given or word in {"now", "caller"}:
            _at(reader, scene, word, given.get(word))
    known = [rule.id for rule in policy.rules if rule.holdout]
    for name in scene.held_out:
        if name not in known:
            msg = f"{name!r} is no rule with a holdout (there: {', '.join(known) or 'none'})"
            raise CaseError(("held_out",), msg)
    return scene


def _at(read: Callable[..., Any], subject: Any, word: str, *value: Any) -> Any:
    try:
        return read(subject, *value)
    except CaseError as exc:
        raise CaseError((word, *exc.where), str(exc)) from None
    except (ValueError, TypeError, AttributeError, KeyError) as exc:
        shown = str(exc) if isinstance(exc, ValueError) else "it is not written like that"
        msg = f"{shown}; {WORDS[word][1]}"
        raise CaseError((word,), msg) from None


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        msg = f"{name!r} is no IANA time zone"
        raise ValueError(msg) from None
    return name


def _now(scene: Scene, value: Any) -> None:
    scene.now_ms = _instant(value or _NOW, scene.zone)


def _caller(scene: Scene, value: Any) -> None:
    found = CallerPattern.parse(str(value or _CALLER))
    if found.kind != "jid":
        msg = f"{value!r} is more than one caller"
        raise ValueError(msg)
    scene.caller = found.value


def _media(scene: Scene, value: Any) -> None:
    scene.media = _one_of(value, get_args(Media))


def _group(scene: Scene, value: Any) -> None:
    scene.group = _truth(value)


def _contact(scene: Scene, value: Any) -> None:
    if value is not None:
        for key in value:
            _one_of(key, ("tier", "name", "time_zone", "locale", "aliases"))
        aliases = tuple(read_person(str(each)) for each in value.get("aliases", ()))
        given: dict[str, Any] = {
            key: str(each) for key, each in value.items() if key != "aliases" and each is not None
        }
        _zone(given.get("time_zone", "UTC"))
        contact = Contact(
            contact=scene.caller, aliases=aliases, source=_WHO, at_ms=scene.now_ms, **given
        )
        scene.known.append(contact)


def _wrote(scene: Scene, value: Any) -> None:
    scene.last_in_ms = _ago(value, scene) if value is not None else 0


def _answered(scene: Scene, value: Any) -> None:
    scene.last_out_ms = _ago(value, scene) if value is not None else 0


def _calls(scene: Scene, value: Any) -> None:
    if not isinstance(value, list):
        raise TypeError
    scene.calls = sorted(_ago(each, scene) for each in value)


def _agents(scene: Scene, value: Any) -> None:
    if value.keys() <= {"online", "free"}:
        online, free = int(value.get("online", value.get("free", 0))), int(value.get("free", 0))
        if not 0 <= free <= online:
            msg = f"{free} free agents of {online} online"
            raise ValueError(msg)
        value = {f"agent-{n}": "online" if n < free else "busy" for n in range(online)}
    for agent, status in value.items():
        scene.known.append(
            Presence(
                agent=str(agent),
                status=_one_of(status, get_args(AgentStatus)),
                lines=(ANY_LINE,),
                status_at_ms=scene.now_ms,
                heartbeat_at_ms=scene.now_ms,
            )
        )


def _bridges(scene: Scene, value: Any) -> None:
    for name, state in value.items():
        _one_of(state, ("up", "down", "full", "silent"))
        heard_ms = scene.now_ms - (1 if state == "silent" else 0)
        scene.known.append(
            BridgeHealth(
                bridge=str(name),
                up=state != "down",
                lines=(ANY_LINE,),
                active=1,
                capacity=1 if state == "full" else None,
                at_ms=heard_ms,
                ttl_ms=1 if state == "silent" else HEALTH_TTL_MS,
            )
        )


def _lists(scene: Scene, value: Any) -> None:
    for name, patterns in value.items():
        for pattern in patterns:
            entry = ListEntry(
                list=str(name),
                pattern=str(CallerPattern.parse(pattern)),
                author=_WHO,
                added_at_ms=scene.now_ms,
            )
            scene.known.append(entry)


def _switch(scene: Scene, value: Any) -> None:
    if value is not None:
        state = _one_of(value, ("open", "closed"))
        scene.known.append(
            LineSwitch(line=scene.line, state=state, author=_WHO, at_ms=scene.now_ms)
        )


def _blocked(scene: Scene, value: Any) -> None:
    if value is not None:
        until_ms = scene.now_ms + _span(value)
        block = CallerBlock(
            caller=scene.caller, line=scene.line, until_ms=until_ms, author=_WHO, at_ms=scene.now_ms
        )
        scene.known.append(block)


def _disconnected(scene: Scene, value: Any) -> None:
    if value is not None:
        there = value != "now"
        to_ms = _ago(value, scene) if there else scene.now_ms
        changes = [ConnectionChange(at_ms=to_ms - _OUTAGE_MS, connected=False)]
        if there:
            changes.append(ConnectionChange(at_ms=to_ms, connected=True))
        scene.known.append(
            LineStatus(
                line=scene.line,
                connected=there,
                status="WORKING" if there else "FAILED",
                changed_at_ms=changes[-1].at_ms,
                changes=tuple(changes),
            )
        )


def _strangers(scene: Scene, value: Any) -> None:
    scene.strangers = int(value)


def _held_out(scene: Scene, value: Any) -> None:
    if not isinstance(value, list):
        raise TypeError
    scene.held_out = tuple(str(each) for each in value)


def _history_incomplete(scene: Scene, value: Any) -> None:
    scene.history_incomplete = _truth(value)


WORDS: Final[Mapping[str, tuple[Callable[[Scene, Any], None], str]]] = {
    "now": (_now, "a time such as 2026-12-24T18:00, with a zone or on the line's clock"),
    "line": (lambda _scene, _value: None, "the name of a line"),
    "zone": (lambda _scene, _value: None, "the line's IANA time zone, such as Europe/London"),
    "caller": (_caller, "a number such as +447700900123, or a JID"),
    "media": (_media, "voice or video"),
    "group": (_group, "true or false"),
    "contact": (
        _contact,
        "the contact record: {tier: gold, name: Ann, time_zone: Europe/Paris, locale: fr}, or null",
    ),
    "wrote": (_wrote, "when the caller wrote last: 3d ago, a time, or null for never"),
    "answered": (
        _answered,
        "when the line wrote to the caller last: 2d ago, a time, or null for never",
    ),
    "calls": (_calls, "when the caller called before, oldest or newest first: [50s ago, 10s ago]"),
    "agents": (
        _agents,
        "{mia: online, ben: busy} (or away, offline), or a number of them: {online: 2, free: 0}",
    ),
    "bridges": (_bridges, "recording bridges: {sbc-1: up} (or down, full, silent)"),
    "lists": (_lists, "entries of lists: {deny: [+44*, GB]}"),
    "switch": (_switch, "the line's night switch: open or closed"),
    "blocked": (_blocked, "how much longer a block by hand lasts: 2h"),
    "disconnected": (
        _disconnected,
        "when the gateway was connected again after an hour without, such as 5m ago; or now",
    ),
    "strangers": (_strangers, "how many different strangers called the line a second ago"),
    "history_incomplete": (_history_incomplete, "true while messages are still to be read"),
    "held_out": (
        _held_out,
        "the rules whose holdout the caller is in: [text-first]; else in none",
    ),
}
"""What may be given, how it is read, and what it means to people."""


def _instant(value: Any, zone: str) -> int:
    when = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
    if when.tzinfo is None:
        when = when.replace(tzinfo=ZoneInfo(zone))
    return round(when.timestamp() * 1000)


def _ago(value: Any, scene: Scene) -> int:
    text = str(value)
    if text.endswith("ago"):
        return scene.now_ms - _span(text.removesuffix("ago"))
    return _instant(value, scene.zone)


def _span(value: Any) -> int:
    found = parse_duration(str(value))
    if not isinstance(found, int):
        raise TypeError
    return found


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _one_of(value: Any, allowed: tuple[str, ...]) -> Any:
    if value not in allowed:
        msg = f"{value!r} is none of {', '.join(allowed)}"
        raise ValueError(msg)
    return value
