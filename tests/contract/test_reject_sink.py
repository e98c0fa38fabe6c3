"""The reject sink against a real gateway server: whoever was answered or has gone is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import RecordMetadata
from pydantic import SecretStr
from typing_extensions import override

from models.calls import CallOffered, Lifecycle
from models.codec import decode
from models.commands import BlockCaller, CallCommand, QueueText, RejectCall, SendText, block_id
from models.outcomes import Outcome
from models.records import Record
from models.topics import CALLS_LIFECYCLE, CALLS_OUTCOMES, MESSAGES_COMMANDS
from streams.call_sessions.applied import AppliedOffsets
from streams.call_sessions.register import CallRegister
from streams.call_sessions.session import CallSession, evolve
from streams.common.clock import now_ms
from streams.gateways.client import GatewayClient
from streams.gateways.waha.settings import WahaSettings
from streams.kafka.outbox import Outbox
from streams.kafka.producer import DurableProducer
from streams.metrics import WorkerMetrics
from streams.settings import KafkaSettings
from streams.sink.context import SinkContext
from streams.sink.rejects import RejectSink
from tests.support.facts import offer, reject
from tests.support.gateway import API_KEY, FakeGateway, open_gateway
from tests.support.lifecycle import accepted, ended, rejected
from tests.support.waiting import until

SECRET = SecretStr(API_KEY)
WITHIN_S = 20.0
LID = "90111222333444@lid"


class Broker(DurableProducer):
    """Takes every record at once."""

    def __init__(self) -> None:
        super().__init__(KafkaSettings(bootstrap_servers="127.0.0.1:1"), "test")
        self.records: list[Record] = []

    @override
    async def enqueue(self, record: Record) -> asyncio.Future[RecordMetadata]:
        self.records.append(record)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def all(self, topic: Any) -> list[Any]:
        return [decode(topic.values, each.value) for each in self.records if each.topic is topic]


@dataclass
class Table:
    """The call sessions of one partition, and how far its records reach."""

    applied: AppliedOffsets = field(default_factory=AppliedOffsets)
    sessions: dict[str, CallSession] = field(default_factory=dict)
    known: int | None = 0
    offset: int = 0

    def session(self, line: str, call_id: str) -> CallSession | None:
        return self.sessions.get(f"{line}/{call_id}")

    def began(self, partition: int) -> int:
        return 0

    def reach(self, partition: int, within_s: float) -> int | None:
        return self.known

    def write(self, *events: Lifecycle) -> None:
        """They stand on the topic, and are not read yet."""
        if self.known is not None:
            self.known += len(events)

    def take(self, *events: Lifecycle) -> None:
        """They were read, and are applied."""
        for event in events:
            assert not hasattr(event, "now_ms")
            key = f"{event.line}/{event.call_id}"
            session = evolve(self.sessions.get(key), event)
            assert session is not None
            self.sessions[key] = session
            self.applied.advance(0, self.offset, 1)
            self.offset += 1


@dataclass
class Office:
    broker: Broker
    gateway: FakeGateway
    table: Table
    began_ms: int
    sink: RejectSink
    client: GatewayClient

    def offer(self, **more: Any) -> CallOffered:
        at_ms = {"offered_at_ms": self.began_ms, "received_at_ms": self.began_ms}
        return offer(**at_ms | more)

    def happened(self, *events: Lifecycle) -> None:
        self.table.write(*events)
        self.table.take(*events)

    def reject(self, **more: Any) -> RejectCall:
        times = {"offered_at_ms": self.began_ms, "received_at_ms": self.began_ms}
        return reject(**times | {"expires_at_ms": self.began_ms + 45_000} | more)

    def submit(self, command: CallCommand) -> None:
        """Give the sink a command as its stream does."""
        event = SimpleNamespace(message=SimpleNamespace(partition=0, headers=[]), ack=lambda: True)
        job = self.sink._job(event, command)
        lane = f"{command.line}/{command.call_id}"
        assert self.sink.lanes.submit(
            (command.gateway, command.session), lane, job.run, job.expires_at_ms
        )

    async def outcome(self, *, number: int = 1) -> Outcome:
        await until(lambda: len(self.broker.all(CALLS_OUTCOMES)) >= number, WITHIN_S)
        found: Outcome = self.broker.all(CALLS_OUTCOMES)[number - 1]
        return found

    async def end(self, command: CallCommand) -> tuple[str, str | None]:
        before = len(self.broker.all(CALLS_OUTCOMES))
        self.submit(command)
        said = await self.outcome(number=before + 1)
        return said.result, said.reason

    @property
    def texts(self) -> list[SendText]:
        return self.broker.all(MESSAGES_COMMANDS)


@asynccontextmanager
async def opened() -> AsyncIterator[Office]:
    broker, table, failures = Broker(), Table(), list[BaseException]()
    async with open_gateway() as server:
        configured = WahaSettings(
            provider="waha", base_url=server.url, api_key=SECRET, webhook_secret=(SECRET,)
        )
        client = GatewayClient("office", configured, ["default"], lambda *_: None, lambda *_: None)
        await client.start()

        async def may_act(_event: Any) -> bool:
            return True

        parts = SinkContext(
            gateways={"office": client},
            outbox=Outbox(broker, failures.append),
            clock=now_ms,
            metrics=WorkerMetrics(),
            may_act=may_act,
            confirm=may_act,
            is_ours=lambda _event: True,
            is_inherited=lambda _event, _caused_at_ms: False,
            on_failure=failures.append,
        )
        calls = CallRegister(table, table, partition_of=lambda _key: 0, generation=lambda: 1)
        sink = RejectSink(parts, calls)
        try:
            yield Office(broker, server, table, now_ms() - 1000, sink, client)
            assert not failures
            assert not server.violations
        finally:
            await sink.drain(1.0)
            await client.stop()


async def test_a_call_that_rings_is_rejected_and_told() -> None:
    async with opened() as office:
        office.happened(office.offer())
        assert await office.end(office.reject()) == ("accepted", None)
        assert [each.call_id for each in office.gateway.rejects] == ["call-1"]
        assert [each.command_id for each in office.texts] == ["london/call-1/text"]
        (said,) = office.broker.all(CALLS_LIFECYCLE)
        assert (said.command_id, said.offered_at_ms) == ("london/call-1/reject", office.began_ms)


async def test_an_answered_call_is_neither_rejected_nor_told() -> None:
    async with opened() as office:
        office.happened(office.offer(), accepted(office.began_ms + 500))
        assert await office.end(office.reject()) == ("raced", "answered")
        assert (office.gateway.rejects, office.texts) == ([], [])


async def test_a_call_that_ended_is_not_rejected_but_told() -> None:
    async with opened() as office:
        office.happened(office.offer(), ended(office.began_ms + 500))
        assert await office.end(office.reject()) == ("raced", "ended")
        assert office.gateway.rejects == []
        assert [each.command_id for each in office.texts] == ["london/call-1/text"]


async def test_a_command_waits_for_what_its_topic_holds() -> None:
    async with opened() as office:
        office.happened(office.offer())
        answer = accepted(office.began_ms + 500)
        office.table.write(answer)
        office.submit(office.reject())
        await office.client._ping()  # a request that was sent too early would arrive before
        assert office.gateway.rejects == []
        office.table.take(answer)
        assert (await office.outcome()).reason == "answered"
        assert office.gateway.rejects == []


async def test_where_nobody_knows_it_rings_and_says_so() -> None:
    async with opened() as office:
        office.table.known = None
        command = office.reject(expires_at_ms=now_ms() + 200)
        assert await office.end(command) == ("suppressed", "call-unknown")
        assert (office.gateway.rejects, office.texts) == ([], [])


async def test_one_call_under_two_identities_is_rejected_once() -> None:
    async with opened() as office:
        office.happened(office.offer(caller=LID), office.offer())
        first = office.reject(caller=LID, caller_raw=LID)
        office.submit(first)
        office.submit(office.reject())
        assert (await office.outcome()).result == "accepted"
        second = await office.outcome(number=2)
        assert (second.result, second.reason) == ("raced", "same-call")
        assert [each.caller for each in office.gateway.rejects] == [LID]
        (text,) = office.texts
        assert (text.caller, text.caller_known_as) == (LID, ("12025550143@c.us",))


async def test_a_newer_call_under_the_same_id_is_rejected_too() -> None:
    async with opened() as office:
        office.happened(office.offer())
        assert await office.end(office.reject()) == ("accepted", None)
        again = now_ms() + 1
        office.happened(office.offer(offered_at_ms=again, received_at_ms=again))
        second = office.reject(
            command_id=f"london/call-1/{again}/reject",
            decision_id=f"london/call-1/{again}",
            generation=again,
            offered_at_ms=again,
        )
        assert await office.end(second) == ("accepted", None)
        assert len(office.gateway.rejects) == 2
        assert (await office.outcome(number=2)).generation == again
        # and a repeat of the first one is done already
        assert await office.end(office.reject()) == ("accepted", None)
        assert len(office.gateway.rejects) == 2


async def test_a_repeated_command_of_a_rejected_call_is_not_sent_again() -> None:
    async with opened() as office:
        office.happened(
            office.offer(), rejected(office.began_ms + 90, offered_at_ms=office.began_ms)
        )
        assert await office.end(office.reject()) == ("accepted", None)
        assert office.gateway.rejects == []
        assert (await office.outcome()).at_ms == office.began_ms + 90
        assert len(office.texts) == 1


def queued(office: Office, **more: Any) -> QueueText:
    made = office.reject()
    names = QueueText.__dataclass_fields__.keys() - {"type", "command_id", "reply"}
    given = {name: getattr(made, name) for name in names}
    return QueueText(**given | {"command_id": "london/call-1/text", "reply": "queued"} | more)


async def test_a_queued_caller_is_told_while_the_call_rings() -> None:
    async with opened() as office:
        office.happened(office.offer())
        office.submit(queued(office))
        await until(lambda: office.texts, WITHIN_S)
        (text,) = office.texts
        assert (text.command_id, text.rejected_at_ms) == ("london/call-1/text", None)
        assert text.expires_at_ms == office.began_ms + 45_000
        assert office.broker.all(CALLS_OUTCOMES) == []


@pytest.mark.parametrize(
    ("event", "reason"), [(accepted, "answered"), (ended, "ended")], ids=["answered", "ended"]
)
async def test_a_queued_caller_is_not_told_when_it_is_over(event: Any, reason: str) -> None:
    async with opened() as office:
        office.happened(office.offer(), event(office.began_ms + 500))
        assert await office.end(queued(office)) == ("suppressed", reason)
        office.table.known = None
        unknown = queued(office, expires_at_ms=now_ms() + 100)
        assert await office.end(unknown) == ("suppressed", "call-unknown")
        late = queued(office, expires_at_ms=now_ms())
        assert await office.end(late) == ("late", "window-over")
        assert office.texts == []


async def test_nobody_is_blocked_while_somebody_speaks_to_them() -> None:
    async with opened() as office:
        office.happened(office.offer(), accepted(office.began_ms + 500))
        made = office.reject()
        block = BlockCaller(
            command_id=block_id(made.decision_id),
            decision_id=made.decision_id,
            gateway=made.gateway,
            line=made.line,
            session=made.session,
            call_id=made.call_id,
            caller=made.caller,
            caller_raw=made.caller_raw,
            offered_at_ms=made.offered_at_ms,
            received_at_ms=made.received_at_ms,
            until_ms=made.offered_at_ms + 900_000,
        )
        assert await office.end(block) == ("suppressed", "answered")
        assert office.broker.all(CALLS_LIFECYCLE) == []
        office.table.known = None
        unknown = BlockCaller(**{f: getattr(block, f) for f in BlockCaller.__slots__}
                              | {"until_ms": now_ms() + 100})  # fmt: skip
        assert await office.end(unknown) == ("suppressed", "call-unknown")


async def test_who_waits_is_let_go_when_partitions_change_hands() -> None:
    async with opened() as office:
        office.table.known = None
        office.submit(office.reject())
        await office.client._ping()  # by then it waits
        began = asyncio.get_running_loop().time()
        await office.sink.drain(WITHIN_S)
        assert asyncio.get_running_loop().time() - began < WITHIN_S / 2
        assert office.broker.records == []
