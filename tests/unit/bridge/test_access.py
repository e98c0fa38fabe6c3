"""Protected endpoints: whose token opens what, and how often one may ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from pydantic import SecretStr

from streams.bridge.access import FAILED_BURST, FAILED_PER_S, ROLE_BURST, Access
from streams.bridge.metrics import BridgeMetrics
from streams.bridge.token_bucket import TokenBucket
from streams.common.errors import ConfigurationError

CRM, OLD_CRM, PRESENCE = (
    "crm-token-of-the-tests",
    "former-crm-token-of-the-tests",
    "presence-token-of-the-tests",
)
TOKENS = {"crm": (SecretStr(CRM), SecretStr(OLD_CRM)), "presence": (SecretStr(PRESENCE),)}


@dataclass(slots=True)
class Stopwatch:
    """A clock that the test turns."""

    now_s: float = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def access(seconds: Stopwatch | None = None, metrics: BridgeMetrics | None = None) -> Access:
    return Access(
        TOKENS,  # type: ignore[arg-type]
        metrics or BridgeMetrics(),
        seconds=seconds or Stopwatch(),
    )


def status(checked: Access, token: str | None, role: str = "crm", peer: str = "192.0.2.1") -> int:
    header = None if token is None else f"Bearer {token}"
    refusal = checked.refusal(role, header, peer)  # type: ignore[arg-type]
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("token", "role", "expected"),
    [
        (CRM, "crm", 200),
        (OLD_CRM, "crm", 200),
        (PRESENCE, "presence", 200),
        (CRM, "presence", 403),
        (PRESENCE, "crm", 403),
        (CRM, "bridges", 403),
        ("no-token-of-anybody", "crm", 401),
        ("", "crm", 401),
        (CRM[:-1], "crm", 401),
        (CRM + "x", "crm", 401),
        (CRM.upper(), "crm", 401),
        (None, "crm", 401),
        (None, "bridges", 401),
    ],
)
def test_a_token_opens_its_own_role_alone(token: str | None, role: str, expected: int) -> None:
    assert status(access(), token, role) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"bearer {CRM}", None),
        (f"BEARER   {CRM} ", None),
        (CRM, 401),
        (f"Basic {CRM}", 401),
        (f"Bearer{CRM}", 401),
        ("Bearer", 401),
        ("Bearer \udcff\udcfe", 401),
    ],
)
def test_only_the_bearer_scheme_is_read(header: str, expected: int | None) -> None:
    refusal = access().refusal("crm", header, "192.0.2.1")
    assert (refusal.status if refusal is not None else None) == expected


@given(st.text(max_size=60).filter(lambda text: text.strip() not in {CRM, OLD_CRM, PRESENCE}))
def test_nothing_else_is_a_token(token: str) -> None:
    assert status(access(), token) == 401


def test_an_empty_token_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match=r"bridge\.tokens\.crm is empty"):
        Access({"crm": (SecretStr(""),)}, BridgeMetrics())


def test_failed_attempts_run_out_but_a_right_token_is_let_in() -> None:
    seconds = Stopwatch()
    checked = access(seconds)
    assert [status(checked, "wrong") for _ in range(FAILED_BURST + 2)] == [401] * FAILED_BURST + [
        429,
        429,
    ]
    assert status(checked, PRESENCE) == 429, "another role's token is a failed attempt too"
    assert status(checked, CRM) == 200
    assert status(checked, "wrong", peer="192.0.2.2") == 401
    refusal = checked.refusal("crm", None, "192.0.2.1")
    assert refusal is not None
    wait_s = int(refusal.headers["Retry-After"])
    assert 0 < wait_s <= 1 / FAILED_PER_S + 1
    seconds.now_s += wait_s
    assert status(checked, "wrong") == 401
    assert status(checked, "wrong") == 429


def test_one_ipv6_host_has_one_allowance() -> None:
    checked = access()
    for number in range(FAILED_BURST):
        assert status(checked, "wrong", peer=f"2001:db8::{number:x}") == 401
    assert status(checked, "wrong", peer="2001:db8::ffff:1") == 429
    assert status(checked, "wrong", peer="2001:db8:0:1::1") == 401


def test_each_role_has_a_limit_of_its_own() -> None:
    seconds = Stopwatch()
    checked = access(seconds)
    assert [status(checked, CRM) for _ in range(ROLE_BURST)] == [200] * ROLE_BURST
    assert status(checked, OLD_CRM) == 429
    assert status(checked, PRESENCE, "presence") == 200
    seconds.now_s += 1
    assert status(checked, CRM) == 200


def test_every_request_is_counted_and_no_token_shows() -> None:
    metrics = BridgeMetrics()
    checked = access(metrics=metrics)
    for token in (CRM, "wrong-token-of-somebody", PRESENCE, None):
        status(checked, token)
    shown = generate_latest(metrics.registry).decode()
    assert 'ringfence_bridge_admissions_total{result="admitted",role="crm"} 1.0' in shown
    assert 'ringfence_bridge_admissions_total{result="unauthorized",role="crm"} 2.0' in shown
    assert 'ringfence_bridge_admissions_total{result="forbidden",role="crm"} 1.0' in shown
    assert not [
        token
        for token in (CRM, PRESENCE, "wrong-token-of-somebody")
        if token in shown + repr(vars(checked))
    ]


@pytest.fixture
async def server() -> AsyncIterator[str]:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"jid": request.match_info["jid"]})

    app = web.Application()
    app.add_routes([web.put("/contacts/{jid}", access().require("crm")(handler))])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_over_http_a_token_reaches_the_handler_and_nothing_else(
    server: str,
) -> None:
    async def put(token: str | None) -> tuple[int, dict[str, str], str | None]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession() as http,
            http.put(f"{server}/contacts/x", headers=headers) as answer,
        ):
            return answer.status, await answer.json(), answer.headers.get("WWW-Authenticate")

    assert await put(CRM) == (200, {"jid": "x"}, None)
    code, body, scheme = await put(None)
    assert (code, body["error"], scheme) == (401, "unauthorized", "Bearer")
    assert "bridge.tokens.crm" in body["detail"]
    code, body, _ = await put(PRESENCE)
    assert (code, body["error"]) == (403, "forbidden")
    answers = await asyncio.gather(*(put("wrong") for _ in range(FAILED_BURST)))
    assert [each[0] for each in answers].count(429) == 2
    assert (await put(CRM))[0] == 200


@given(
    burst=st.integers(1, 5),
    per_s=st.floats(0.1, 10),
    pauses=st.lists(st.floats(0, 5), max_size=40),
)
def test_a_limit_keeps_to_burst_and_rate_and_says_when_it_grants(
    burst: int, per_s: float, pauses: list[float]
) -> None:
    seconds = Stopwatch(0.0)
    limit = TokenBucket(burst=burst, per_s=per_s, seconds=seconds)
    granted = 0
    for pause in pauses:
        seconds.now_s += pause
        wait_s = limit.acquire("key")
        granted += wait_s == 0
        assert granted <= burst + seconds.now_s * per_s + 1e-6
        assert 0 <= wait_s <= 1 / per_s + 1e-9
    seconds.now_s += limit.acquire("key") + 1e-6
    assert limit.acquire("key") == 0 or granted < burst + seconds.now_s * per_s


def test_a_limit_remembers_so_many_keys_and_forgets_the_oldest() -> None:
    seconds = Stopwatch()
    limit = TokenBucket(burst=1, per_s=0.001, seconds=seconds, capacity=3)
    for key in "abcd":
        assert limit.acquire(key) == 0
    assert len(limit) == 3
    assert limit.acquire("d") > 0
    assert limit.acquire("a") == 0
