"""What commands print for other programs, of one history on real topics."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from models.answers import CallAnswered
from models.callbacks import Callback
from models.decisions import Decision
from models.messages import MessageSeen
from models.overrides import ListEntry
from models.records import Record, call_answer, message_event, reference
from streams.cli.main import cli
from streams.common.clock import now_ms
from streams.kafka.producer import DurableProducer
from streams.settings import DEFAULT_CONFIG, KafkaSettings
from tests.support.records import decision, offer, record, rejected_call

CALLER = "447700900123@c.us"
POLICY = """
line: "*"
rules:
  - {id: text-first, type: text_first, within: 365d, reply: text-first}
  - {id: night, type: quiet_hours, calendar: office}
default: ring
calendars:
  - {calendar: office, zone: Europe/London, week: {mon-fri: ["09:00-18:00"]}}
replies:
  text-first: {en: "Please write to {line} first."}
"""


@dataclass
class Console:
    """The command line, against topics with a history."""

    config: Path
    policy: Path

    def run(self, *words: str) -> str:
        """What a command prints; it must end well."""
        done = CliRunner().invoke(cli, [*words, "--config", str(self.config)])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    def json(self, *words: str) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.run(*words, "--json"))


@pytest.fixture(scope="module")
def monkeypatch_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def console(
    broker: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch_module: pytest.MonkeyPatch
) -> Console:
    folder = tmp_path_factory.mktemp("console")
    monkeypatch_module.setenv("KAFKA_BOOTSTRAP_SERVERS", broker)
    monkeypatch_module.setattr("streams.settings.STATE_DIR", folder / "state")
    prefix = f"t{uuid.uuid4().hex[:10]}."
    settings = yaml.safe_load(DEFAULT_CONFIG.read_text(encoding="utf-8"))
    settings["kafka"] |= {"topic_prefix": prefix, "partitions": 1}
    settings["policies"] = str(folder)
    config = folder / "ringfence.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    policy = folder / "policies" / "default.yaml"
    policy.parent.mkdir()
    policy.write_text(POLICY, encoding="utf-8")
    kafka = KafkaSettings(bootstrap_servers=broker, topic_prefix=prefix, partitions=1)
    made = Console(config, policy)
    made.run("topics", "apply")
    made.run("policy", "apply", str(policy), "--note", "first")
    line = next(iter(settings["lines"]))
    revision = made.json("policy", "history", "*")[0]["revision"]
    asyncio.run(write(kafka, history(line, revision)))
    return made


def history(line: str, revision: str) -> list[Record]:
    """A rejected caller who writes and calls again; one who is owed a callback; a list."""
    now = now_ms() - 60_000
    first = offer("FIRST", line=line, at_ms=now)
    values = [
        replace(value, policy_revision=revision) if isinstance(value, Decision) else value
        for value in rejected_call(first)
    ]
    again = offer("AGAIN", line=line, at_ms=now + 20_000)
    rang = replace(decision(again, "ring"), policy_revision=revision)
    wrote = MessageSeen(
        event_id="m1", message_id="m1", gateway="office", line=line, caller=CALLER,
        direction="in", at_ms=now + 10_000, received_at_ms=now + 10_000,
    )  # fmt: skip
    answered = CallAnswered(
        event_id="a1", decision_id=rang.decision_id, gateway="office", line=line, call_id="AGAIN",
        caller=CALLER, after_ms=4_000, offered_at_ms=now + 20_000, at_ms=now + 24_000,
    )  # fmt: skip
    owed = Callback(
        caller=CALLER, line=line, state="open", tier="vip", reason="desk",
        decision_id="x", opened_at_ms=now, closed_at_ms=None, closed_by=None,
    )  # fmt: skip
    denied = ListEntry(list="deny", pattern=CALLER, author="anna", added_at_ms=now, reason="spam")
    return [
        *(record(value) for value in (*values, again, rang)),
        message_event(wrote, "/test", None),
        call_answer(answered, "/test", None),
        reference(owed, "/test", now),
        reference(denied, "/test", now),
    ]


async def write(kafka: KafkaSettings, records: Sequence[Record]) -> None:
    producer = DurableProducer(kafka, "test")
    await producer.start()
    for each in records:
        await producer.send(each)
    await producer.stop()


def test_calls_are_listed_with_what_became_of_them(console: Console) -> None:
    first, again = console.json("calls", "list")
    assert (first["call_id"], first["verdict"], first["rule"]) == ("FIRST", "reject", "text-first")
    assert (first["told"], first["confirmed"], first["answered"]) == (True, True, None)
    assert (again["call_id"], again["verdict"], again["answered"]) == ("AGAIN", "ring", True)
    assert first["caller"] == "+447•••••••23"


def test_calls_are_filtered(console: Console) -> None:
    def ids(*words: str) -> list[str]:
        return [each["call_id"] for each in console.json("calls", "list", *words)]

    assert ids("--verdict", "reject") == ["FIRST"]
    assert ids("--answered") == ["AGAIN"]
    assert ids("--told", "--rule", "text-first", "--confirmed") == ["FIRST"]
    assert ids("--not-told") == []
    assert ids("--caller", "+44 7700 900123") == ["FIRST", "AGAIN"]
    assert ids("--caller", "+447700900456") == []
    assert ids("--limit", "1") == ["AGAIN"]
    assert ids("--since", "30s") == []


def test_calls_are_a_table_or_csv(console: Console) -> None:
    heading, first, again = console.run("calls", "list").splitlines()
    assert heading.split()[:3] == ["received", "line", "caller"]
    assert "+447•••••••23" in first
    assert again.split()[-1] == "AGAIN"
    rows = list(csv.DictReader(io.StringIO(console.run("calls", "list", "--csv", "--full"))))
    assert [(row["call_id"], row["caller"], row["told"]) for row in rows] == [
        ("FIRST", CALLER, "True"),
        ("AGAIN", CALLER, ""),
    ]
    assert "no such call" in console.run("calls", "list", "--tier", "nobody")


def test_a_full_explanation_has_the_words_and_the_next_steps(console: Console) -> None:
    text = console.run("explain", "FIRST", "--full")
    assert "    Please write to " in text
    assert "(the line's title is the configuration's of today)" in text
    steps = [line.strip() for line in text.partition("next:\n")[2].splitlines()]
    assert steps == ["10 s  wrote to the line", "20 s  called again: rang",
                     "24 s  the later call was picked up"]  # fmt: skip
    assert "next:" not in console.run("explain", "FIRST")
    newest = console.run("explain", "+447700900123", "--full")
    assert newest.startswith("call AGAIN")
    assert "1 more of this caller; --last 2 tells all" in newest


def test_an_explanation_is_an_object(console: Console) -> None:
    (call,) = console.json("explain", "FIRST")
    assert call["caller"] == "+447•••••••23"
    assert [each["value"]["type"] for each in call["records"]][:2] == ["call.offered", "decision"]
    assert call["words"]["text"].startswith("Please write to ")
    assert [step["kind"] for step in call["next"]] == ["message.seen", "decision", "call.answered"]
    (whole,) = console.json("explain", "FIRST", "--full")
    assert whole["caller"] == CALLER


def test_other_lists_are_json(console: Console) -> None:
    (owed,) = console.json("callbacks", "list")
    assert (owed["place"], owed["caller"], owed["tier"]) == (1, "+447•••••••23", "vip")
    assert owed["owed_for_ms"] >= 60_000
    assert console.json("callbacks", "list", "--full")[0]["caller"] == CALLER
    assert console.json("lists", "show") == {"deny": 1}
    (entry,) = console.json("lists", "show", "deny")
    assert (entry["pattern"], entry["reason"], entry["met"]) == ("+447•••••••23", "spam", 0)
    assert console.json("lists", "show", "allow") == []
    (revision,) = console.json("policy", "history", "*")
    assert (revision["note"], revision["in_force"], revision["fault"]) == ("first", True, None)
    topics = {each["name"]: each for each in console.json("topics", "list")}
    assert topics["calls.events"]["partitions"] == 1
    assert topics["calls.events"]["retention_ms"] == 7 * 86_400_000
    assert console.json("topics", "check") == []


def test_opening_hours_are_json(console: Console) -> None:
    shown = console.json("calendar", "show", "*", "--days", "7")
    ((title, calendar),) = shown["calendars"].items()
    assert "rule night" in title
    assert calendar["zone"] == "Europe/London"
    assert len(calendar["days"]) == 7
    assert sum(day["hours"] == ["09:00-18:00"] for day in calendar["days"]) in {4, 5}
    assert shown["switch"] is None
