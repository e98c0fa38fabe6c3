"""What a run consists of: settings, children and addresses, all checked before anything starts."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.common.analytics_extra import require_analytics
from streams.common.errors import ConfigurationError, EnvironmentFaultError
from streams.common.log_style import FORMAT_VARIABLE, LogFormat
from streams.local_kafka.broker import free_ports
from streams.local_kafka.state import BrokerFiles
from streams.policy_admin.files import read_folder
from streams.settings import DEFAULT_CONFIG, Settings, load_settings
from streams.single_node.child_process import RINGFENCE, ChildProcess, python_path
from streams.single_node.demo import DemoRun, write_demo
from streams.single_node.report_page import arguments
from streams.single_node.worker_processes import check


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What ``ringfence up`` was asked for."""

    config: Path
    rate: float | None
    """Simulated calls per second; None: no traffic, and the configured gateways."""
    duration_ms: int | None = None
    """None: until a signal."""
    report: Path | None = None
    """Where the summary of the run goes, as JSON."""
    report_html: Path | None = None
    """Where the page of ``ringfence report`` goes, about the calls of the run."""
    seed: int | None = None
    workers: int | None = None
    """Processes that decide and reject; None: what the machine has, see ``default_workers``."""
    apply: bool = False
    """Put the policies folder in force, where it differs from what is."""
    log_format: LogFormat = "text"
    """How each process writes its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Everything that is known before the first process starts."""

    options: RunOptions
    settings: Settings
    """As the children will read them, but for the broker's address."""
    config: Path
    """What the children read: the user's file, or the run configuration of a demo."""
    demo: DemoRun | None
    simulator: str | None
    """``host:port`` of the simulator."""


_INSTANCE: Final = "up"
"""The static member id of worker and attrition: who is started again has its partitions at once."""


def default_workers(partitions: int) -> int:
    """One for each core but one, which bridge and broker need; at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min((cores or 1) - 1, partitions))


def make_plan(options: RunOptions) -> RunPlan:
    """Read and check everything; writes the run configuration of a demo, and starts nothing.

    Raises ``ConfigurationError`` and ``EnvironmentFaultError``, which name the key and the fix.
    """
    traffic = options.rate is not None
    settings = load_settings(options.config, gateway_secrets=not traffic)
    read_folder(settings)
    check("--workers", options.workers or 1, settings.kafka.partitions)
    _check_ports(settings, options.config)
    _check_report("--report", options.report)
    _check_report("--report-html", options.report_html)
    if options.report_html is not None:
        require_analytics("ringfence up --report-html", ("altair", "vl_convert"))
    if not traffic:
        return RunPlan(
            options=options, settings=settings, config=options.config, demo=None, simulator=None
        )
    simulator = f"127.0.0.1:{free_ports(1)[0]}"
    scenes = options.config.resolve() == DEFAULT_CONFIG.resolve()
    demo = write_demo(options.config, f"http://{simulator}", settings.policies, scenes=scenes)
    return RunPlan(
        options=options,
        settings=load_settings(demo.config, gateway_secrets=False),
        config=demo.config,
        demo=demo,
        simulator=simulator,
    )


def resolved(plan: RunPlan, bootstrap: str) -> Settings:
    """The settings with the broker's address."""
    kafka = plan.settings.kafka.model_copy(update={"bootstrap_servers": bootstrap})
    return plan.settings.model_copy(update={"kafka": kafka})


def bridge_url(settings: Settings) -> str:
    """Where the bridge is reached from this machine."""
    return f"http://{_reachable(settings.bridge.listen)}"


