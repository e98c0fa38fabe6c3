"""Which topics a part of the program reads and writes, found in its source.

A part is everything that its entry modules reach, name by name: a module that is imported for one
function counts with that function only. A topic's constant in the first place of ``Record(...)``,
or in a function of ``models.records``, is written; anywhere else it is read. ``read_by`` and
``written_by`` are left out: they take their topics from the registry, which is what is checked.
A view of a compacted topic is read where a reader is given it, not where it is merely asked.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from models import topics
from models.topics import Topic
from streams.settings import ROOT

Name = tuple[str, str]
"""Module, and a name at its top level; an empty name is the module itself."""

REGISTRY = "models.topics"
RECORDS = "models.records"
VIEWS = "streams.views."
REFERENCES = {(RECORDS, "reference"), (RECORDS, "tombstone")}
READERS = {
    ("streams.kafka.compacted_reader", "read_once"),
    ("streams.kafka.compacted_reader", "CompactedReader"),
}
TOPIC_OF = {
    "Contact": topics.CONTACTS,
    "IdentityLink": topics.IDENTITIES,
    "Presence": topics.AGENTS_PRESENCE,
    "BridgeHealth": topics.BRIDGES_HEALTH,
    "LineStatus": topics.LINES_STATUS,
    "WorkerStatus": topics.WORKERS_STATUS,
    "Callback": topics.CALLBACKS,
    "ListEntry": topics.OVERRIDES,
    "CallerBlock": topics.OVERRIDES,
    "LineSwitch": topics.OVERRIDES,
    "Override": topics.OVERRIDES,
}
"""``records.reference`` and ``tombstone`` write where their value belongs; what a module hands them
is one of the types that it imports."""


@dataclass(slots=True)
class Use:
    """What was found: topics by name."""

    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Module:
    """One parsed module: what its names mean, and what defines them."""

    name: str
    imports: dict[str, Name] = field(default_factory=dict)
    parts: dict[str, list[ast.AST]] = field(default_factory=dict)
    """Statements by the name that they define; those that define none under an empty name."""


def _modules(root: Path) -> dict[str, Module]:
    found = {}
    for package in ("models", "streams"):
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = parse(name, path.read_text(encoding="utf-8"))
    return found


def parse(name: str, source: str) -> Module:
    """Read a module's source."""
    module = Module(name)
    tree = ast.parse(source)
    # imports within functions too: commands import what they need when they run
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                module.imports[alias.asname or alias.name] = (node.module, alias.name)
    for statement in tree.body:
        for defined in _defined(statement):
            module.parts.setdefault(defined, []).append(statement)
    return module


