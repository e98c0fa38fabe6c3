"""Policies and what is set by hand, on real Kafka: by the commands that people type, as a worker
sees it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from models import records
from models.policy import PolicyDocument
from streams.common.clock import now_ms
from streams.kafka.compacted_reader import CompactedReader
from streams.kafka.producer import DurableProducer
from streams.metrics import WorkerMetrics
from streams.policy_admin.files import read_files
from streams.policy_admin.store import changes, read_shelf, write
from streams.screening.storms import Storms
from streams.settings import ROOT, KafkaSettings, load_settings
from streams.single_node.policies_folder import agree
from streams.views.views import Views
from streams.worker.status import StatusReport
from tests.support.records import decision, offer
from tests.support.ringfence import SECRETS, write_config

CALLER = "12025550143@c.us"
RING = 'line: "*"\nrules: []\n'
REJECT = """line: "*"
rules:
  - {id: all, type: expression, condition: "stranger", reply: write}
replies: {write: {en: Write to us.}}
cases:
  - {name: a stranger, given: {}, verdict: reject, rule: all}
"""
OFFICE = "calendar: office\nweek: {mon-fri: ['09:00-17:00']}\n"
LONDON = """line: london
rules: [{id: hours, type: quiet_hours, calendar: office}]
cases:
  - {name: open, given: {now: 2026-01-14T10:00}, verdict: ring}
  - {name: shut, given: {now: 2026-01-14T18:00}, verdict: reject, rule: hours}
