"""A whole Ringfence, taken out of one cluster and put onto another, goes on where it was."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from models.callbacks import Callback
from models.contacts import Contact, IdentityLink
from models.decisions import Decision
from models.presence import LineStatus
from models.records import reference
from models.topics import LINES_STATUS, MESSAGES_EVENTS
from streams.audit.audit_topics import audit_topics
from streams.cli.main import cli
from streams.common.clock import now_ms
from streams.kafka.compacted_reader import read_once
from streams.kafka.producer import DurableProducer
from streams.views.callbacks import Callbacks
from streams.views.view import Latest
from tests.support.ringfence import House, open_house, write_config

BLOCKED, VIP, OWED, STRANGER, FRIEND = (f"4477009001{n:02d}@c.us" for n in range(5))
LID = "900000000000101@lid"
POLICY = """
line: "*"
rules:
  - {id: vip, type: allow_list, list: vip}
  - {id: text-first, type: text_first, within: 365d, reply: text-first}
  - {id: desk, type: presence, callback_tiers: [gold]}
texts: {cooldown: 1h}
replies: {text-first: {en: "Please write to us first."}}
"""


class Console:
    """The command line, on one cluster's topics."""

    def __init__(self, config: Path) -> None:
        self._config = config

    async def run(self, *words: str, ends_with: int = 0) -> str:
        """What a command prints; it must end with this code."""
        arguments = [*words, "--config", str(self._config)]
        done = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
        assert done.exit_code == ends_with, (done.output, done.exception)
        return done.output + str(done.exception or "")

    async def json(self, *words: str) -> Any:
        """What a command prints for other programs."""
        return json.loads(await self.run(*words, "--json"))


async def live_in(house: House, console: Console, policy: Path) -> None:
    """Let people do what they do, and callers call."""
    await console.run("policy", "apply", str(policy))
    await console.run("lists", "add", "vip", VIP)
    await console.run("block", BLOCKED, "--for", "2h", "--reason", "shouts")
    gold = Contact(contact=OWED, tier="gold", source="crm", at_ms=now_ms())
    link = IdentityLink(alias=LID, caller=OWED, source="payload", at_ms=now_ms())
    async with DurableProducer(house.settings.kafka, "test") as producer:
        await producer.send(*(reference(each, "/test", now_ms()) for each in (gold, link)))
    for caller in (OWED, FRIEND):
        await house.gateway.write(line="london", caller=caller)
        wrote = (MESSAGES_EVENTS, caller.encode())
        await house.first(lambda seen, wrote=wrote: (seen.topic, seen.key) == wrote)  # type: ignore[misc] # mypy infers no lambda with a default
    told = await house.gateway.place_call(line="london", caller=STRANGER)
    assert (await house.outcome(told.id, "text")).result == "accepted"
    assert (await called(house, OWED)).rule == "desk"


async def called(house: House, caller: str) -> Decision:
    """What is decided of a new call of this caller."""
    call = await house.gateway.place_call(line="london", caller=caller)
    return await house.decision(call.id)


async def owed(house: House) -> list[Callback]:
    """The open callbacks."""
    known = Callbacks()
    await read_once(house.settings.kafka, known)
    return [each for each in known.values() if each.state == "open"]


@pytest.mark.timeout(120)
async def test_what_was_known_on_one_cluster_holds_on_another(broker: str, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    name = uuid.uuid4().hex[:8]
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    async with open_house(broker, old, f"old{name}.") as house:
        console = Console(house.config)
        await live_in(house, console, policy)
        async with asyncio.timeout(20):
            while not (callbacks := await owed(house)):
                pass
        revisions = await console.json("policy", "history", "*")
    await console.run("state", "export", str(tmp_path / "backup"))

    console = Console(write_config(new, broker, "http://127.0.0.1:9", topic_prefix=f"new{name}."))
    await console.run("topics", "apply")
    said = await console.run("state", "import", str(tmp_path / "backup"), "--dry-run")
    assert "would be written" in said
    await console.run("state", "import", str(tmp_path / "backup"))
    async with open_house(broker, new, f"new{name}.") as house:
        console = Console(house.config)
        assert (await called(house, BLOCKED)).why.startswith("blocked")
        assert (await called(house, VIP)).rule == "vip"
        assert (await called(house, FRIEND)).rule == "desk"
        assert (await called(house, LID)).caller == OWED
        assert await owed(house) == callbacks
        assert await console.json("policy", "history", "*") == revisions
        assert [each["in_force"] for each in revisions] == [True, False]
        again = await house.gateway.place_call(line="london", caller=STRANGER)
        held = await house.outcome(again.id, "text")
        assert (held.result, held.reason) == ("suppressed", "cool-down")
        lines: Latest[LineStatus] = Latest(LINES_STATUS)
        await read_once(house.settings.kafka, lines)
        assert all(each.outages() for each in lines.values())
        refused = await console.run("state", "import", str(tmp_path / "backup"), ends_with=1)
        assert "runs on this cluster" in refused
        report = await audit_topics(house.settings, None, rederive=True)
        assert report.holds, "\n".join(report.lines())
