"""Every command of the documents, run as it is written, in the order in which it stands there."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import duckdb
import pytest

from streams.settings import ROOT
from tests.support.documents import blocks
from tests.support.ringfence import SECRETS, House, open_house

BLOCKS = blocks("sh")
STARTS = ("deploy/run", "tests/run")


def within(folder: Path, block: str) -> str:
    """The block with the documents' folders where this test has room."""
    block = block.replace(".ringfence/log/", f"{folder}/")
    return re.sub(r"(export |')(parquet|backup)\b", rf"\1{folder}/\2", block)


async def run(block: str, house: House, broker: str) -> str:
    env = os.environ | SECRETS | {"RINGFENCE_CONFIG": str(house.config), "KAFKA": broker}
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", block.replace("http://127.0.0.1:8080", house.bridge.url),
        cwd=ROOT, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    text = output.decode("utf-8", "replace")
    assert process.returncode == 0, f"{block}\nexit code {process.returncode}\n{text}"
    return text


@pytest.mark.timeout(240)  # some forty commands, each a process
async def test_every_command_does_what_the_text_says(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGFENCE_LOG_FORMAT", "json")
    said: dict[str, str] = {}
    async with open_house(broker, tmp_path, topic_prefix="") as house:
        for block in BLOCKS:
            if block.startswith(STARTS):
                continue
            said[block] = await run(within(tmp_path, block), house, broker)
            if "README0001" in block and "curl" in block:
                assert '"accepted"' in said[block]
                await house.outcome("README0001", "text")

    def output(command: str) -> str:
        return next(text for block, text in said.items() if command in block)

    assert "has never written to this line" in output("explain README0001")
    assert "README0001" in output("calls list --since 1h --verdict")
    assert "reject\ttext-first" in output("calls list --since 1h --json")
    assert '"line.policy": 3' in output("group_by(.event)")
    assert "holds" in output("ringfence audit")
    assert '"verdict":"reject"' in output("-t calls.decisions")
    assert "reject\t" in output("-t calls.outcomes")
    assert "calls.lifecycle" in output("kafka-consumer-groups")
    assert "README0001" in output("kafka-console-consumer")
    assert "calls.dlq" in output("topics list")
    assert '"contact":"447700900123@c.us"' in output("-X PUT")
    assert output("/presence/anna").count('"status":"online"') == 2
    assert '"fault":null' in output("sbc-2/health")
    assert "Anna Example" in output("contacts show")
    assert re.search(r"reject +│ text-first", output("SELECT day, verdict"))
    for statement in blocks("sql"):
        found = duckdb.execute(within(tmp_path, statement)).fetchall()
        assert found, statement


@pytest.mark.timeout(240)
async def test_the_first_command_ends_with_a_true_audit(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if block.startswith("deploy/run")]
    env = {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP_SERVERS"}
    page = tmp_path / "report.html"
    shorter = block.replace("--for 60", "--for 12").replace("report.html", str(page))
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", shorter, cwd=ROOT,
        env=env | {"RINGFENCE_STATE_DIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    text = output.decode("utf-8", "replace")
    assert process.returncode == 0, text
    assert re.search(r"rejected ✓ .* told", text), text
    assert re.search(r"^audit +holds", text, flags=re.MULTILINE), text
    assert f"report: {page}\n" in text
    assert "<svg" in page.read_text(encoding="utf-8")