def children(plan: RunPlan, bootstrap: str) -> dict[str, ChildProcess]:
    """The processes to run, by name: bridge, worker, attrition, the simulator for traffic."""
    env = _environment(plan, bootstrap)
    config = ("--config", str(plan.config))
    health = {
        "bridge": f"http://{_reachable(plan.settings.bridge.admin_address)}",
        "worker": f"http://{_reachable(plan.settings.worker.listen)}",
        "attrition": f"http://{_reachable(plan.settings.attrition.listen)}",
    }
    commands: dict[str, tuple[str, ...]] = {name: (*RINGFENCE, name, *config) for name in health}
    workers = plan.options.workers or default_workers(plan.settings.kafka.partitions)
    if workers > 1:
        commands["worker"] = (*commands["worker"], "--processes", str(workers))
    if plan.simulator is not None:
        health["simulator"] = f"http://{plan.simulator}"
        seed = () if plan.options.seed is None else ("--seed", str(plan.options.seed))
        commands["simulator"] = (
            *(*RINGFENCE, "gateway-sim", *config),
            *("--listen", plan.simulator, "--bridge-url", bridge_url(plan.settings)),
            *("--rate", str(plan.options.rate), "--wait", *seed),
            *(
                ("--reactions", str(plan.demo.reactions))
                if plan.demo is not None and plan.demo.reactions is not None
                else ()
            ),
            *(
                part
                for line in (plan.demo.called if plan.demo else ())
                for part in ("--line", line)
            ),
        )
    ready = {name: f"{url}{_READY[name]}" for name, url in health.items()}
    logs = BrokerFiles().log_dir
    logs.mkdir(parents=True, exist_ok=True)
    return {
        name: ChildProcess(name, commands[name], ready[name], logs / f"{name}.log", env)
        for name in commands
    }


def page_command(
    plan: RunPlan, bootstrap: str, since_ms: int, page: Path
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """The command that writes the run's report as a page, and its environment."""
    return (*RINGFENCE, *arguments(plan.config, since_ms, page)), _environment(plan, bootstrap)


def _environment(plan: RunPlan, bootstrap: str) -> dict[str, str]:
    secrets: Mapping[str, str] = plan.demo.secrets if plan.demo else {}
    env = {"RINGFENCE_INSTANCE": _INSTANCE, **os.environ, **secrets}
    return env | {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        FORMAT_VARIABLE: plan.options.log_format,
        "PYTHONPATH": python_path(os.environ),
        "PYTHONUNBUFFERED": "1",
    }


_READY: Final = {
    "bridge": "/health/ready",
    "worker": "/health/ready",
    "attrition": "/health/ready",
    "simulator": "/_sim/record?last=0",
}


def _reachable(address: str) -> str:
    host, _, port = address.rpartition(":")
    return f"127.0.0.1:{port}" if host in {"0.0.0.0", "*", "::", "[::]"} else address  # noqa: S104


def _check_ports(settings: Settings, config: Path) -> None:
    addresses = {
        "bridge.listen": settings.bridge.listen,
        "bridge.admin_listen": settings.bridge.admin_address,
        "worker.listen": settings.worker.listen,
        "attrition.listen": settings.attrition.listen,
    }
    keys: dict[str, str] = {}
    for key, address in addresses.items():
        other = keys.setdefault(address, key)
        if other != key:
            msg = f"{config}: {other} and {key} are both {address}; give each a port of its own"
            raise ConfigurationError(msg)
    for key, address in addresses.items():
        host, _, port = address.rpartition(":")
        if port == "0":
            msg = f"{config}: {key}: `ringfence up` needs to know the port; write one instead of 0"
            raise ConfigurationError(msg)
        _check_port(key, host.strip("[]"), int(port), config)


def _check_port(key: str, host: str, port: int, config: Path) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # as the servers do: connections of an earlier run that are still closing are no obstacle
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("" if host == "*" else host, port))
        except OSError as exc:
            hint = f"end the program that uses it, or set another {key} in {config}"
            if exc.errno != errno.EADDRINUSE:
                hint = (
                    f"set {key} in {config} to an address of this machine and a port that you may"
                    " use"
                )
            why = os.strerror(exc.errno or 0)
            msg = f"{key}: {host}:{port} cannot be listened on ({why}): {hint}"
            raise EnvironmentFaultError(msg) from None


def _check_report(option: str, report: Path | None) -> None:
    if report is None:
        return
    there = report.exists()
    try:
        with report.open("a", encoding="utf-8"):
            pass
        if not there:
            # what is not written in the end must not be there as an empty file
            report.unlink()
    except OSError as exc:
        msg = (
            f"{option} {report}: cannot be written ({exc.strerror}); name a file in a folder that"
            " is there"
        )
        raise ConfigurationError(msg) from None