def _defined(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (each.id for each in targets if isinstance(each, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.Import() | ast.ImportFrom():
            return
        case _:
            yield ""


class Program:
    """All modules of the program, to be asked what a part of it reads and writes."""

    def __init__(self, modules: dict[str, Module]) -> None:
        self._modules = modules
        self._known: dict[Name, list[Name]] = {}

    @classmethod
    @cache
    def whole(cls) -> Program:
        """Everything under ``models`` and ``streams``."""
        return cls(_modules(ROOT))

    def including(self, module: Module) -> Program:
        """The program with one more module."""
        return Program(self._modules | {module.name: module})

    def reached(self, entries: Iterable[str], without: tuple[str, ...] = ()) -> set[Name]:
        """Every name that the entries reach: ``package.module`` whole, or ``module:name``.

        Modules whose name begins with one of ``without`` are not entered.
        """
        todo: list[Name] = []
        for entry in entries:
            module, _, name = entry.partition(":")
            todo += [(module, name)] if name else [(module, each) for each in self.names(module)]
        seen: set[Name] = set()
        while todo:
            at = todo.pop()
            if at in seen or at[0] == REGISTRY or at[0].startswith(without):
                continue
            seen.add(at)
            todo += self.next(at)
        return seen

    def names(self, module: str) -> list[str]:
        """What a module defines; raises ``KeyError`` for one that is not there."""
        return list(self._modules[module].parts)

    def use(self, names: Iterable[Name]) -> Use:
        """What these names read and write."""
        total = Use()
        for module, name in names:
            if module.startswith(VIEWS) or (module, name) == (RECORDS, "_place_of"):
                continue
            if self._follows_views(module, name):
                total.reads |= self._views(module, name)
            for statement in self._modules[module].parts.get(name, ()):
                self._note(self._modules[module], statement, total)
        return total

    def users(self) -> set[Name]:
        """Every name that reads or writes a topic of its own."""
        everything = ((each.name, name) for each in self._modules.values() for name in each.parts)
        found = set()
        for at in everything:
            used = self.use([at])
            if at[0] not in {REGISTRY, RECORDS} and (used.reads or used.writes):
                found.add(at)
        return found

    def _follows_views(self, module: str, name: str) -> bool:
        return any(target in READERS for target in self.next((module, name)))

    def _views(self, module: str, name: str) -> set[str]:
        """The topics of the views that a name reaches."""
        found: set[str] = set()
        for owner, each in self.reached([f"{module}:{name}"]):
            if owner.startswith(VIEWS):
                for statement in self._modules[owner].parts.get(each, ()):
                    found |= self._constants(self._modules[owner], statement)
        return found

    def next(self, at: Name) -> list[Name]:
        """What a name's definition names in turn."""
        if at not in self._known:
            self._known[at] = list(dict.fromkeys(self._find_next(at)))
        return self._known[at]

    def _find_next(self, at: Name) -> Iterator[Name]:
        module = self._modules[at[0]]
        for statement in module.parts.get(at[1], ()):
            for node in ast.walk(statement):
                target = self._target(module, node)
                if target is not None:
                    yield target

    def _target(self, module: Module, node: ast.AST) -> Name | None:
        """The definition in our sources that a name stands for."""
        match node:
            case ast.Attribute(value=ast.Name(id=base), attr=attr) if base in module.imports:
                owner = ".".join(module.imports[base])
                return self._resolved((owner, attr)) if owner in self._modules else None
            case ast.Name(id=name) if name in module.imports:
                return self._resolved(module.imports[name])
            case ast.Name(id=name) if name in module.parts:
                return module.name, name
            case _:
                return None

    def _resolved(self, at: Name) -> Name | None:
        """Through what packages hand on, to where the name is defined."""
        seen: set[Name] = set()
        while at[0] in self._modules and at not in seen:
            seen.add(at)
            module = self._modules[at[0]]
            if at[1] in module.parts:
                return at
            if at[1] not in module.imports:
                return None
            at = module.imports[at[1]]
        return None

    def _note(self, module: Module, statement: ast.AST, into: Use) -> None:
        if module.name == RECORDS:
            into.writes |= self._constants(module, statement)
            return
        written: set[str] = set()
        passed: list[ast.AST] = []
        for node in ast.walk(statement):
            match node:
                case ast.Name(id="REPLAYABLE"):
                    written |= self._constant(module, node)
                    passed.append(node)
                case ast.Compare():
                    # `topic is CALLS_DLQ` asks what something is; it reads nothing
                    passed += list(ast.walk(node))
                case ast.Call(func=func, args=[first, *_]):
                    target = self._target(module, func)
                    if target == (RECORDS, "Record"):
                        written |= self._constants(module, first)
                        passed += list(ast.walk(first))
                    elif target in REFERENCES:
                        written |= {TOPIC_OF[n].name for n in module.imports if n in TOPIC_OF}
                case _:
                    pass
        into.writes |= written
        skipped = {id(node) for node in passed}
        for node in ast.walk(statement):
            if id(node) not in skipped:
                into.reads |= self._constant(module, node)

    def _constants(self, module: Module, tree: ast.AST) -> set[str]:
        return {name for node in ast.walk(tree) for name in self._constant(module, node)}

    def _constant(self, module: Module, node: ast.AST) -> set[str]:
        """The names of the topics that a node stands for."""
        target = self._target(module, node)
        if target is None or target[0] != REGISTRY:
            return set()
        value = getattr(topics, target[1], None)
        if isinstance(value, Topic):
            return {value.name}
        if isinstance(value, tuple) and target[1] != "TOPICS":
            # who names all topics looks after them, or asks which there are
            return {each.name for each in value if isinstance(each, Topic)}
        return set()
