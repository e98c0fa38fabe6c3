"""One run of ``ringfence up``, from the first check to the last process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Final, TypeVar

import aiohttp
import uvloop

from streams.common.clock import now_ms
from streams.common.errors import (
    AuditError,
    EnvironmentFaultError,
    NothingComparedError,
    RingfenceError,
)
from streams.common.whole_file import write_whole
from streams.kafka import topics_admin
from streams.local_kafka.broker import LocalKafka
from streams.local_kafka.state import read_state
from streams.log_events.kinds import EventLog, LogEvent
from streams.settings import Settings
from streams.single_node import scenes
from streams.single_node.child_process import ChildProcess
from streams.single_node.demo_experiment import SAID
from streams.single_node.plan import (
    RunOptions,
    RunPlan,
    bridge_url,
    children,
    make_plan,
    page_command,
    resolved,
)
from streams.single_node.policies_folder import agree
from streams.single_node.report_page import write_page
from streams.single_node.supervisor import READY_SECONDS, Supervisor
from streams.stories.audited_summary import AuditedSummary
from streams.stories.live import LiveConsole, wants_colour

log = EventLog(__name__)

T = TypeVar("T")
Say = Callable[[str], None]

_SETTLE_SECONDS: Final = 90.0
"""A reject may be tried for 45 s after the call began to ring, and be confirmed some time later."""
_SETTLE_IN_A_HURRY: Final = 1.2
_CHILDREN_BY: Final = 3.4
_BROKER_BY: Final = 4.6
"""Seconds after a signal: a run that is interrupted is over within five."""
_INTERRUPTED: Final = 130


def up(options: RunOptions, say: Say) -> int:
    """Run until the time is over or a signal arrives; blocks. Returns the exit code.

    0 only when the audit of the run holds, or when a run without simulated calls, or one that
    was stopped, had nothing to compare. Raises ``RingfenceError`` for what keeps it from
    starting or from going on; no process is left behind in any case.
    """
    with _sigterm_as_interrupt():
        try:
            plan = make_plan(
                replace(
                    options, seed=secrets.randbelow(2**31) if options.seed is None else options.seed
                )
            )
            broker = _prepare_broker(plan.settings, say)
            return uvloop.run(_Run(plan, broker, say).go())
        except KeyboardInterrupt:
            say("interrupted before everything was up")
            return _INTERRUPTED


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    # until the event loop handles signals: SIGTERM must unwind as Ctrl-C does
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _prepare_broker(settings: Settings, say: Say) -> LocalKafka | None:
    if settings.kafka.bootstrap_servers is not None or read_state() is not None:
        return None
    broker = LocalKafka()
    broker.prepare(say)
    return broker


class _StoppedError(Exception):
    """A signal arrived while something was awaited."""


class _Run:
    def __init__(self, plan: RunPlan, broker: LocalKafka | None, say: Say) -> None:
        self._plan = plan
        self._broker = broker
        self._say = say
        self._stop = asyncio.Event()
        self._stopped_at: float | None = None
        self._children: dict[str, ChildProcess] = {}

    async def go(self) -> int:
        """Start, watch, settle, report, end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled)
        try:
            async with aiohttp.ClientSession() as http:
                try:
                    return await self._between_start_and_end(http)
                except _StoppedError:
                    self._say("interrupted before everything was up")
                    return _INTERRUPTED
                finally:
                    await self._end_children()
        finally:
            self._end_broker()

    async def _between_start_and_end(self, http: aiohttp.ClientSession) -> int:
        began, started_ms = time.monotonic(), now_ms()
        settings = await self._unless_stopped(self._start_kafka())
        heading: list[str] = []
        lines: list[str] | None = heading

        def tell(line: str) -> None:
            # the console's heading belongs above its first story, not above our own lines
            if lines is None:
                self._say(line)
            else:
                lines.append(line)

        console = LiveConsole(settings, tell, colour=wants_colour(sys.stdout))
        # before the children start, so that the first call they receive is shown and audited
        await self._unless_stopped(console.start())
        try:
            await self._start_children(http, settings)
            self._announce(settings, time.monotonic() - began)
            for line in heading:
                self._say(line)
            lines = None
            if self._plan.simulator is not None:
                await self._simulator(http, "POST", "/_sim/traffic/start")
            async with _in_background(
                Supervisor(self._children, self._broker, self._note).run(http)
            ) as watching:
                async with _in_background(self._play_scenes(http, settings)):
                    await self._tell_stories(console, watching)
                record = await self._quiet(http, console, watching)
            exit_code = self._sum_up(console.summary(record))
            await self._write_page(settings, started_ms)
            return exit_code
        finally:
            await console.stop()

    def _note(self, happened: LogEvent) -> None:
        log.write(happened)
        self._say(str(happened))

    def _signalled(self) -> None:
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
        self._stop.set()

    async def _unless_stopped(
        self, work: Awaitable[T], watching: asyncio.Task[None] | None = None
    ) -> T:
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._stop.wait())
        ends = {stop} if watching is None else {stop, watching}
        try:
            await asyncio.wait({task, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if watching is not None and watching.done():
                watching.result()
            raise _StoppedError
        finally:
            for each in (task, stop):
                each.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _start_kafka(self) -> Settings:
        bootstrap = self._plan.settings.kafka.bootstrap_servers
        if bootstrap is None and self._broker is not None:
            self._say("starting the local Kafka")
            await self._broker.start()
            bootstrap = self._broker.bootstrap
        elif bootstrap is None:
            state = read_state()
            if state is None:
                msg = "the local Kafka that ran a moment ago is gone; start again"
                raise EnvironmentFaultError(msg)
            bootstrap = state.bootstrap
        settings = resolved(self._plan, bootstrap)
        applied = await topics_admin.apply(settings.kafka)
        if applied.created:
            self._say(f"created {len(applied.created)} topics")
        for each in applied.left:
            self._say(each.describe())
        if any(each.what == "partitions" for each in applied.left):
            msg = "topics have fewer partitions than kafka.partitions, see above"
            raise EnvironmentFaultError(msg)
        for said in await agree(
            settings, demo=self._plan.demo is not None, apply=self._plan.options.apply
        ):
            self._say(said)
        return settings

    async def _start_children(self, http: aiohttp.ClientSession, settings: Settings) -> None:
        bootstrap = str(settings.kafka.bootstrap_servers)
        self._say("starting bridge, worker and attrition")
        planned = children(self._plan, bootstrap)
        for child in planned.values():
            self._children[child.name] = child
            child.start()
        await self._unless_stopped(_all_ready(list(planned.values()), http))

    def _announce(self, settings: Settings, seconds: float) -> None:
        self._say(f"ready after {seconds:.1f} s: Kafka {settings.kafka.bootstrap_servers}")
        if self._plan.simulator is None:
            for child in self._children.values():
                for warning in child.warnings:
                    self._say(f"warning: {warning}")
        options = self._plan.options
        if self._plan.demo is None:
            url = f"http://{settings.bridge.listen}/webhooks/<gateway>"
            self._say(f"gateways send their webhooks to {url}")
            return
        made_up = ", ".join(self._plan.demo.secrets)
        self._say(
            f"simulated traffic: {options.rate:g} calls/s, seed {options.seed}; every gateway is"
            f" the simulator at {self._plan.simulator}, no request can reach a real one, and the"
            f" topics begin with {settings.kafka.topic_prefix!r}"
            + (f"; made up for this run: {made_up}" if made_up else "")
        )
        played = (
            "scenes (·) show the ready-made policies on lines of their own; "
            if self._plan.demo.token
            else ""
        )
        if self._plan.demo.reactions is not None:
            self._say(SAID)
        self._say(
            f"{played}strangers are told without a daily cap;"
            " other commands see this run with --demo"
        )

    async def _play_scenes(self, http: aiohttp.ClientSession, settings: Settings) -> None:
        """The demo's scenes, until they are cancelled.

        One that cannot be played ends them, and is reported.
        """
        demo = self._plan.demo
        if demo is None or demo.token is None:
            return
        stage = scenes.Stage(
            http=http,
            bridge_url=bridge_url(settings),
            simulator_url=f"http://{self._plan.simulator}",
            token=demo.token,
            kafka=settings.kafka,
            say=lambda text: self._say(f"          · {text}"),
            strangers=scenes.strangers(self._plan.options.seed or 0),
        )
        try:
            await scenes.play(stage)
        except RingfenceError as exc:
            self._say(str(exc))

    async def _tell_stories(self, console: LiveConsole, watching: asyncio.Task[None]) -> None:
        """Until the time is over or a signal arrives."""
        duration_ms = self._plan.options.duration_ms
        enough = asyncio.Event()
        timer = None
        if duration_ms is not None:
            timer = asyncio.get_running_loop().call_later(duration_ms / 1000, enough.set)
        try:
            with contextlib.suppress(_StoppedError):
                await self._unless_stopped(console.run(enough), watching)
        finally:
            if timer is not None:
                timer.cancel()

    async def _quiet(
        self, http: aiohttp.ClientSession, console: LiveConsole, watching: asyncio.Task[None]
    ) -> dict[str, Any] | None:
        """No new calls, then all that is under way comes to its end; the simulator's record."""
        if self._plan.simulator is not None:
            await self._simulator(http, "POST", "/_sim/traffic/stop")
        if self._stopped_at is None:
            self._say("the time is over: waiting until every command is ended")
            with contextlib.suppress(_StoppedError):
                await self._unless_stopped(console.settle(_SETTLE_SECONDS), watching)
        if self._stopped_at is not None:
            await console.settle(_SETTLE_IN_A_HURRY)
        if self._plan.simulator is None:
            return None
        return await self._simulator(http, "GET", "/_sim/record")

    async def _simulator(
        self, http: aiohttp.ClientSession, method: str, path: str
    ) -> dict[str, Any]:
        url = f"http://{self._plan.simulator}{path}"
        seconds = 10.0 if self._stopped_at is None else 1.0
        try:
            async with http.request(
                method, url, timeout=aiohttp.ClientTimeout(total=seconds)
            ) as answer:
                answer.raise_for_status()
                found: dict[str, Any] = await answer.json()
        except (aiohttp.ClientError, TimeoutError) as exc:
            ending = self._children["simulator"].ending()
            msg = f"the simulator did not answer {method} {path}: {exc}; {ending}"
            raise EnvironmentFaultError(msg) from exc
        return found

    def _sum_up(self, ending: AuditedSummary) -> int:
        for line in ending.lines():
            self._say(line)
        if self._plan.demo is not None and self._broker is not None:
            call = ending.summary.example or "CALL"
            self._say(
                "to look into a call: .venv/bin/ringfence kafka start;"
                f" .venv/bin/ringfence explain {call} --demo"
            )
        path = self._plan.options.report
        if path is not None:
            write_whole({path: json.dumps(ending.as_dict(), indent=2) + "\n"})
        match ending.audit.verdict:
            case "does not hold":
                return AuditError.exit_code
            case "nothing compared" if self._plan.demo is not None and self._stopped_at is None:
                return NothingComparedError.exit_code
            case _:
                # real lines may have had no call, and who stops a run early asks for no proof
                return 0

    async def _write_page(self, settings: Settings, since_ms: int) -> None:
        page = self._plan.options.report_html
        if page is None:
            return
        bootstrap = str(settings.kafka.bootstrap_servers)
        command, env = page_command(self._plan, bootstrap, since_ms, page)
        if self._stopped_at is None:
            self._say("drawing the report")
            try:
                await self._unless_stopped(write_page(command, env))
            except _StoppedError:
                pass
            else:
                self._say(f"report: {page.absolute()}")
                return
        self._say("interrupted: no report was written; `ringfence report` writes one at any time")

    async def _end_children(self) -> None:
        if not self._children:
            return
        by = (
            time.monotonic() + 10.0 if self._stopped_at is None else self._stopped_at + _CHILDREN_BY
        )
        try:
            await asyncio.gather(*(child.end(by) for child in self._children.values()))
        finally:
            for child in self._children.values():
                child.kill()

    def _end_broker(self) -> None:
        if self._broker is None:
            return
        if self._stopped_at is None:
            self._broker.stop()
        else:
            self._broker.stop(within=max(0.2, self._stopped_at + _BROKER_BY - time.monotonic()))


async def _all_ready(group: list[ChildProcess], http: aiohttp.ClientSession) -> None:
    # not a TaskGroup: the first failure is raised as it is, without a group around it
    tasks = [asyncio.create_task(child.ready(http, READY_SECONDS)) for child in group]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _in_background(work: Awaitable[None]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
