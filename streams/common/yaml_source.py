"""YAML documents checked as a whole, with errors that name file, line, key and the fix."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from typing_extensions import override

from models.policy import RULE_TYPES
from streams.common.errors import ConfigurationError

_TAGS = frozenset({"[key]", "texts", "experiment", *RULE_TYPES})
"""What pydantic puts into a fault's path for the kind of a rule or reply, where the file has no
key."""
_QUOTED = re.compile(r"""(["'])((?:(?!\1).)*)\1""")


class _Loader(yaml.SafeLoader):
    """Reports a value that only looks like a date or a number with its line."""

    @override
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError:
            what = "a value looks like a date or a number and is none; put it in quotes"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark) from None


def _hint(error: Any) -> str:
    """What is wrong and how to fix it, for whoever wrote the file."""
    match error["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            return "there is no such key here; look at its spelling"
        case "missing" | "missing_argument":
            return "is missing; write it"
        case "union_tag_invalid":
            known, wrong = str(error["ctx"]["expected_tags"]), str(error["ctx"]["tag"])
            near = get_close_matches(wrong, [each.strip("' ") for each in known.split(",")], n=1)
            return f"{wrong!r} is not known; " + (
                f"do you mean {near[0]!r}?" if near else f"there are {known}"
            )
        case _:
            return str(error["msg"]).removeprefix("Value error, ")


class YamlSource:
    """One YAML file: its data, and where in the file each value stands."""

    def __init__(self, path: Path, tags: Iterable[str] = ()) -> None:
        """Read the file; raises ``ConfigurationError`` if it is missing, no text, or no YAML.

        ``tags`` are further names that pydantic puts into a fault's path for the kind of a value.
        """
        self.path = path
        self._tags = _TAGS.union(tags)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            msg = f"{path}: no such file"
            raise ConfigurationError(msg) from None
        except IsADirectoryError:
            msg = f"{path}: is a folder, not a YAML file"
            raise ConfigurationError(msg) from None
        except (OSError, UnicodeDecodeError) as exc:
            msg = f"{path}: cannot be read as UTF-8 text ({exc})"
            raise ConfigurationError(msg) from None
        try:
            self._root = yaml.compose(text, Loader=_Loader)
            _refuse_double_keys(path, self._root)
            self.data: Any = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
        except yaml.MarkedYAMLError as exc:
            line = exc.problem_mark.line + 1 if exc.problem_mark else 1
            msg = f"{path}:{line}: not valid YAML: {_unquoted(exc.problem or str(exc.context))}"
            raise ConfigurationError(msg) from None
        except yaml.reader.ReaderError as exc:
            line = text.count("\n", 0, exc.position) + 1
            msg = f"{path}:{line}: not valid YAML: a control character stands there; remove it"
            raise ConfigurationError(msg) from None

    def line_of(self, where: tuple[int | str, ...]) -> int:
        """The line of the value at a key path, or of the nearest parent that stands in the file."""
        node = self._root
        line = 1
        for part in where:
            node, line = _child(node, part, line)
            if node is None:
                break
        return line

    def refuse(self, exc: ValidationError) -> ConfigurationError:
        """One error that lists every fault of a validation, each with line and key."""
        faults = []
        for error in exc.errors(include_url=False, include_input=False):
            where = self._place(error["loc"])
            key = ".".join(str(part) for part in where) or "the document"
            message = _hint(error)
            faults.append(f"{self.path}:{self.line_of(where)}: {key}: {message}")
        return ConfigurationError("\n".join(faults))

    def fault(self, where: tuple[int | str, ...], message: str) -> ConfigurationError:
        """An error about one value of this file."""
        key = ".".join(str(part) for part in where)
        return ConfigurationError(f"{self.path}:{self.line_of(where)}: {key}: {message}")

    def _place(self, loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
        # pydantic puts a union's tag into the path, where the file has no key; but a gateway may be
        # named "waha"
        node, where = self._root, []
        for part in loc:
            child, _ = _child(node, part, 1)
            if child is None and part in self._tags:
                continue
            where.append(part)
            node = child
        return tuple(where)


def _child(node: yaml.Node | None, part: int | str, line: int) -> tuple[yaml.Node | None, int]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item, item.start_mark.line + 1
    return None, line


def _refuse_double_keys(path: Path, root: yaml.Node | None) -> None:
    # YAML keeps the last of two equal keys in silence, and a rule or line would be gone
    waiting, looked_at = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in looked_at:  # an alias, maybe of a node around it
            continue
        looked_at.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _refuse_double_keys_of(path, node)
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _refuse_double_keys_of(path: Path, node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue  # what cannot be a key is refused with the value
        if key.value in seen:
            msg = f"{path}:{key.start_mark.line + 1}: the key {key.value!r} stands twice; keep one"
            raise ConfigurationError(msg)
        seen.add(key.value)


def _unquoted(problem: str) -> str:
    """The parser's message without what it quotes of the file.

    A secret written there may look like an alias or a tag.
    """
    return _QUOTED.sub(
        lambda quoted: quoted[0] if len(quoted[2]) <= 2 or quoted[2][0] == "<" else "'...'", problem
    )
