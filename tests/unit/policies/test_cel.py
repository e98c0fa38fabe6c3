"""The CEL library's native module: loaded once, and missed by name."""

from __future__ import annotations

import importlib
import sys

import pytest

from streams.policies import cel


def test_the_native_module_is_loaded_once() -> None:
    package = importlib.import_module("cel")
    assert package.compile is cel._native()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cel.cel")
    monkeypatch.setattr(cel, "find_spec", lambda _name: None)
    with pytest.raises(ImportError, match="common-expression-language"):
        cel._native()
