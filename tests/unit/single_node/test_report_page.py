from __future__ import annotations

from pathlib import Path

from streams.cli.report import report
from streams.single_node.report_page import arguments


def test_the_command_is_one_that_the_command_line_reads(tmp_path: Path) -> None:
    name, *words = arguments(tmp_path / "ringfence.yaml", 1_767_261_600_123, tmp_path / "r.html")
    context = report.make_context(name, words)
    assert name == report.name
    assert context.params["since_ms"] == 1_767_261_600_123
    assert context.params["html"] == tmp_path / "r.html"
