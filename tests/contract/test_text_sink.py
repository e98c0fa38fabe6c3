"""The text sink against a real gateway server: what is sent, what is held back, and what was
durable before."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import faust
import orjson
import pytest
from aiokafka.structs import RecordMetadata
from pydantic import SecretStr
from typing_extensions import override

from models.commands import SendText
from models.contacts import IdentityLink
from models.outcomes import Outcome
from models.policy import DAY_MS
from models.records import Record
from streams.common.clock import now_ms
from streams.faust_driver.epochs import MARK
from streams.faust_driver.fenced_table import FencedTable
from streams.gateways.circuit_breaker import OPENS_AFTER
from streams.gateways.client import GatewayClient
from streams.gateways.waha.settings import WahaSettings
from streams.kafka.outbox import Outbox
from streams.kafka.producer import DurableProducer
from streams.kafka.tolerant_table import TolerantFencedTable, UnreadableRows
from streams.metrics import WorkerMetrics
from streams.policies.book import PolicyBook
from streams.settings import KafkaSettings
from streams.sink import text_limits, text_rows
from streams.sink.context import SinkContext
from streams.sink.text_body import LineVoice
from streams.sink.texts import TextSink
from streams.views.views import Views
from tests.support.facts import policy, text
from tests.support.gateway import API_KEY, FakeGateway, Text, open_gateway
from tests.support.waiting import until

SECRET = SecretStr(API_KEY)
WITHIN_S = 20.0
RESTRICTED = {"statusCode": 500, "exception": {"message": "2 UNKNOWN: server returned error 463"}}
FORBIDDEN = {"statusCode": 403, "message": "Forbidden"}
NO_LID = {"statusCode": 500, "exception": {"message": "no LID found for 1@lid from server"}}


class Broker(DurableProducer):
    """Takes records at once, or when the test lets it."""

    def __init__(self) -> None:
        super().__init__(KafkaSettings(bootstrap_servers="127.0.0.1:1"), "test")
        self.outcomes: list[Outcome] = []
        self.durable: list[tuple[bytes, bytes | None]] = []
        self.acknowledging = asyncio.Event()
        self.acknowledging.set()
        self._waiting: set[asyncio.Task[None]] = set()
        self._offsets = itertools.count()

    @override
    async def enqueue(self, record: Record) -> asyncio.Future[RecordMetadata]:
        self.outcomes.append(Outcome(**orjson.loads(record.value or b"")))
        return self._acknowledged(lambda: None)

    @override
    async def enqueue_to(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        partition: int | None = None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        def durable() -> None:
            if key != MARK:
                self.durable.append((key, value))

        offset = next(self._offsets)
        return self._acknowledged(durable, RecordMetadata(topic, partition, None, offset, 0, 0, 0))

    def _acknowledged(
        self, done: Callable[[], None], known: RecordMetadata | None = None
    ) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def acknowledge() -> None:
            await self.acknowledging.wait()
            done()
            future.set_result(known)

        task = asyncio.create_task(acknowledge())
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return future


@dataclass
class Office:
    """A gateway, a broker, and the sink between them."""

    broker: Broker
    gateway: FakeGateway
    claims: FencedTable
    known: Views
    parts: SinkContext = field(init=False)
    sink: TextSink = field(init=False)
    durable_at_request: list[int] = field(default_factory=list)
    ahead_ms: int = 0
    """How far the clock is ahead of the machine's."""
    ours: bool = True
    """Whether the worker still has the partition that it was given the commands of."""
    loses_it_at_request: bool = False
    durable_at_question: list[int] = field(default_factory=list)
    lost_at_question: int = 0
    """Which question about the membership is the first to be answered with no; 0: none."""
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def now_ms(self) -> int:
        return now_ms() + self.ahead_ms

    async def requested(self) -> None:
        """Note what was durable when a text came."""
        self.durable_at_request.append(len(self.broker.durable))
        self.ours = self.ours and not self.loses_it_at_request

    async def confirm(self, _event: Any) -> bool:
        """What the group's coordinator says; it notes what was durable when it was asked."""
        self.durable_at_question.append(len(self.broker.durable))
        await self.answering.wait()
        return self.ours and len(self.durable_at_question) != self.lost_at_question

    def apply(self, **texts: Any) -> None:
        """Another guard; the reply is an experiment with a holdout as well as a plain text."""
        experiment = {"variants": {"a": {"texts": {"en": "A"}}}, "holdout": 0.5}
        replies = {
            "text-first": {"en": "Write first."},
            "try": experiment,
            "closed": {"en": "Open {next_opening}."},
        }
        self.known.policies.book = PolicyBook({"*": policy(replies=replies, texts=texts)})

    def command(self, *, window_ms: int = 60_000, **changed: Any) -> SendText:
        number = next(self._numbers)
        caller = changed.pop("caller", f"4477009{number:05d}@c.us")
        began_ms = self.now_ms()
        return text(
            **{
                "command_id": f"london/call-{number}/text",
                "call_id": f"call-{number}",
                "caller": caller,
                "caller_raw": caller,
                "offered_at_ms": began_ms,
                "expires_at_ms": began_ms + window_ms,
            }
            | changed
        )

    def submit(self, command: SendText) -> Any:
        """Give the sink a command as its stream does; returns the event."""
        message = SimpleNamespace(partition=0, generation_id=1, headers=[])
        event = SimpleNamespace(message=message, ack=lambda: True)
        job = self.sink._job(event, command)
        place = (command.gateway, command.session)
        assert self.sink.lanes.submit(place, command.line, job, command.expires_at_ms)
        return event

    async def end(self, command: SendText) -> Outcome:
        self.submit(command)
        return await self.outcome(command)

    async def outcome(self, command: SendText) -> Outcome:
        def found() -> list[Outcome]:
            return [each for each in self.broker.outcomes if each.command_id == command.command_id]

        await until(lambda: bool(found()), WITHIN_S)
        return found()[-1]


