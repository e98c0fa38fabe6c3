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


_KINDS = {
    "tag:yaml.org,2002:bool": "a truth value",
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:timestamp": "a date",
}
"""What YAML 1.1, which PyYAML reads, takes a plain word for (https://yaml.org/type/)."""
_TRUTHS = frozenset({"true", "false"})
_LONGEST_SHOWN = 8
_ODD_NUMBER = re.compile(r"[-+]?(0[0-9_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")
"""``012`` is ten to YAML 1.1, and ``08:30`` 510: nobody means it."""


class _Loader(yaml.SafeLoader):
    """Reports a value that only looks like a date or a number with its line."""

    @override
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except ValueError:
            what = "a value looks like a date or a number and is none; put it in quotes"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark) from None
        number = isinstance(node, yaml.ScalarNode) and isinstance(value, int | float)
        if number and _ODD_NUMBER.fullmatch(str(node.value)):
            shown = _shown(node)
            number_shown = "" if shown == "it" else f" {value}"
            what = f"{shown} is the number{number_shown} to YAML; put it in quotes"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark)
        return value


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


def _misread(node: yaml.Node | None, *, wants_text: bool = False) -> str:
    """That a plain word is something else to YAML, as a hint; "" where that is not the fault."""
    if not isinstance(node, yaml.ScalarNode) or node.style is not None:
        return ""
    kind, word = _KINDS.get(node.tag), str(node.value)
    if kind is None or not (
        wants_text or (kind == "a truth value" and word.lower() not in _TRUTHS)
    ):
        return ""
    shown = _shown(node)
    example = f', "{word}",' if shown == word else ""
    return f"; {shown} is {kind} to YAML: put it in quotes{example} if the word is meant"


def _shown(node: yaml.Node) -> str:
    """A scalar for a message; what is longer than a time of day may be a secret."""
    return str(node.value) if len(node.value) <= _LONGEST_SHOWN else "it"


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
        errors = exc.errors(include_url=False, include_input=False)
        for error in errors:
            if error["type"] == "too_short" and _is_consequence(error["loc"], errors):
                continue
            where = self._place(error["loc"])
            key = ".".join(str(part) for part in where) or "the document"
            message = _hint(error)
            if "quotes" not in message:
                is_key = "[key]" in error["loc"]
                message += _misread(
                    self._node(where, key=is_key),
                    wants_text=is_key or error["type"] == "string_type",
                )
            faults.append(f"{self.path}:{self.line_of(where)}: {key}: {message}")
        return ConfigurationError("\n".join(faults))

    def fault(self, where: tuple[int | str, ...], message: str) -> ConfigurationError:
        """An error about one value of this file."""
        key = ".".join(str(part) for part in where)
        if "quotes" not in message:
            message += _misread(self._node(where, key=False))
        return ConfigurationError(f"{self.path}:{self.line_of(where)}: {key}: {message}")

    def _node(self, where: tuple[int | str, ...], *, key: bool) -> yaml.Node | None:
        """The value at a key path, or the last key of the path itself."""
        node, parent = self._root, self._root
        for part in where:
            parent, (node, _) = node, _child(node, part, 1)
        if key and where and isinstance(parent, yaml.MappingNode):
            return next((each for each, _ in parent.value if _is_key(each, where[-1])), None)
        return node

    def _place(self, loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
        # pydantic puts a union's tag into the path, where the file has no key; but a gateway may be
        # named "waha"
        node, where = self._root, []
        for part in loc:
            child, _ = _child(node, part, 1)
            if child is None and part in self._tags:
                continue
            where.append(_as_written(node, part))
            node = child
        return tuple(where)


def _child(node: yaml.Node | None, part: int | str, line: int) -> tuple[yaml.Node | None, int]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if _is_key(key, part):
                return value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item, item.start_mark.line + 1
    return None, line


def _is_key(key: yaml.Node, part: int | str) -> bool:
    """Whether a key is what pydantic names so: it shows a key that YAML reads as no as 0."""
    if key.value == str(part):
        return True
    truth = yaml.SafeLoader.bool_values.get(str(key.value).lower())
    return key.tag.endswith(":bool") and truth is not None and part in {int(truth), str(truth)}


def _as_written(node: yaml.Node | None, part: int | str) -> int | str:
    """A key as it stands in the file."""
    if not isinstance(node, yaml.MappingNode):
        return part
    return next((str(key.value) for key, _ in node.value if _is_key(key, part)), part)


def _is_consequence(loc: tuple[int | str, ...], errors: Iterable[Any]) -> bool:
    """Whether a list only counts as too short for the faults of what stands in it."""
    return any(len(each["loc"]) > len(loc) and each["loc"][: len(loc)] == loc for each in errors)


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
