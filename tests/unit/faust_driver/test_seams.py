"""The list of seams is complete, has nothing unused, and says what a new version changed."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.faust_driver import seams, versions
from streams.faust_driver.seams import SEAMS, Seam
from streams.settings import ROOT

ROOM = ROOT / "streams" / "faust_driver"
FILES = [path for path in sorted(ROOM.glob("*.py")) if path.name != "seams.py"]
UPSTREAM = ("faust", "mode", "aiokafka")
PUBLIC = {
    "aiokafka",
    "aiokafka.abc",
    "aiokafka.admin",
    "aiokafka.admin.config_resource",
    "aiokafka.errors",
    "aiokafka.partitioner",
    "aiokafka.structs",
}
"""What aiokafka documents; everything else of it may change with any version."""

MADE_BY_THE_LANGUAGE = re.compile(
    r"__(module|doc|dict|weakref|annotations|qualname|parameters|orig_bases|abstractmethods)__"
    r"|__static_attributes__|__firstlineno__|_abc_impl"
)
MADE_BY_MODE = {"logger"}
"""Set on each subclass by its metaclass, not by us."""


def ours() -> Iterator[type]:
    """Every class of ours that has a base upstream."""
    names = [f"streams.faust_driver.{path.stem}" for path in FILES if path.stem != "__init__"]
    for name in [*names, "streams.worker.app", "streams.attrition.app"]:
        module = importlib.import_module(name)
        for cls in vars(module).values():
            if inspect.isclass(cls) and cls.__module__ == name and upstream(cls):
                yield cls


def upstream(cls: type) -> list[type]:
    return [base for base in cls.__mro__ if base.__module__.split(".")[0] in UPSTREAM]


def overridden() -> set[tuple[str, str]]:
    found = set()
    for cls in ours():
        for member in vars(cls):
            if MADE_BY_THE_LANGUAGE.fullmatch(member) or member in MADE_BY_MODE:
                continue
            owner = next((base for base in upstream(cls) if member in vars(base)), None)
            if owner is not None:
                found.add((f"{owner.__module__}:{owner.__qualname__}", member))
    return found


@functools.cache
def attributes() -> list[tuple[ast.Attribute, type | None]]:
    """Every attribute in the room's source, with the class in which it stands."""
    found: list[tuple[ast.Attribute, type | None]] = []
    for path in FILES:
        module = importlib.import_module(
            f"streams.faust_driver.{path.stem}".removesuffix(".__init__")
        )
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = {
            id(node): getattr(module, cls.name)
            for cls in ast.walk(tree)
            if isinstance(cls, ast.ClassDef)
            for node in ast.walk(cls)
        }
        found += [
            (node, inside.get(id(node)))
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
        ]
    return found


def is_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}


def is_super(node: ast.Attribute) -> bool:
    call = node.value
    return (
        isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "super"
    )


source_of = functools.cache(inspect.getsource)


@functools.cache
def is_theirs(cls: type, name: str) -> bool:
    """Whether a base upstream knows the attribute."""
    return any(
        name in vars(base) or re.search(rf"self\.{name}\b", source_of(base))
        for base in upstream(cls)
    )


def private() -> set[str]:
    found = set()
    for node, cls in attributes():
        if not node.attr.startswith("_") or node.attr.startswith("__"):
            continue
        if is_self(node) or is_super(node):
            if cls is not None and is_theirs(cls, node.attr):
                found.add(node.attr)
        else:
            found.add(node.attr)
    return found


def patched() -> set[str]:
    """What is set on objects that are not our own."""
    mine = {"heard_at"}
    return {
        node.attr
        for node, _ in attributes()
        if isinstance(node.ctx, ast.Store) and not is_self(node) and node.attr not in mine
    }


def test_every_overridden_member_is_listed_and_no_other() -> None:
    listed = {(seam.owner, seam.member) for seam in SEAMS if seam.use == "overridden"}
    assert overridden() == listed


def test_every_private_name_in_use_is_listed() -> None:
    assert private() - {seam.member for seam in SEAMS} == set()


def test_every_listed_private_name_is_in_use() -> None:
    assert {seam.member for seam in SEAMS if seam.use == "private"} - private() == set()


def test_every_patch_is_listed_and_no_other() -> None:
    assert patched() == {seam.member for seam in SEAMS if seam.use == "patched"}


def test_every_member_reached_through_super_is_listed() -> None:
    reached = {
        node.attr
        for node, cls in attributes()
        if is_super(node) and cls is not None and upstream(cls)
    }
    assert reached - {seam.member for seam in SEAMS} == set()


def test_no_seam_is_listed_twice_or_without_a_reason() -> None:
    assert len({(seam.owner, seam.member) for seam in SEAMS}) == len(SEAMS)
    assert all(seam.why for seam in SEAMS)


def test_every_seam_is_as_it_was_proven() -> None:
    assert "\n".join(seams.changed()) == ""


def test_a_changed_and_a_missing_member_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = "faust.transport.consumer:Consumer"
    one = Seam(owner, "ack", "overridden", "0" * 12, "never past a held event")
    gone = Seam(owner, "no_such_member", "private", "0" * 12, "of no use")
    nowhere = Seam("faust.no_such_module:Thing", "x", "private", "0" * 12, "of no use either")
    monkeypatch.setattr(seams, "SEAMS", (one, gone, nowhere))
    changed, missing, nowhere_said = seams.changed()
    where = "faust.transport.consumer.Consumer"
    assert changed.startswith(f"{where}.ack (overridden) has changed, 000000000000 -> ")
    assert changed.endswith("needed because: never past a held event")
    assert missing == f"{where}.no_such_member (private) is gone; needed because: of no use"
    assert nowhere_said.startswith("faust.no_such_module.Thing.x (private) is gone")


class Upstream:
    """Stands for a class of a new version."""

    limit: int = 1

    def __init__(self) -> None:
        self._held = self.limit == 2


@pytest.mark.parametrize(
    ("member", "lines"),
    [("limit", "    limit: int = 1"), ("_held", "        self._held = self.limit == 2")],
)
def test_an_attribute_is_its_assignments(
    member: str, lines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "Upstream", Upstream, raising=False)
    assert seams._source("streams.faust_driver.versions:Upstream", member) == lines


def modules_of(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def outside() -> list[Path]:
    return [path for path in (ROOT / "streams").rglob("*.py") if path.parent != ROOM]


def test_no_other_room_imports_what_aiokafka_keeps_to_itself() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {module}"
        for path in outside()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in modules_of(node)
        if module.split(".")[0] == "aiokafka" and module not in PUBLIC
    ]
    assert found == []


def test_no_other_room_reaches_into_private_names() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in outside()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not is_self(node)
        and not is_super(node)
        and ast.unparse(node) != "os._exit"
        and "aiokafka" in path.read_text(encoding="utf-8")
    ]
    assert found == []