async def nothing_of_others(*_of: object) -> list[Any]:
    """What others wrote; asked for only where the offsets say that they did."""
    msg = "nobody else writes here"
    raise AssertionError(msg)


@asynccontextmanager
async def open_office(**settings: Any) -> AsyncIterator[Office]:
    broker = Broker()
    app = faust.App("test", broker="aiokafka://127.0.0.1:1", store="memory://", topic_partitions=1)
    claims = FencedTable(app, "texts", 1, lambda: broker, nothing_of_others)
    async with open_gateway() as server:
        office = Office(broker, server, claims, Views.empty())
        office.answering.set()
        server.at_text = office.requested
        office.apply()
        async with _sink_of(office, settings):
            yield office
        assert server.violations == []


@asynccontextmanager
async def _sink_of(office: Office, settings: dict[str, Any]) -> AsyncIterator[None]:
    configured = WahaSettings(
        provider="waha",
        base_url=office.gateway.url,
        api_key=SECRET,
        webhook_secret=(SECRET,),
        **settings,
    )
    gateway = GatewayClient("office", configured, ["default"], lambda *_: None, lambda *_: None)
    await gateway.start()
    failures: list[BaseException] = []

    async def may_act(_event: Any) -> bool:
        return True

    office.parts = SinkContext(
        gateways={"office": gateway},
        outbox=Outbox(office.broker, failures.append),
        clock=office.now_ms,
        metrics=WorkerMetrics(),
        may_act=may_act,
        confirm=office.confirm,
        is_ours=lambda _event: office.ours,
        is_inherited=lambda _event, _caused_at_ms: False,
        on_failure=failures.append,
    )
    voices = {"london": LineVoice("London", "en", "Europe/London")}
    claims = TolerantFencedTable(
        office.claims,
        "texts",
        "texts-changelog",
        text_rows.FORM,
        UnreadableRows(lambda _table: None, office.now_ms),
    )
    office.sink = TextSink(office.parts, claims=claims, known=office.known, lines=voices)
    try:
        yield
        assert not failures
    finally:
        await office.sink.lanes.join(1.0)
        await gateway.stop()


def ended(outcome: Outcome) -> tuple[str, str | None]:
    return outcome.result, outcome.reason


