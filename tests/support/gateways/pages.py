"""What stands between us and a gateway, answering in its place: never the gateway's own word.

Error pages as the servers' own sources and defaults have them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of something that is no gateway."""

    name: str
    status: int
    body: bytes


def _nginx(status: int, title: str) -> Page:
    body = (
        f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {title}</h1></center>\r\n<hr><center>nginx/1.27.3</center>\r\n"
        "</body>\r\n</html>\r\n"
    )
    return Page(f"nginx {status}", status, body.encode())


def _haproxy(status: int, title: str, words: str) -> Page:
    body = f"<html><body><h1>{status} {title}</h1>\n{words}\n</body></html>\n"
    return Page(f"HAProxy {status}", status, body.encode())


_CHALLENGE = (
    b'<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head>'
    b"<body>Enable JavaScript and cookies to continue</body></html>"
)
_LOGIN = (
    b"<!doctype html><html><head><title>Sign in</title></head><body><form></form></body></html>"
)
_PORTAL = (
    b'<html><head><meta http-equiv="refresh" content="0; url=http://192.0.2.1/login"></head></html>'
)

PAGES = [
    _nginx(301, "Moved Permanently"),
    _nginx(400, "Bad Request"),
    Page(
        "nginx 400 HTTP at an HTTPS port",
        400,
        b"<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>"
        b"\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n</body>\r\n</html>\r\n",
    ),
    _nginx(401, "Authorization Required"),
    _nginx(403, "Forbidden"),
    _nginx(404, "Not Found"),
    _nginx(405, "Not Allowed"),
    _nginx(413, "Request Entity Too Large"),
    _nginx(499, "Client Closed Request"),
    _nginx(500, "Internal Server Error"),
    _nginx(502, "Bad Gateway"),
    _nginx(503, "Service Temporarily Unavailable"),
    _nginx(504, "Gateway Time-out"),
    Page("Traefik 404", 404, b"404 page not found\n"),
    Page("Traefik 403", 403, b"Forbidden"),
    Page("Traefik 502", 502, b"Bad Gateway"),
    Page("Traefik 503", 503, b"no available server\n"),
    Page("Traefik 504", 504, b"Gateway Timeout"),
    _haproxy(400, "Bad request", "Your browser sent an invalid request."),
    _haproxy(403, "Forbidden", "Request forbidden by administrative rules."),
    _haproxy(408, "Request Time-out", "Your browser didn't send a complete request in time."),
    _haproxy(503, "Service Unavailable", "No server is available to handle this request."),
    _haproxy(504, "Gateway Time-out", "The server didn't respond in time."),
    Page("Cloudflare challenge", 403, _CHALLENGE),
    Page("Cloudflare challenge with 200", 200, _CHALLENGE),
    Page("Cloudflare 520", 520, b"error code: 520"),
    Page("Cloudflare 521", 521, b"error code: 521"),
    Page("Cloudflare tunnel", 530, b"error code: 1033"),
    Page("Caddy without a route", 200, b""),
    Page("Caddy 502", 502, b""),
    Page("Envoy 503", 503, b"upstream connect error or disconnect/reset before headers."),
    Page("Kong 404", 404, b'{"message":"no Route matched with those values"}'),
    Page("load balancer 410", 410, b"<gone/>"),
    Page("load balancer 409", 409, b""),
    Page("captive portal 200", 200, _PORTAL),
    Page("captive portal 302", 302, b""),
    Page("captive portal 511", 511, _PORTAL),
    Page("log-in page 200", 200, _LOGIN),
    Page("log-in page 201", 201, _LOGIN),
    Page("redirect to a log-in page", 307, _LOGIN),
    Page("204", 204, b""),
    Page("half an object", 200, b'{"id":"true_12025550143@c.us_3EB0'),
    Page("half an object with 201", 201, b'{"success":true,"message":"Oper'),
    Page("another JSON 200", 200, b'{"ok":true}'),
    Page("a list", 200, b"[]"),
    Page("a list with 201", 201, b"[]"),
    Page("plain text", 201, b"created"),
    Page("not UTF-8", 200, b"\xff\xfe"),
    Page("200 that says no", 200, b'{"error":"Unauthorized","success":false}'),
    Page("201 that says no", 201, b'{"error":"Unauthorized","success":false}'),
    Page("200 with an error's status", 200, b'{"status":"error","message":"Session not found"}'),
    Page("success as text", 200, b'{"success":"false"}'),
    Page("success as a number", 200, b'{"success":1}'),
]
