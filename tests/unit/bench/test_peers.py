"""The peers of ``tests/bench/run --peers``: what they are made of, and how they are compared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streams.common.errors import EnvironmentFaultError
from streams.local_kafka.jars import kafka_version
from streams.settings import ROOT, KafkaSettings
from tests.bench.__main__ import beside_peers, main
from tests.bench.figures import Row, Spread
from tests.bench.peers import comparison
from tests.bench.report import Report
from tests.bench.steps import Options
from tests.bench.systems import Site
from tests.bench.values import SystemName

FOLDER = ROOT / "tests" / "bench" / "peers"
LOCK = ROOT / "deploy" / "requirements-quix.lock"
MOST_LINES = 500

OPTIONS = Options(
    rates=(5.0,),
    seconds=30.0,
    sustain=(100.0,),
    sustain_s=15.0,
    drain_s=0.5,
    idle_s=60.0,
    warm_up_s=10.0,
    settle_s=3.0,
    lines=8,
    partitions=8,
    attrition=False,
    seed=1,
)


def compared(**changes: Any) -> Options:
    asked: dict[str, Any] = {
        "first": "product-first",
        "rounds": 1,
        "rates": (50.0, 200.0),
        "steps": (),
        "settle_s": 15.0,
    }
    return beside_peers(OPTIONS, **{**asked, **changes})


def row(system: SystemName, rate: float, **changes: Any) -> Row:
    spread = Spread(count=100, p50=2.04, p90=3.0, p99=8.06, most=9.0)
    values: dict[str, Any] = {
        "kind": "rate",
        "system": system,
        "rate": rate,
        "rate_sent": rate,
        "calls": 100,
        "reject": spread,
        "answer": spread,
        "text": None,
        "behind": spread,
        "drain": 2.0,
        "unanswered": 0,
        "missing": 0,
        "repeated": 0,
        "texts_missing": 0,
        "written": None,
        "cpu_ms": {"bridge": 0.5, "worker": 1.25, "broker": 1.0},
        "memory_mib": {"bridge": 45.6, "worker": 200.4},
        "records": 4.04,
        "strangers": 0.02,
    }
    return Row(**{**values, **changes})


def shown(options: Options, *rows: Row) -> list[str]:
    report = Report(machine=_Machine(), options=options, rows=list(rows), idle=[], wrong=0)
    return report.lines(markdown=True)


class _Machine(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return key


def test_the_peers_stay_small() -> None:
    sources = [*FOLDER.rglob("*.java"), *FOLDER.rglob("*.py")]
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    assert {"Peer.java", "quix.py", "comparison.py"} <= lines.keys()
    assert sum(lines.values()) <= MOST_LINES, lines


def test_quix_streams_is_locked_with_hashes() -> None:
    pinned = LOCK.read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    unlike = [
        line
        for line in pinned
        if not re.fullmatch(r"[a-z0-9.-]+==[0-9][^\s]*\s+(--hash=sha256:[0-9a-f]{64}\s*)+", line)
    ]
    assert unlike == []
    assert any(line.startswith("quixstreams==3.28.1 ") for line in pinned)


def test_kafka_streams_jars_have_digests() -> None:
    listed = (FOLDER / "java" / "jars.sha256").read_text(encoding="utf-8").splitlines()
    assert [line for line in listed if not re.fullmatch(r"[0-9a-f]{64}  [\w.-]+\.jar", line)] == []
    names = {line.split()[1] for line in listed}
    pom = (FOLDER / "java" / "pom.xml").read_text(encoding="utf-8")
    for artifact, version in re.findall(
        r"<artifactId>([\w-]+)</artifactId>\s*<version>([\d.]+)</version>\s*</dependency>", pom
    ):
        assert f"{artifact}-{version}.jar" in names
    assert f"kafka-streams-{kafka_version()}.jar" in names, "the same Kafka for client and broker"


@pytest.mark.parametrize(
    ("first", "systems"),
    [
        ("product-first", ("product", "streams", "quix", "quix-8")),
        ("peers-first", ("streams", "quix", "quix-8", "product")),
    ],
)
def test_the_order_says_who_begins(first: str, systems: tuple[str, ...]) -> None:
    assert compared(first=first).systems == systems


@pytest.mark.parametrize("option", ["--climb", "--rounds=2", "--order=peers-first"])
def test_what_goes_with_peers_is_refused_without(option: str) -> None:
    refused = CliRunner().invoke(main, [option])
    assert refused.exit_code == 2
    assert "go with --peers" in refused.output


def test_peers_are_compared_at_rates_and_climb_when_asked() -> None:
    assert (compared().rates, compared().sustain, compared().idle_s) == ((50.0, 200.0), (), 0.0)
    assert compared(steps=(400.0,)).sustain == (400.0,)
    assert compared(rounds=2).rounds == 2


def test_the_table_has_one_line_for_each_turn_by_rate() -> None:
    lines = shown(compared(), row("product", 50), row("product", 200), row("streams", 50))
    table = [line for line in lines if line.startswith("| ")]
    assert table[0].split(" | ")[1:4] == ["system", "p50", "p99"]
    assert [line.split(" | ")[:2] for line in table[2:]] == [
        ["| 50", "product"],
        ["| 50", "streams"],
        ["| 200", "product"],
    ]
    assert table[2] == (
        "| 50 | product | 2.0 | 8.1 | 1.25 | 0.50 | 1.00 | 200 | 46 | 4.0 | 2 % | whole |"
    )


def test_a_sink_of_its_own_counts_as_the_workers() -> None:
    cpu = {"bridge": 0.5, "worker": 1.25, "sink": 0.75, "broker": 1.0}
    memory = {"bridge": 45.6, "worker": 200.4, "sink": 50.0}
    lines = shown(compared(), row("quix", 50, cpu_ms=cpu, memory_mib=memory))
    assert any(line.startswith("| 50 | quix | 2.0 | 8.1 | 2.00 | 0.50 |") for line in lines)
    assert any("| 250 | 46 |" in line for line in lines)


def test_a_foreign_brokers_cpu_is_not_known() -> None:
    lines = shown(compared(), row("quix", 50, cpu_ms={"bridge": 0.5, "worker": 1.25}))
    assert any("| 1.25 | 0.50 | - |" in line for line in lines)


def test_the_highest_sustained_rate_is_the_last_column() -> None:
    climbed = [row("quix", rate, kind="sustain") for rate in (400, 500)]
    late = row("quix", 600, kind="sustain", drain=600.0)
    lines = shown(compared(steps=(400.0, 500.0, 600.0)), row("quix", 50), *climbed, late)
    table = [line for line in lines if line.startswith("| ")]
    assert table[0].endswith("| highest sustained |")
    assert table[-1].endswith("| whole | 500 |")
    assert "highest sustained: quix 500 calls/s" in lines


def test_what_was_not_made_is_said_with_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_PYTHON", tmp_path / "nowhere")
    site = Site(KafkaSettings(topic_prefix="bench."), "http://127.0.0.1:1", 8, tmp_path)
    with pytest.raises(EnvironmentFaultError, match=r"`tests/bench/run --peers` makes them"):
        comparison.running("quix", site)