async def test_claim_and_count_are_durable_before_the_request() -> None:
    async with open_office() as office:
        assert await office.claims.own(0, 1)
        office.broker.acknowledging.clear()
        command = office.command()
        office.submit(command)
        await until(lambda: len(office.claims) == 2, WITHIN_S)
        for _ in range(3):  # a request that was sent too early would arrive before these
            await office.parts.gateways["office"]._ping()
        assert not office.gateway.texts
        office.broker.acknowledging.set()
        assert ended(await office.outcome(command)) == ("accepted", None)
        assert office.durable_at_request == [2]
        keys = {key for key, _ in office.broker.durable}
        assert keys == {b"london", f"london|{command.caller}".encode()}


async def test_the_membership_is_asked_before_and_after_the_claim() -> None:
    async with open_office() as office:
        await office.end(office.command())
        assert office.durable_at_question == [0, 2]


async def test_who_lost_it_before_the_claim_writes_nothing() -> None:
    async with open_office() as office:
        office.lost_at_question = 1
        office.submit(office.command())
        await office.sink.lanes.join(WITHIN_S)
        assert (office.broker.durable, office.broker.outcomes) == ([], [])


async def test_who_lost_it_after_the_claim_sends_and_says_nothing() -> None:
    async with open_office() as office:
        office.lost_at_question = 2
        office.submit(office.command())
        await office.sink.lanes.join(WITHIN_S)
        assert len(office.broker.durable) == 2
        assert (office.gateway.texts, office.broker.outcomes) == ([], [])


async def test_an_answer_after_the_window_ends_the_text_as_late() -> None:
    async with open_office() as office:
        command = office.command()
        office.answering.clear()
        office.submit(command)
        await until(lambda: len(office.durable_at_question) == 1, WITHIN_S)
        office.ahead_ms = 60_001
        office.answering.set()
        assert ended(await office.outcome(command)) == ("late", "window-over")
        assert office.gateway.texts == []


async def test_the_text_has_the_id_of_its_command() -> None:
    async with open_office() as office:
        command = office.command()
        await office.end(command)
        gateway = office.parts.gateways["office"]
        assert office.gateway.texts == [
            Text("default", command.caller, "Write first.", gateway.message_id(command) or "")
        ]


async def test_strangers_have_a_daily_cap_and_known_callers_have_none() -> None:
    async with open_office() as office:
        office.apply(strangers_per_day=2)
        for expected in ["accepted", "accepted", "suppressed", "suppressed"]:
            outcome = await office.end(office.command())
            assert outcome.result == expected
        assert ended(outcome) == ("suppressed", "stranger-cap")
        assert ended(await office.end(office.command(stranger=False))) == ("accepted", None)
        office.ahead_ms = DAY_MS + text_limits.BUCKET_MS
        assert ended(await office.end(office.command())) == ("accepted", None)
        assert len(office.gateway.texts) == 4


async def test_lines_count_their_own_strangers() -> None:
    async with open_office() as office:
        office.apply(strangers_per_day=1)
        assert ended(await office.end(office.command())) == ("accepted", None)
        elsewhere = office.command(line="paris", command_id="paris/call-x/text")
        assert ended(await office.end(elsewhere)) == ("accepted", None)


async def test_what_the_gateway_refused_does_not_count() -> None:
    async with open_office() as office:
        office.apply(strangers_per_day=1)
        office.gateway.text_answers.append((403, FORBIDDEN, {}))
        assert ended(await office.end(office.command())) == ("failed", "not-permitted")
        assert ended(await office.end(office.command())) == ("accepted", None)
        assert ended(await office.end(office.command())) == ("suppressed", "stranger-cap")


async def test_nobody_who_cannot_be_reached_counts_or_stops_others() -> None:
    """Nothing was sent: neither the cap nor the cool-down nor the circuit knows of it."""
    async with open_office() as office:
        office.apply(strangers_per_day=1)
        for _ in range(OPENS_AFTER + 1):
            office.gateway.text_answers.append((500, NO_LID, {}))
            command = office.command()
            assert ended(await office.end(command)) == ("failed", "recipient-unreachable")
        again = office.command(caller=command.caller)
        assert ended(await office.end(again)) == ("accepted", None)


