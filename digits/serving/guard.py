"""The door of the server, before any route: who may ask, from where, how much, and for how long.

One ASGI middleware for page, API and MCP alike. It refuses, with one JSON sentence: a Host the server was not started
for (DNS rebinding), requests that another site's page sends, a missing or wrong password, bodies above the limit
(counted while they arrive, so a false Content-Length gains nothing) and senders that stall.

    app.add_middleware(Guard, hosts={"127.0.0.1", "localhost"}, users={}, max_body_bytes=64 * 2**20)
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READ_METHODS = ("GET", "HEAD", "OPTIONS")
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",  # whatever a script may try: nothing leaves for another host
        b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; base-uri 'self'; object-src 'none'; "
        b"frame-ancestors 'self' https://huggingface.co https://*.hf.space",
    ),
]


class _Refusal(Exception):
    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        self.response = JSONResponse({"error": sentence}, status, headers)


class Guard:
    """ASGI middleware; `hosts` may hold "*", `users` maps names to passwords (empty = no password asked)."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str],
        users: Mapping[str, str],
        max_body_bytes: int,
        stall_s: float = 20.0,
    ) -> None:
        self.app, self.hosts, self.users = app, {host.lower() for host in hosts}, dict(users)
        self.max_body_bytes, self.stall_s = max_body_bytes, stall_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        body, started = _Body(receive, self.max_body_bytes, self.stall_s), False

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
            await send(message)

        async def answer(message: Message) -> None:
            nonlocal started
            if body.refusal and not started:
                return  # what the app makes of a body that breaks off, such as "there was an error parsing the body"
            started = True
            await send_with_headers(message)

        try:
            self._check(scope)
            await self.app(scope, body, answer)
        except _Refusal as refusal:
            body.refusal = refusal
        if body.refusal and not started:
            await body.refusal.response(scope, receive, send_with_headers)

    def _check(self, scope: Scope) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if "*" not in self.hosts and _host_name(host) not in self.hosts:
            raise _Refusal(421, "this server does not answer to that host name; start it with --allow-hosts to add one")
        if scope["method"] not in READ_METHODS and _is_foreign(headers, host):
            raise _Refusal(403, "requests sent by another site's page are not accepted")
        if self.users and not self._knows(headers.get(b"authorization", "")):
            raise _Refusal(401, "name and password are needed", {"WWW-Authenticate": 'Basic realm="digits"'})
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length) > self.max_body_bytes:
            raise _too_large(self.max_body_bytes)

    def _knows(self, authorization: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        expected = self.users.get(name, "")
        same = hmac.compare_digest(password.encode(), expected.encode())
        return scheme.lower() == "basic" and same and bool(expected)


class _Body:
    """What `receive` gives, as long as it stays below the limit and keeps coming; then a `refusal`, raised and kept."""

    def __init__(self, receive: Receive, max_bytes: int, stall_s: float) -> None:
        self.refusal: _Refusal | None = None
        self._receive, self._max_bytes, self._stall_s = receive, max_bytes, stall_s
        self._n_bytes, self._is_complete = 0, False

    async def __call__(self) -> Message:
        if self._is_complete:  # what follows is only the wait for the client to leave
            return await self._receive()
        try:
            return await self._next()
        except _Refusal as refusal:
            self.refusal = refusal
            raise

    async def _next(self) -> Message:
        try:
            message = await asyncio.wait_for(self._receive(), self._stall_s)
        except asyncio.TimeoutError:  # not the built-in one before Python 3.11
            raise _Refusal(408, "the request stopped arriving") from None
        self._n_bytes += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        if self._n_bytes > self._max_bytes:
            raise _too_large(self._max_bytes)
        return message


def _too_large(max_bytes: int) -> _Refusal:
    limit = max_bytes // 2**20
    return _Refusal(413, f"the request is larger than {limit} MB; send fewer files at a time")


def _host_name(host: str) -> str:
    """Return the name in a Host header, lower case and without the port: "[::1]:7860" -> "[::1]"."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def _is_foreign(headers: dict[bytes, str], host: str) -> bool:
    """Whether a browser says that the page which sends this request came from elsewhere."""
    if headers.get(b"sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get(b"origin")
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()
