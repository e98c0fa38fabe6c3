"""What is thrown at the bridge: documented webhooks, mutated, and bytes that nobody documents."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, Literal

from hypothesis import strategies as st

from streams.bridge.body import OVERSIZE
from tests.support import webhooks as scenes

MAX_BODY: Final = 65_536
"""Of the bridge that is fuzzed."""

KEYS: Final = {"office": b"fuzz-waha-hmac-key", "cloud": b"fuzz-wawp-hmac-key"}
HEADERS: Final = {"office": "X-Webhook-Hmac", "cloud": "X-Wawp-Signature"}

DOCUMENTED: Final[tuple[dict[str, Any], ...]] = (
    scenes.NOWEB_OFFER,
    scenes.GOWS_OFFER,
    scenes.WEBJS_OFFER,
    scenes.WPP_OFFER,
    scenes.WAWP_OFFER,
    scenes.GOWS_ACCEPTED,
    scenes.WEBJS_ECHO,
    scenes.MESSAGE,
    scenes.waha("session.status", "GOWS", {"name": "default", "status": "FAILED"}),
)

NASTY: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    2**63,
    -(2**63),
    2**64 - 1,
    1e308,
    -1e308,
    1e-320,
    0.1,
    1e12,
    1e15,
    "",
    " ",
    "\x00",
    "\u202e",
    "é" * 300,
    "x" * 257,
    "12025550143@c.us",
    "900000000000143@lid",
    "@",
    "@c.us",
    "a@b@c",
    "0@s.whatsapp.net",
    "status@broadcast",
    "120363000000000000@g.us",
    "447700900123:22@s.whatsapp.net",
    "true",
    "NaN",
    "1767261600",
    "1e400",
    "-1.8e305",
    "2026-01-01T10:00:00.000Z",
    "9999-12-31T23:59:59+14:00",
    "default",
    "second",
    [],
    {},
    [[]],
    [None],
    {"": ""},
    {"_serialized": "x"},
    {"_serialized": {"_serialized": 1}},
    "call.received",
    "message",
)
"""Values that have broken readers of JSON before: borders of numbers, texts and shapes."""

RAW: Final[tuple[bytes, ...]] = (
    b"",
    b"{",
    b"[",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b'"{}"',
    b'"["',
    b"[1,2,3]",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b'{"event":"\\ud800"}',
    b'{"event":"message","session":"default","payload":{"id":"\\ud83d"}}',
    b'\xef\xbb\xbf{"event":"message","session":"default"}',
    b'{"event":"x","v":[NaN,Infinity,-Infinity,1e400,-1e999]}',
    b'{"event":"x","v":' + b"9" * 5000 + b"}",
    b'{"event":"x","event":"message","session":"a","session":"default"}',
    b'[{"event":"x","v":' + b"[" * 300 + b"]" * 300 + b"}]",
    b'[{"event":"x","v":' + b"[" * 2000 + b"]" * 2000 + b"}]",
    b'{"event":"x","accessToken":"' + b"k" * 40 + b'","data":"{\\"cookie\\":\\"c\\"}"}',
    b'{"event":"x","\x01\x1b[2J":"\x1b[31m"}',
    b"NaN",
    b"-",
    b"1e999",
    b"\x00" * 64,
    b'{"event":1}',
    b"[" + b"{}," * 499 + b"{}]",
    b"[" + b"{}," * 500 + b"{}]",
)

Signing = Literal["right", "upper", "wrong", "missing", "other", "junk"]
Transport = Literal[
    "whole",
    "chunked",
    "oversized",
    "cut",
    "encoded",
    "packed",
    "bomb",
    "expect",
    "method",
    "path",
    "header",
    "length",
]


@dataclass(frozen=True, slots=True)
class Input:
    """One request, byte for byte, and what may be expected of it."""

    request: bytes
    body: bytes
    signed: bool
    """Rightly, and in a request that a gateway could send: it must be accepted."""
    whole: bool
    """An answer will come; else the connection is closed under the request."""


@st.composite
def _bodies(draw: st.DrawFn) -> bytes:
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.binary(max_size=60))
    if kind == 1:
        return draw(st.sampled_from(RAW))
    envelope = json.loads(json.dumps(draw(st.sampled_from(DOCUMENTED))))
    for number, target, value in draw(st.lists(_MUTATIONS, max_size=4)):
        # a copy: what is put in may be mutated next, and stands in a list that all inputs draw from
        _mutate(envelope, number, target, deepcopy(value))
    body = json.dumps(
        envelope if kind > 2 else [envelope] * (1 + kind), ensure_ascii=kind % 2 == 0
    ).encode("utf-8", "replace")
    if kind == 9:
        at, byte = draw(st.integers(0, len(body) - 1)), draw(st.integers(0, 255))
        body = body[:at] + bytes([byte]) + body[at + byte % 3 :]
    return body


_MUTATIONS: Final = st.tuples(
    st.integers(0, 200),
    st.integers(0, 3),
    st.one_of(
        st.sampled_from(NASTY),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=12),
    ),
)


def _mutate(envelope: Any, number: int, how: int, value: Any) -> None:
    """Replace, remove, add, or move one value, anywhere."""
    places: list[tuple[Any, Any]] = []
    waiting = [envelope]
    while waiting:
        node = waiting.pop()
        keys = node if isinstance(node, dict) else range(len(node))
        for key in keys:
            places.append((node, key))
            if isinstance(node[key], dict | list):
                waiting.append(node[key])
    if not places:
        return
    node, key = places[number % len(places)]
    if how == 0:
        node[key] = value
    elif how == 1 and isinstance(node, dict):
        del node[key]
    elif how == 2 and isinstance(node, dict):
        node[value if isinstance(value, str) else "_data"] = node[key]
    else:
        other, there = places[(number * 7 + 1) % len(places)]
        node[key] = json.loads(json.dumps(other[there]))


@st.composite
def inputs(draw: st.DrawFn) -> Input:
    """One request of any kind; most are whole and rightly signed, or nothing would get past the
    door."""
    gateway = draw(st.sampled_from(("office", "cloud")))
    body = draw(_bodies())
    signing: Signing = draw(
        st.sampled_from(("right",) * 9 + ("upper", "wrong", "missing", "other", "junk"))
    )
    transport: Transport = draw(st.sampled_from(("whole",) * 9 + _TRANSPORTS))
    noise = draw(st.integers(0, 2**32 - 1))
    if transport == "oversized":
        # a half of them is hashed, and kept where it was signed
        body += b" " * (MAX_BODY * (1 + 4 * (noise % 2)) + 1 + noise % 4096)
    elif transport == "bomb":
        body += b" " * 1_000_000
    lines = _signature(gateway, body, signing, noise)
    return _request(gateway, body, lines, transport, noise, signed=signing in {"right", "upper"})


_TRANSPORTS: Final = (
    "chunked",
    "oversized",
    "cut",
    "encoded",
    "packed",
    "bomb",
    "expect",
    "method",
    "path",
    "header",
    "length",
)


def _signature(gateway: str, body: bytes, signing: Signing, noise: int) -> list[bytes]:
    if signing == "missing":
        return []
    key = KEYS["cloud" if (gateway == "office") == (signing == "other") else "office"]
    digest = hmac.new(
        key, body, hashlib.sha512 if gateway == "office" else hashlib.sha256
    ).hexdigest()
    if signing == "upper":
        digest = digest.upper()
    elif signing == "wrong":
        digest = f"{noise:x}"[:1] + digest[1:] if digest[0] != f"{noise:x}"[0] else digest[:-1]
    elif signing == "junk":
        return [
            HEADERS[gateway].encode()
            + b": "
            + noise.to_bytes(4, "big").replace(b"\r", b"").replace(b"\n", b"")
        ]
    return [f"{HEADERS[gateway]}: {digest}".encode()]


def _request(
    gateway: str, body: bytes, lines: list[bytes], transport: Transport, noise: int, *, signed: bool
) -> Input:
    path, method, payload = f"/webhooks/{gateway}".encode(), b"POST", body
    framing = b"Content-Length: %d" % len(body)
    sound = transport in {"whole", "chunked", "header", "packed"}
    sound |= transport == "oversized" and len(body) <= OVERSIZE * MAX_BODY
    if transport == "chunked":
        step = max(1 + noise % 97, len(body) // 2000)
        parts = [body[at : at + step] for at in range(0, len(body), step)]
        payload = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        framing = b"Transfer-Encoding: chunked"
    elif transport in {"packed", "bomb"}:
        payload = gzip.compress(body)
        framing = b"Content-Encoding: gzip\r\nContent-Length: %d" % len(payload)
    elif transport == "cut":
        payload = body[: noise % (len(body) + 1)]
        framing = b"Content-Length: %d" % (len(body) + 1)
    elif transport == "method":
        method = _pick(_METHODS, noise)
    elif transport == "path":
        path = _pick(_PATHS, noise)
    elif transport == "length":
        framing = _pick(_LENGTHS, noise)
    elif transport in _EXTRA:
        lines = [*lines, _pick(_EXTRA[transport], noise)]
    head = b"\r\n".join([method + b" " + path + b" HTTP/1.1", b"Host: fuzz", *lines, framing])
    return Input(head + b"\r\n\r\n" + payload, body, signed and sound, transport != "cut")


def _pick(choices: tuple[bytes, ...], noise: int) -> bytes:
    return choices[noise % len(choices)]


_METHODS: Final = (b"GET", b"PUT", b"DELETE", b"OPTIONS", b"PO ST", b"\xff")
_PATHS: Final = (
    b"/webhooks/nobody",
    b"/webhooks/",
    b"/webhooks/%00",
    b"/webhooks/..%2fmetrics",
    b"/x\xff",
    b"*",
)
_LENGTHS: Final = (
    b"Content-Length: -1",
    b"Content-Length: x",
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Content-Length: 3\r\nTransfer-Encoding: chunked",
    b"Content-Length: 9999999999999999999999",
)
_EXTRA: Final = {
    "encoded": tuple(b"Content-Encoding: " + name for name in (b"gzip", b"deflate", b"br")),
    "expect": (b"Expect: nothing", b"Expect: 200-ok"),
    "header": (
        b"traceparent: " + b"0" * 300,
        b"traceparent: 00-\xff",
        b"Content-Type: \x80/\x81",
        b"User-Agent: " + b"u" * 3000,
        b"Cookie: a=b; ;=",
        b"X-Webhook-Timestamp: " + b"9" * 400,
        b"X-Webhook-Request-Id: \xff\xfe",
    ),
}