async def test_what_may_have_arrived_counts_and_is_known_by_its_id() -> None:
    async with open_office() as office:
        office.apply(strangers_per_day=1)
        office.gateway.text_answers.append((500, {}, {}))
        command = office.command()
        outcome = await office.end(command)
        assert ended(outcome) == ("unknown", "http-500")
        assert outcome.message_id == office.gateway.texts[0].id
        assert ended(await office.end(office.command())) == ("suppressed", "stranger-cap")


async def test_error_463_stops_strangers_and_nobody_else() -> None:
    async with open_office() as office:
        office.gateway.text_answers.append((500, RESTRICTED, {}))
        assert ended(await office.end(office.command())) == ("failed", "reach-out-restricted")
        assert ended(await office.end(office.command())) == ("suppressed", "restricted-463")
        assert ended(await office.end(office.command(stranger=False))) == ("accepted", None)
        office.ahead_ms = 86_400_001
        assert ended(await office.end(office.command())) == ("accepted", None)


async def test_429_pauses_the_line_and_what_can_wait_waits_in_order() -> None:
    async with open_office() as office:
        office.gateway.text_answers.append((429, {}, {"Retry-After": "2"}))
        # its own window is too short to try again
        first = office.command(window_ms=500, stranger=False)
        assert ended(await office.end(first)) == ("failed", "rate-limited")
        hasty, patient = (
            office.command(window_ms=500),
            [office.command(stranger=False) for _ in range(2)],
        )
        for each in (hasty, *patient):
            office.submit(each)
        assert ended(await office.outcome(hasty)) == ("suppressed", "paused-429")
        assert len(office.gateway.texts) == 1
        for each in patient:
            assert ended(await office.outcome(each)) == ("accepted", None)
        assert [each.chat for each in office.gateway.texts[1:]] == [each.caller for each in patient]
        told = [office.broker.outcomes[-2].sent_at_ms, first.offered_at_ms]
        assert (told[0] or 0) - (told[1] or 0) >= 2_000


async def test_a_text_that_cannot_outwait_the_pause_ends_at_once() -> None:
    async with open_office() as office:
        office.gateway.text_answers.append((429, {}, {"Retry-After": "3600"}))
        await office.end(office.command(window_ms=500))
        assert ended(await office.end(office.command(stranger=False))) == (
            "suppressed",
            "paused-429",
        )
        assert len(office.gateway.texts) == 1


async def test_a_pause_holds_up_nothing_of_a_gateway_that_is_gone() -> None:
    async with open_office() as office:
        office.gateway.text_answers.append((429, {}, {"Retry-After": "30"}))
        await office.end(office.command(window_ms=500))
        assert ended(await office.end(office.command(gateway="gone", window_ms=500))) == (
            "failed",
            "gateway-not-configured",
        )


async def test_a_text_that_waits_for_a_connection_blames_nobody() -> None:
    async with open_office(max_connections=1, timeout=1_000) as office:
        office.gateway.silent_texts = 2
        texts = [
            office.command(line=line, command_id=f"{line}/call-x/text")
            for line in ("london", "paris", "rome")
        ]
        for each in texts:
            office.submit(each)
        ends = [ended(await office.outcome(each)) for each in texts]
        assert ends == [("unknown", "time-out"), ("unknown", "time-out"), ("accepted", None)]
        assert [each.chat for each in office.gateway.texts] == [each.caller for each in texts]


async def test_a_text_is_not_sent_again_by_a_worker_that_lost_it() -> None:
    async with open_office() as office:
        office.loses_it_at_request = True
        office.gateway.text_answers.append((429, {}, {}))
        command = office.command()
        office.submit(command)
        await until(lambda: not office.ours, WITHIN_S)
        await office.sink.lanes.join(WITHIN_S)
        # whoever has it now finds the claim, and says what is known
        assert len(office.gateway.texts) == 1
        assert office.broker.outcomes == []
        assert len(office.broker.durable) == 2


async def test_a_result_is_said_and_the_line_left_to_its_new_worker() -> None:
    async with open_office() as office:
        office.loses_it_at_request = True
        office.gateway.text_answers.append((500, RESTRICTED, {}))
        command = office.command()
        assert (await office.end(command)).result == "failed"
        assert [key for key, _ in office.broker.durable if text_limits.is_line_key(key)] == [
            b"london"
        ]


