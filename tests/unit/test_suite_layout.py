"""Where tests are and what they are called: found by the module they prove, in the right suite,
and read at a glance."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from streams.settings import ROOT

TESTS = ROOT / "tests"
LONGEST_NAME = 60
SUITES = {"unit", "contract", "kafka", "process", "pipeline", "faults", "fuzz", "operations"}
"""Folders with tests; ``tests/run --help`` says what each is for."""

CROSS_CUTTING = {
    "bench/test_peers.py": "the benchmark's peers: sources, locks, options and table",
    "gateways/test_conformance.py": "what every gateway must hold",
    "gateways/test_webhook_parts.py": "small parts of a webhook's way",
    "models/test_topic_use.py": "the registry, against the sources of each component",
    "screening/rules/test_availability_rules.py": "rules of one family share their scenes",
    "screening/rules/test_caller_rules.py": "the same",
    "screening/rules/test_traffic_rules.py": "the same",
    "screening/rules/test_findings.py": "what every rule writes into a decision",
    "screening/rules/test_rule_of_ones_own.py": "a windowed rule that the test makes",
    "screening/test_history_wait.py": "the agent, without Faust",
    "sink/test_cross_talk.py": "from an offer to the gateway's request",
    "test_asyncapi.py": "the AsyncAPI document, of registry, models and golden records",
    "test_deployment.py": "manifests, compose file and units, against what they run",
    "test_documents.py": "the documents, and their generated parts",
    "test_monitoring.py": "alert rules, against the registry of metrics and the runbook",
    "test_prose.py": "docstrings and comments",
    "test_suite_layout.py": "the tests themselves",
    "test_wire_names.py": "every name on the wire",
}
"""Unit tests of more than one module, or of a part of one, and what they are about."""

FILES = sorted(TESTS.rglob("test_*.py"))
UNIT = [path for path in FILES if path.is_relative_to(TESTS / "unit")]


def _tests_in(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    ]


def has_module(test: Path) -> bool:
    """Whether a test's path names a module, or begins with its name: ``audit/test_audit_commands``
    is about ``audit/audit.py``."""
    inside = test.relative_to(TESTS / "unit")
    words = inside.stem.removeprefix("test_").split("_")
    names = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    return any(
        (root / inside.parent / f"{name}.py").is_file()
        for root in (ROOT, ROOT / "streams")
        for name in names
    )


def test_names_are_read_at_a_glance() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}: {test.name} ({len(test.name)})"
        for path in FILES
        for test in _tests_in(path)
        if len(test.name) > LONGEST_NAME
    ]
    assert too_long == []


def test_every_test_is_in_a_suite() -> None:
    outside = [path for path in FILES if path.relative_to(TESTS).parts[0] not in SUITES]
    assert outside == []


def test_unit_tests_mirror_the_sources() -> None:
    lost = [str(path.relative_to(TESTS / "unit")) for path in UNIT if not has_module(path)]
    assert sorted(lost) == sorted(CROSS_CUTTING)


@pytest.mark.parametrize("fixture", ["broker", "kafka"])
def test_unit_tests_ask_for_no_broker(fixture: str) -> None:
    asking = [
        f"{path.relative_to(ROOT)}: {test.name}"
        for path in UNIT
        for test in _tests_in(path)
        if fixture in {argument.arg for argument in test.args.args}
        and not _is_parameter(test, fixture)
    ]
    assert asking == []


def _is_parameter(test: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    """Whether the argument is one of the test's cases and no fixture."""
    return any(name in ast.unparse(each) for each in test.decorator_list)


def test_unit_tests_start_no_process() -> None:
    starting = [
        str(path.relative_to(ROOT))
        for path in UNIT
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and "subprocess" in {each.name for each in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module == "subprocess")
        or (isinstance(node, ast.Attribute) and node.attr.startswith("create_subprocess"))
    ]
    assert starting == []


def test_the_list_of_the_cores_tests_names_what_is_there() -> None:
    listed = (TESTS / "unit" / "core.txt").read_text(encoding="utf-8").split()
    assert [name for name in listed if not (ROOT / name).exists()] == []
