"""YAML documents checked as a whole, with errors that name file, line, key and mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from streams.errors import ConfigurationError


class Document:
    """One YAML file: its data, and where in the file each value stands."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises ``ConfigurationError`` if it is missing, no text, or no YAML."""
        self.path = path
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
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
            _refuse_double_keys(path, self._root)
            self.data: Any = yaml.safe_load(text)
        except yaml.MarkedYAMLError as exc:
            line = exc.problem_mark.line + 1 if exc.problem_mark else 1
            msg = f"{path}:{line}: not valid YAML: {exc.problem}"
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
            where = tuple(part for part in error["loc"] if self._stands(part))
            key = ".".join(str(part) for part in where) or "the document"
            message = error["msg"].removeprefix("Value error, ")
            faults.append(f"{self.path}:{self.line_of(where)}: {key}: {message}")
        return ConfigurationError("\n".join(faults))

    def fault(self, where: tuple[int | str, ...], message: str) -> ConfigurationError:
        """An error about one value of this file."""
        key = ".".join(str(part) for part in where)
        return ConfigurationError(f"{self.path}:{self.line_of(where)}: {key}: {message}")

    def _stands(self, part: int | str) -> bool:
        # pydantic puts a union's tag ("burst", "waha") into the path; no such key is in the file
        return part not in {"burst", "text_first", "waha", "wawp", "[key]"}


def _child(node: yaml.Node | None, part: int | str, line: int) -> tuple[yaml.Node | None, int]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item, item.start_mark.line + 1
    return None, line


def _refuse_double_keys(path: Path, node: yaml.Node | None) -> None:
    # YAML keeps the last of two equal keys in silence, and a rule or line would be gone
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                msg = f"{path}:{key.start_mark.line + 1}: the key {key.value!r} stands twice; keep one"
                raise ConfigurationError(msg)
            seen.add(key.value)
            _refuse_double_keys(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_double_keys(path, item)