async def test_a_pause_is_let_go_of_when_the_worker_drains() -> None:
    async with open_office() as office:
        office.gateway.text_answers.append((429, {}, {"Retry-After": "30"}))
        await office.end(office.command(window_ms=500))
        waiting = office.command()
        office.submit(waiting)
        await asyncio.sleep(0)
        async with asyncio.timeout(WITHIN_S):
            await office.sink.lanes.drain(WITHIN_S)
        assert len(office.gateway.texts) == 1
        assert waiting.command_id not in {each.command_id for each in office.broker.outcomes}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"reply": "try", "variant": "holdout"}, ("suppressed", "holdout")),
        ({"reply": "try", "variant": "a"}, ("accepted", None)),
        ({"reply": "try", "variant": "b"}, ("failed", "reply-not-in-policy")),
        ({"reply": "gone"}, ("failed", "reply-not-in-policy")),
        ({"reply": "closed"}, ("suppressed", "fact-missing")),
        ({"reply": "closed", "values": {"opens_at_ms": 1_767_600_000_000}}, ("accepted", None)),
        ({"caller": "120363000000000000@g.us"}, ("suppressed", "not-a-person")),
        ({"gateway": "elsewhere", "window_ms": 200}, ("failed", "gateway-not-configured")),
        ({"gateway": "elsewhere", "window_ms": 0}, ("failed", "gateway-not-configured")),
        ({"window_ms": 0}, ("late", "window-over")),
    ],
)
async def test_every_end_has_its_reason_reply_and_variant(
    changed: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    async with open_office() as office:
        command = office.command(**changed)
        outcome = await office.end(command)
        assert ended(outcome) == expected
        assert (outcome.reply, outcome.variant) == (command.reply, command.variant)
        assert len(office.gateway.texts) == (expected[0] == "accepted")


async def test_whoever_has_two_names_is_told_once() -> None:
    """Under the LID first, under the number again: the same call, and another one."""
    async with open_office() as office:
        lid, phone = "900000000000143@lid", "447700900123@c.us"
        link = IdentityLink(alias=lid, caller=phone, source="payload", at_ms=1)
        office.known.identities.set(link.key, link)
        first = office.command(caller=lid)
        assert ended(await office.end(first)) == ("accepted", None)
        same = office.command(caller=phone, command_id=first.command_id, call_id=first.call_id)
        office.submit(same)
        await until(lambda: len(office.broker.outcomes) == 2, WITHIN_S)
        again = office.broker.outcomes[-1]
        assert (again.outcome_id, again.result, again.caller) == (
            office.broker.outcomes[0].outcome_id,
            "accepted",
            phone,
        )
        assert ended(await office.end(office.command(caller=phone))) == ("suppressed", "cool-down")
        assert len(office.gateway.texts) == 1


async def test_a_holdout_does_not_use_up_the_cap() -> None:
    async with open_office() as office:
        office.apply(strangers_per_day=1)
        await office.end(office.command(reply="try", variant="holdout"))
        assert ended(await office.end(office.command())) == ("accepted", None)


async def test_an_interrupted_command_is_unknown_and_still_counts() -> None:
    async with open_office() as office:
        office.apply(strangers_per_day=1)
        command = office.command()
        key = f"london|{command.caller}".encode()
        await office.end(command)
        # as a worker finds it that died before the answer
        claim = orjson.loads(office.claims.get(key) or b"") | {"ended": None}
        await (await office.claims.put(0, key, orjson.dumps(claim)))
        office.submit(command)
        await until(lambda: len(office.broker.outcomes) == 2, WITHIN_S)
        again = office.broker.outcomes[-1]
        assert ended(again) == ("unknown", "interrupted")
        assert again.message_id == office.gateway.texts[0].id
        assert len(office.gateway.texts) == 1
        assert ended(await office.end(office.command())) == ("suppressed", "stranger-cap")


async def test_claims_are_forgotten_beside_the_lines_that_stay() -> None:
    async with open_office() as office:
        for _ in range(3):
            await office.end(office.command())
        office.ahead_ms = 10 * DAY_MS
        for _ in range(3):
            await office.end(office.command())
        kept = {key for _, key, _ in office.claims.items()}
        assert b"london" in kept
        assert len(kept) == 4, "claims whose cool-down is over are gone, the line's state stays"
