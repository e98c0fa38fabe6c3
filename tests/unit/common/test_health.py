"""Liveness, readiness and metrics over HTTP."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from streams.common.errors import EnvironmentFaultError
from streams.common.health import HealthServer


async def test_live_ready_and_metrics() -> None:
    registry = CollectorRegistry()
    Counter("ringfence_example_total", "An example.", registry=registry).inc()
    reason: str | None = "tables are being restored"
    async with (
        HealthServer("127.0.0.1:0", registry, ready=lambda: reason) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        async with http.get("/health/live") as response:
            assert response.status == 200
        async with http.get("/health/ready") as response:
            assert response.status == 503
            assert (await response.json())["reason"] == reason
        reason = None
        async with http.get("/health/ready") as response:
            assert response.status == 200
        async with http.get("/metrics") as response:
            assert response.headers["Content-Type"].startswith("text/plain")
            assert "ringfence_example_total 1.0" in (await response.text()).splitlines()


async def test_what_a_person_should_fix_leaves_a_process_ready() -> None:
    mend = ["london is not in force: there is no calendar 'office'"]
    async with (
        HealthServer(
            "127.0.0.1:0", CollectorRegistry(), ready=lambda: None, warnings=lambda: mend
        ) as server,
        aiohttp.ClientSession(server.url) as http,
        http.get("/health/ready") as response,
    ):
        assert response.status == 200
        assert await response.json() == {"status": "ready", "warnings": mend}


async def test_a_port_in_use_names_the_setting_and_the_mend() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(EnvironmentFaultError, match=r"in use.*worker\.listen"):
            async with HealthServer(address, CollectorRegistry(), ready=lambda: None):
                pass


async def test_an_address_of_another_machine_is_refused_with_the_mend() -> None:
    with pytest.raises(EnvironmentFaultError, match=r"worker\.listen"):
        async with HealthServer("192.0.2.1:0", CollectorRegistry(), ready=lambda: None):
            pass