"""


@dataclass
class Done:
    code: int
    said: str


@dataclass
class Desk:
    """A configuration, and the commands on it."""

    kafka: KafkaSettings
    folder: Path
    config: Path

    async def run(self, *words: str) -> Done:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "streams.cli",
            *words,
            "--config",
            str(self.config),
            cwd=self.folder,
            env={
                **os.environ,
                **SECRETS,
                "PYTHONPATH": str(ROOT),
                "RINGFENCE_STATE_DIR": str(self.folder / "state"),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode is not None
        return Done(process.returncode, output.decode())

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)


@pytest.fixture
def desk(kafka: KafkaSettings, tmp_path: Path) -> Desk:
    config = write_config(
        tmp_path,
        str(kafka.bootstrap_servers),
        "http://127.0.0.1:1",
        topic_prefix=kafka.topic_prefix,
    )
    return Desk(kafka, tmp_path, config)


@asynccontextmanager
async def worker(kafka: KafkaSettings, name: str = "w1") -> AsyncIterator[Views]:
    """What a worker knows and tells: its reader and its report, without the rest."""
    known = Views.empty(name)
    failures: list[BaseException] = []
    reader = CompactedReader(
        kafka, known.views(), on_undecodable=lambda _: None, on_failure=failures.append
    )
    producer = DurableProducer(kafka, "test")
    report = StatusReport(
        name,
        known,
        Storms(known.workers),
        clock=now_ms,
        metrics=WorkerMetrics(),
        send=producer.enqueue,
    )

    async def tell() -> None:
        while True:
            await report.tell()
            await asyncio.sleep(0.05)

    await producer.start()
    await reader.start()
    telling = asyncio.create_task(tell())
    try:
        yield known
        assert not failures
    finally:
        telling.cancel()
        await report.leave()
        await reader.stop()
        await producer.stop()


async def produce(kafka: KafkaSettings, *made: records.Record) -> None:
    producer = DurableProducer(kafka, "test")
    await producer.start()
    await producer.send(*made)
    await producer.stop()


async def within_a_second(true: Callable[[], object]) -> None:
    async with asyncio.timeout(1):
        while not true():  # noqa: ASYNC110 - the reader brings it
            await asyncio.sleep(0.005)


async def test_a_policys_life(desk: Desk) -> None:
    ring, reject = desk.file("ring.yaml", RING), desk.file("reject.yaml", REJECT)
    nobody = await desk.run("policy", "apply", ring, "--author", "ann", "--note", "to begin with")
    assert nobody.code == 0, nobody.said
    assert "no worker runs just now" in nobody.said
    async with worker(desk.kafka) as known:
        assert known.policies.book.for_line("london").policy.rules == ()
        first = known.policies.book.for_line("london").revision
        checked = await desk.run("policy", "check", reject)
        assert (checked.code, checked.said.strip()) == (0, "*: sound, 1 case decided as written")
        differs = await desk.run("policy", "diff", reject)
        assert "+- id: all" in differs.said
        assert f"--- * in force, revision {first}" in differs.said

        applied = await desk.run("policy", "apply", reject, "--author", "ben")
        assert applied.code == 0, applied.said
        assert "worker w1 runs it" in applied.said
        second = known.policies.book.for_line("london").revision
        assert f"revision {second} applied (was {first})" in applied.said
        again = await desk.run("policy", "apply", reject)
        assert (again.code, again.said) == (0, "*: in force already\n")
        assert (await desk.run("policy", "diff", reject)).said == "no difference\n"

        shown = await desk.run("policy", "show", "*", "--revision", first[:5])
        assert "by ann: to begin with" in shown.said
        assert "rules: []" in shown.said
        history = (await desk.run("policy", "history", "*")).said.splitlines()
        assert second in history[0]
        assert history[0].endswith("by ben  <- in force")
        assert first in history[1]

        back = await desk.run("policy", "rollback", "*", "--author", "cyd")
        assert back.code == 0, back.said
        assert known.policies.book.for_line("london").revision == first
        assert "in force already" in (await desk.run("policy", "rollback", "*", "--to", first)).said
        gone = await desk.run("policy", "remove", "*", "--note", "no more")
        assert gone.code == 0, gone.said
        assert known.policies.book.for_line("london").revision == "none"
        assert "removed  by" in (await desk.run("policy", "history", "*")).said
        assert (await desk.run("policy", "show", "*")).code == 1
    assert first in (await desk.run("policy", "show", "*", "--revision", first)).said


async def test_a_policy_and_its_calendar_switch_at_one_time(
    desk: Desk,
) -> None:
    desk.folder.joinpath("new").mkdir()
    desk.file("new/london.yaml", LONDON)
    desk.file("new/office.yaml", OFFICE)
    files = read_files([desk.folder / "new"])
    async with worker(desk.kafka) as known:
        made = changes(files, await read_shelf(desk.kafka), author="ann", note="", at_ms=now_ms())
        assert [each.kind for each in made] == ["calendar", "policy"]
        seen = [known.policies.in_force()]

        def switched() -> bool:
            if known.policies.in_force() != seen[-1]:
                seen.append(known.policies.in_force())
            return "london" in known.policies.book.by_line

        await write(desk.kafka, made)
        await within_a_second(switched)
        assert [sorted(each) for each in seen] == [[], ["calendar/office", "london"]]
        assert known.policies.faults == {}
    checked = await desk.run("policy", "check", str(desk.folder / "new" / "london.yaml"))
    assert checked.said.strip() == "london: sound, 2 cases decided as written"
    shown = await desk.run("calendar", "show", "london", "--days", "7")
    assert shown.said.count("09:00-17:00") == 5, shown.said
    assert "line london: as its calendar says" in shown.said


async def test_nothing_is_applied_where_one_file_is_wrong(desk: Desk) -> None:
    await desk.run(
        "policy", "apply", desk.file("office.yaml", OFFICE), desk.file("london.yaml", LONDON)
    )
    before = (await read_shelf(desk.kafka)).documents()
    bad = [
        (
            desk.file("c1.yaml", "calendar: office\nextends: office\n"),
            "c1.yaml:2: extends: ",
            "circle",
        ),
        (
            desk.file("c2.yaml", "calendar: office\nextends: nowhere\n"),
            "c2.yaml:2: extends: ",
            "no calendar 'nowhere'",
        ),
        (
            desk.file("p1.yaml", REJECT.replace("rule: all", "rule: other")),
            "p1.yaml:6: cases.0: ",
            (
                "expected the rule other, decided by all; case 'a stranger'\n    all (expression) "
                "applies: stranger"
            ),
        ),
        (
            desk.file("p2.yaml", REJECT.replace("given: {}", "given: {wroten: 3d ago}")),
            "p2.yaml:6: cases.0.given.wroten: ",
            "the words are now, line",
        ),
    ]
    for path, where, said in bad:
        done = await desk.run(
            "policy", "apply", desk.file("ring.yaml", RING.replace("*", "paris")), path
        )
        assert done.code == 2, done.said
        assert where in done.said
        assert said in done.said
    assert (await read_shelf(desk.kafka)).documents() == before


async def test_a_calendar_that_would_break_a_policy_is_not_written(
    desk: Desk,
) -> None:
    office, london = desk.file("office.yaml", OFFICE), desk.file("london.yaml", LONDON)
    assert (await desk.run("policy", "apply", office, london)).code == 0
    done = await desk.run("policy", "remove", "calendar/office")
    assert done.code == 1
    assert "stays as it is" in done.said
    assert "there is no calendar 'office'" in done.said


async def test_a_worker_that_refuses_is_named_with_its_reason(desk: Desk) -> None:
    async with worker(desk.kafka) as known:
        document = PolicyDocument(
            kind="policy", name="*", revision="0123456789ab", author="ann", applied_at_ms=now_ms(),
            document={"line": "*", "rules": [{"id": "x", "type": "of the next version"}]},
        )  # fmt: skip
        await write(desk.kafka, [document])
        await within_a_second(lambda: known.policies.faults)
        history = await desk.run("policy", "history", "*")
        assert history.said.startswith("the newest is not in force: ")
        applied = await desk.run("policy", "apply", desk.file("ring.yaml", RING))
        assert applied.code == 0, applied.said
        assert not known.policies.faults


async def test_lists_are_kept_by_hand_and_in_force_within_a_second(desk: Desk) -> None:
    async with worker(desk.kafka) as known:

        def denied(jid: str = CALLER, line: str = "london") -> object:
            return known.overrides.entry("deny", line, (jid,), lambda: None, now_ms())

        added = await desk.run(
            "lists",
            "add",
            "deny",
            "+1 (202) 555-0143",
            "+44*",
            "--reason",
            "robocalls",
            "--line",
            "london",
            "--expires",
            "30d",
        )
        assert added.code == 0, added.said
        assert "no policy in force has a rule that asks the list deny" in added.said
        await within_a_second(denied)
        assert not denied(line="paris")
        assert denied("447700900123@c.us")
        entry = known.overrides.find("deny", "+44*")
        assert entry is not None
        met = replace(decision(offer()), facts={"list_entry": f"deny/{entry.entry_id}"})
        await produce(desk.kafka, records.decision(met, "/test", None))
        shown = await desk.run("lists", "show", "deny")
        assert "1 met  +44*  london, until" in shown.said
        assert "0 met  +120" in shown.said
        assert "2025550143" not in shown.said
        assert "deny  2" in (await desk.run("lists", "show")).said
        removed = await desk.run("lists", "remove", "deny", CALLER, "+43*")
        assert removed.code == 1
        assert "1 taken off the list deny\n+43* was not on the list deny" in removed.said
        await within_a_second(lambda: not denied())
        wrong = await desk.run("lists", "add", "deny", "everybody")
        assert wrong.code == 2
        assert "E.164" in wrong.said


async def test_a_file_of_a_list_is_taken_as_a_whole_or_not_at_all(desk: Desk) -> None:
    rows = "pattern,reason\n+12025550143,robocalls\n# a comment\n+44*\n202 none\n,\nGB\n"
    path = desk.file("deny.csv", rows)
    refused = await desk.run("lists", "import", "deny", path)
    assert refused.code == 2
    assert f"{path}:5: pattern: write a number in E.164" in refused.said
    assert "nothing was imported" in refused.said
    async with worker(desk.kafka) as known:
        assert list(known.overrides.entries()) == []
        taken = await desk.run(
            "lists", "import", "deny", path, "--skip-wrong", "--reason", "the regulator"
        )
        assert "3 on the list deny, 1 rows left out" in taken.said
        await within_a_second(lambda: known.overrides.find("deny", "GB"))
        assert {each.pattern: each.reason for each in known.overrides.entries()} == {
            CALLER: "robocalls",
            "+44*": "the regulator",
            "GB": "the regulator",
        }
    latin = desk.folder / "latin.csv"
    latin.write_bytes("+12025550143,Müller\n".encode("latin-1"))
    said = (await desk.run("lists", "import", "deny", str(latin))).said
    assert f"{latin}:1: byte 15 is no UTF-8" in said
    assert "iconv" in said


async def test_blocks_and_switches_are_in_force_within_a_second(desk: Desk) -> None:
    office, london = desk.file("office.yaml", OFFICE), desk.file("london.yaml", LONDON)
    await desk.run("policy", "apply", office, london)
    async with worker(desk.kafka) as known:

        def blocked() -> bool:
            found = known.overrides.block((CALLER,), "london")
            return found is not None and found.until_ms > now_ms()

        done = await desk.run(
            "block", CALLER, "--for", "2h", "--line", "london", "--reason", "shouts"
        )
        assert done.code == 0, done.said
        assert f"{CALLER} is blocked on london until" in done.said
        await within_a_second(blocked)
        assert "on all lines has ended" in (await desk.run("unblock", CALLER)).said
        await within_a_second(lambda: not blocked())

        closed = await desk.run("calendar", "close", "*", "--for", "1h", "--reason", "fire drill")
        assert "line london: switched closed until" in closed.said
        assert "by the switch of all lines" in closed.said
        await within_a_second(lambda: known.overrides.switch("london", now_ms()))
        opened = await desk.run("calendar", "open", "london")
        assert "until `ringfence calendar auto`" in opened.said
        await desk.run("calendar", "auto", "london")
        back = await desk.run("calendar", "auto", "*")
        assert back.said.count("as its calendar says") == 3
        await within_a_second(lambda: known.overrides.switch("london", now_ms()) is None)
        assert (await desk.run("calendar", "close", "rome")).code == 2
        evening = await desk.run("calendar", "close", "london", "--until", "2099-06-01T18:00")
        assert "line london: switched closed until 2099-06-01 18:00:00.000+01:00" in evening.said
        assert (
            "after the year 3000"
            in (await desk.run("block", CALLER, "--for", "5000-01-01T00:00")).said
        )
        assert "over already" in (await desk.run("block", CALLER, "--for", "2001-01-01T00:00")).said


async def test_a_demo_runs_the_folder_production_says_the_difference(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)
    settings = load_settings(desk.config)
    assert await agree(settings, demo=False) == []
    assert (await read_shelf(desk.kafka)).documents() == {}, (
        "the worker seeds what was never applied"
    )
    assert await agree(settings, demo=True) == []
    first = (await read_shelf(desk.kafka)).documents()
    assert [(key, each.author) for key, each in first.items()] == [("*", "ringfence up")]

    desk.file("policies/default.yaml", RING)
    desk.file("policies/office.yaml", OFFICE)
    desk.file("policies/london.yaml", LONDON)
    (said,) = await agree(settings, demo=False)
    assert "was edited and is not in force (*)" in said
    assert f"`ringfence policy apply {settings.policies}`" in said
    applied = await agree(settings, demo=False, apply=True)
    assert sorted(each.partition(":")[0] for each in applied) == ["*", "calendar/office", "london"]
    assert await agree(settings, demo=False, apply=True) == []
    (desk.folder / "policies" / "london.yaml").unlink()
    assert await agree(settings, demo=True) == []
    assert set((await read_shelf(desk.kafka)).in_force()) == {"*", "calendar/office"}
    assert await agree(settings, demo=False) == []
