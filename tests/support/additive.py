"""Whether a new AsyncAPI document only adds to an old one.

Two versions of Ringfence run side by side while workers are replaced, and analysts' programs are
older still: what a reader of the old form relies on must be there in the new one. Within one
version of the schema (``info.version``) a topic, a message, a field or a part may come; none may
go, change its type, become required, or lose or gain a value that readers tell apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_UNSAID = {"description", "default", "title", "examples"}
"""What changes nothing about which values may stand somewhere."""


def taken_away(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What the new document takes away from the old one, each in a sentence; empty where nothing.

    Empty too where the version of the schema was raised: readers refuse what they do not know.
    """
    if new["info"]["version"] != old["info"]["version"]:
        return []
    return [*_channels(old, new), *_messages(old, new), *_schemas(old, new)]


def _channels(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name, channel in old["channels"].items():
        now = new["channels"].get(name)
        if now is None:
            yield f"topic {name} is gone"
            continue
        for message in channel["messages"].keys() - now["messages"].keys():
            yield f"topic {name}: {message} stands there no more"
        for setting in ("topic", "partitions"):
            was, isnt = (each["bindings"]["kafka"].get(setting) for each in (channel, now))
            if was != isnt:
                yield f"topic {name}: {setting} was {was}, is {isnt}"
        was, isnt = (_configuration(each)["cleanup.policy"] for each in (channel, now))
        if was != isnt:
            yield f"topic {name}: cleanup.policy was {was}, is {isnt}"
        was, isnt = (_configuration(each).get("retention.ms", 0) for each in (channel, now))
        if isnt < was:
            yield f"topic {name}: kept for {isnt} ms, was {was}"


def _configuration(channel: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = channel["bindings"]["kafka"]["topicConfiguration"]
    return found


def _messages(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    there = new["components"]["messages"]
    for name, message in old["components"]["messages"].items():
        now = there.get(name)
        if now is None:
            yield f"message {name} is gone"
            continue
        for part in ("name", "contentType"):
            if now[part] != message[part]:
                yield f"message {name}: {part} was {message[part]}, is {now[part]}"
        was, isnt = (each["bindings"]["kafka"]["key"] for each in (message, now))
        if was != isnt:
            yield f"message {name}: its key was {was['description']}, is {isnt['description']}"
        was, isnt = message["payload"], now["payload"]
        if was != isnt:
            yield f"message {name}: its value was {was}, is {isnt}"


def _schemas(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    there = new["components"]["schemas"]
    for name, schema in old["components"]["schemas"].items():
        now = there.get(name)
        if now is None:
            yield f"{name} is gone"
        else:
            yield from _narrower(name, schema, now)


def _narrower(where: str, old: Schema, new: Schema) -> Iterator[str]:
    """What of a schema's old values, or of what was promised of them, the new one lacks."""
    if "properties" in old and "properties" in new:
        yield from _fields(where, old, new)
        return
    if "anyOf" in old or "anyOf" in new:
        yield from _alternatives(where, old, new)
        return
    if "enum" in old and "enum" in new:
        gone = sorted(set(map(str, old["enum"])) - set(map(str, new["enum"])))
        if gone:
            yield f"{where} cannot be {', '.join(gone)} any more"
        old, new = ({k: v for k, v in each.items() if k != "enum"} for each in (old, new))
    for part in ("items", "additionalProperties"):
        was, isnt = old.get(part), new.get(part)
        if isinstance(was, dict) and isinstance(isnt, dict):
            yield from _narrower(f"{where}[]", was, isnt)
            old, new = ({k: v for k, v in each.items() if k != part} for each in (old, new))
    was, isnt = (
        {name: value for name, value in each.items() if name not in _UNSAID} for each in (old, new)
    )
    if was != isnt:
        yield f"{where} was {was}, is {isnt}"


def _fields(where: str, old: Schema, new: Schema) -> Iterator[str]:
    for name, field in old["properties"].items():
        if name not in new["properties"]:
            yield f"{where}.{name} is gone"
        else:
            yield from _narrower(f"{where}.{name}", field, new["properties"][name])
    was, isnt = (set(each.get("required", ())) for each in (old, new))
    for name in sorted(isnt - was):
        how = "is new and required" if name not in old["properties"] else "became required"
        yield f"{where}.{name} {how}: an older writer leaves it out"
    for name in sorted(was - isnt):
        if name in new["properties"]:
            yield f"{where}.{name} may be left out now: an older reader needs it"


def _alternatives(where: str, old: Schema, new: Schema) -> Iterator[str]:
    """Of values of several kinds, none may go; a new one is what no older reader expects."""
    was, isnt = (
        {_kind(each): each for each in schema.get("anyOf", [schema])} for schema in (old, new)
    )
    for kind in sorted(was.keys() - isnt.keys()):
        yield f"{where} cannot be {kind} any more"
    for kind in sorted(isnt.keys() - was.keys()):
        yield f"{where} may be {kind} now: an older reader does not expect it"
    for kind in sorted(was.keys() & isnt.keys()):
        yield from _narrower(where, was[kind], isnt[kind])


def _kind(schema: Schema) -> str:
    return str(schema.get("$ref", schema.get("type", "anything")))
