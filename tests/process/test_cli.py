"""The command line as people meet it: examples in help, errors with a hint, exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from models.records import Record, dead_letter
from models.topics import TOPICS
from streams.kafka.acls import changelogs
from streams.kafka.producer import DurableProducer
from streams.settings import DEFAULT_CONFIG, ROOT, KafkaSettings

COMMANDS = [
    ["up"],
    ["bridge"],
    ["worker"],
    ["gateway-sim"],
    ["kafka", "start"],
    ["kafka", "stop"],
    ["kafka", "status"],
    ["kafka", "tool"],
    ["topics", "apply"],
    ["topics", "check"],
    ["topics", "list"],
    ["capacity"],
    ["contacts", "import"],
    ["contacts", "show"],
    ["contacts", "remove"],
    ["audit"],
    ["explain"],
    ["report"],
    ["dlq", "list"],
    ["dlq", "show"],
    ["dlq", "replay"],
    ["dlq", "drop"],
    ["policy", "check"],
    ["policy", "apply"],
    ["policy", "diff"],
    ["policy", "show"],
    ["policy", "history"],
    ["policy", "rollback"],
    ["policy", "remove"],
    ["policy", "simulate"],
    ["lists", "add"],
    ["lists", "remove"],
    ["lists", "show"],
    ["lists", "import"],
    ["block"],
    ["unblock"],
    ["calendar", "close"],
    ["calls", "list"],
    ["export"],
    ["topics", "schema"],
    ["calendar", "open"],
    ["calendar", "auto"],
    ["calendar", "show"],
]


def ringfence(cwd: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own, from a folder that is not the checkout, without our
    secrets."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-P", "-m", "streams.cli", *words],
        cwd=cwd,
        env={**keep, "PYTHONPATH": str(ROOT), "RINGFENCE_STATE_DIR": str(cwd / "state"), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def config(folder: Path, **changes: dict[str, object]) -> str:
    data = yaml.safe_load(DEFAULT_CONFIG.read_text(encoding="utf-8"))
    for key, change in changes.items():
        data[key] = {**data[key], **change}
    data["policies"] = str(DEFAULT_CONFIG.parent / "policies")
    path = folder / "ringfence.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_an_example_that_names_the_command(tmp_path: Path, command: list[str]) -> None:
    done = ringfence(tmp_path, *command, "--help")
    assert done.returncode == 0
    examples = done.stdout.partition("Example")[2]
    assert f"ringfence {' '.join(command)}" in examples


def test_the_version_is_the_one_that_the_project_names(tmp_path: Path) -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    done = ringfence(tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"ringfence {named}\n")


def test_a_configuration_beside_the_demos_own_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "state" / "run" / "ringfence.yaml"
    own.parent.mkdir(parents=True)
    own.touch()
    done = ringfence(tmp_path, "topics", "check", "--demo", "--config", str(own))
    assert (done.returncode, "leave --config out" in done.stderr) == (2, True)


def test_a_check_says_why_it_did_not_see_what_is_applied(tmp_path: Path) -> None:
    done = ringfence(
        tmp_path, "policy", "check", str(ROOT / "deploy" / "policies" / "default.yaml")
    )
    assert done.returncode == 0
    assert "was not looked at: no broker" in done.stderr


def test_capacity_knows_topics_and_needs_no_cluster(tmp_path: Path) -> None:
    asked = ("capacity", "--calls", "100", "--retention")
    done = ringfence(tmp_path, *asked, "calls.decisions=30", "--json")
    assert (done.returncode, json.loads(done.stdout)["partitions"]) == (0, 8)
    wrong = ringfence(tmp_path, *asked, "decisions=30")
    assert (wrong.returncode, "such as calls.decisions=30" in wrong.stderr) == (2, True)


def test_a_missing_broker_is_reported_with_the_way_out(tmp_path: Path) -> None:
    done = ringfence(tmp_path, "topics", "check")
    assert done.returncode == 3
    assert "ringfence kafka start" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--from", "."), 2, "holds no export: write one with `ringfence export .`"),
        (("--since", "1h", "--until", "2h"), 2, "--until must be later than --since"),
        (("--html", "away/report.html"), 3, "there is no folder"),
        (("--line", "nowhere"), 2, "'nowhere' is not a configured line"),
        ((), 3, "ringfence kafka start"),
    ],
)
def test_a_report_that_cannot_be_made_says_why(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = ringfence(tmp_path, "report", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_topics_are_applied_checked_and_listed(tmp_path: Path, broker: str) -> None:
    path = config(tmp_path, kafka={"topic_prefix": f"cli{os.getpid()}.", "partitions": 1})
    env = {"KAFKA_BOOTSTRAP_SERVERS": broker}
    before = ringfence(tmp_path, "topics", "check", "--config", path, **env)
    assert before.returncode == 1
    # and the one whose name says the layout, and the tables' changelogs
    topics = len(TOPICS) + 1 + len(changelogs(KafkaSettings()))
    assert before.stdout.count("is missing") == topics
    assert (
        ringfence(tmp_path, "topics", "apply", "--config", path, **env).stdout.count(": created")
        == topics
    )
    assert ringfence(tmp_path, "topics", "check", "--config", path, **env).returncode == 0
    assert "calls.events  " in ringfence(tmp_path, "topics", "list", "--config", path, **env).stdout


def test_kafka_tool_fills_in_the_broker(tmp_path: Path, broker: str) -> None:
    done = ringfence(
        tmp_path, "kafka", "tool", "kafka-cluster", "cluster-id", KAFKA_BOOTSTRAP_SERVERS=broker
    )
    assert done.returncode == 0
    assert "Cluster ID" in done.stdout


def test_status_of_no_broker_exits_with_1(tmp_path: Path) -> None:
    done = ringfence(tmp_path, "kafka", "status")
    assert done.returncode == 1
    assert "kafka start" in done.stdout


def test_missing_secrets_are_all_named_in_production(tmp_path: Path) -> None:
    done = ringfence(tmp_path, "up", "--traffic", "none", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert done.returncode == 2
    for name in ("WAHA_API_KEY", "WAHA_HMAC_KEY", "WAWP_TOKEN", "WAWP_SECRET"):
        assert name in done.stderr


def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = ringfence(tmp_path, "up", "--config", config(tmp_path, bridge={"listen": address}))
    assert done.returncode == 3
    assert "bridge.listen" in done.stderr
    assert address in done.stderr
    assert not (tmp_path / "state" / "kafka").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--traffic", "fast"], "calls per second"),
        (["--for", "soon"], "a number alone means seconds"),
        (["--for", "0"], "more than zero"),
    ],
)
def test_wrong_options_are_explained(tmp_path: Path, words: list[str], said: str) -> None:
    done = ringfence(tmp_path, "up", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_report_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    done = ringfence(tmp_path, "up", "--report", str(tmp_path / "no" / "report.json"))
    assert done.returncode == 2
    assert "--report" in done.stderr


def test_the_traceback_of_an_unexpected_error_is_in_the_log(tmp_path: Path) -> None:
    # a folder where the state file should be: nothing that a person should ever have to expect
    (tmp_path / "state" / "kafka.json").mkdir(parents=True)
    done = ringfence(tmp_path, "kafka", "status")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "Traceback" in (tmp_path / "state" / "log" / "ringfence.log").read_text(encoding="utf-8")


def test_audit_without_a_demo_says_so(tmp_path: Path) -> None:
    done = ringfence(tmp_path, "audit", "--demo", "--json")
    assert done.returncode == 2
    assert "ringfence up" in done.stderr


def test_an_audit_of_fresh_topics_proves_nothing(tmp_path: Path, broker: str) -> None:
    path = config(tmp_path, kafka={"topic_prefix": f"audit{os.getpid()}.", "partitions": 1})
    env = {"KAFKA_BOOTSTRAP_SERVERS": broker}
    ringfence(tmp_path, "topics", "apply", "--config", path, **env)
    done = ringfence(tmp_path, "audit", "--json", "--config", path, **env)
    assert done.returncode == 5
    assert json.loads(done.stdout)["holds"] is False
    unknown = ringfence(tmp_path, "explain", "NO-SUCH-CALL", "--config", path, **env)
    assert unknown.returncode == 1
    assert "NO-SUCH-CALL" in unknown.stderr


def webhook_letter(value: str) -> Record:
    """A webhook that the bridge of another configuration put aside."""
    return dead_letter(
        key=None, value=value.encode(), headers=[("ringfence-gateway", b"nowhere")],
        reason="unknown-event", message="no such event", source="/bridge/nowhere",
    )  # fmt: skip


async def write(broker: str, prefix: str, record: Record) -> None:
    kafka = KafkaSettings(bootstrap_servers=broker, topic_prefix=prefix, partitions=1)
    producer = DurableProducer(kafka, "test")
    await producer.start()
    await producer.send(record)
    await producer.stop()


def test_dead_letters_are_listed_shown_and_dropped(tmp_path: Path, broker: str) -> None:
    path = config(tmp_path, kafka={"topic_prefix": f"dlq{os.getpid()}.", "partitions": 1})
    env = {"KAFKA_BOOTSTRAP_SERVERS": broker}

    def dlq(*words: str) -> subprocess.CompletedProcess[str]:
        return ringfence(tmp_path, "dlq", *words, "--config", path, **env)

    ringfence(tmp_path, "topics", "apply", "--config", path, **env)
    assert "no dead letters that wait" in dlq("list").stdout
    value = '{"event":"call.unheard-of","from":"447700900123@c.us"}'
    asyncio.run(write(broker, f"dlq{os.getpid()}.", webhook_letter(value)))
    assert "0:0  " in dlq("list", "--since", "1h", "--topic", "webhook").stdout
    shown = dlq("show", "0:0").stdout
    assert "call.unheard-of" in shown
    assert "447700900123" not in shown
    assert value in dlq("show", "0:0", "--raw").stdout
    assert "no dead letter stands at 0:9" in dlq("show", "0:9").stderr
    asked = dlq("drop")
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    kept = dlq("replay", "--yes")
    assert kept.returncode == 1
    assert "not under gateways (there: cloud, office)" in kept.stderr
    assert "1 would be dropped" in dlq("drop", "--dry-run").stdout
    assert "1 dropped" in dlq("drop", "--yes", "--note", "a joke").stdout
    assert "no dead letters that wait" in dlq("list").stdout
    (done,) = json.loads(dlq("list", "--all", "--json").stdout)
    assert done["handled"]["how"] == "dropped"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--since", "yesterday"], "neither a time"),
        (["replay", "17"], "PARTITION:OFFSET"),
        (["drop", "--limit", "0"], "--limit"),
    ],
)
def test_wrong_filters_are_explained(tmp_path: Path, words: list[str], said: str) -> None:
    done = ringfence(tmp_path, "dlq", *words)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--follow", "--json"], "--listen has its numbers"),
        (["--follow", "--until", "1h"], "neither --until"),
        (["--listen", "127.0.0.1:0"], "add that too"),
    ],
)
def test_contrary_options_of_the_audit_are_explained(
    tmp_path: Path, words: list[str], said: str
) -> None:
    done = ringfence(tmp_path, "audit", *words)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_following_ends_cleanly_with_ctrl_c(tmp_path: Path, broker: str) -> None:
    path = config(tmp_path, kafka={"topic_prefix": f"follow{os.getpid()}.", "partitions": 1})
    env = {"KAFKA_BOOTSTRAP_SERVERS": broker}
    ringfence(tmp_path, "topics", "apply", "--config", path, **env)
    words = ["audit", "--follow", "--listen", "127.0.0.1:0", "--config", path]
    process = subprocess.Popen(  # noqa: S603 - our own Python
        [sys.executable, "-P", "-m", "streams.cli", *words],
        env={
            **os.environ, **env,
            "PYTHONPATH": str(ROOT), "RINGFENCE_STATE_DIR": str(tmp_path / "state"),
        },
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("metrics on http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert output.startswith("audit       proves nothing")
    assert errors == ""


def test_an_export_that_follows_ends_with_ctrl_c(tmp_path: Path, broker: str) -> None:
    path = config(tmp_path, kafka={"topic_prefix": f"export{os.getpid()}.", "partitions": 1})
    env = {"KAFKA_BOOTSTRAP_SERVERS": broker}
    ringfence(tmp_path, "topics", "apply", "--config", path, **env)
    unknown = ringfence(tmp_path, "export", str(tmp_path / "to"), "--topics", "calls.evnts")
    assert (unknown.returncode, "did you mean calls.events?" in unknown.stderr) == (2, True)
    words = ["export", str(tmp_path / "to"), "--follow", "--config", path]
    process = subprocess.Popen(  # noqa: S603 - our own Python
        [sys.executable, "-P", "-m", "streams.cli", *words],
        env={
            **os.environ, **env,
            "PYTHONPATH": str(ROOT), "RINGFENCE_STATE_DIR": str(tmp_path / "state"),
        },
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("caught up, 0 records exported")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert output.startswith("0 records of 0 topics exported to ")
    assert (tmp_path / "to" / "export.json").exists()
