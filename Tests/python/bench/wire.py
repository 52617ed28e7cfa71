"""As little HTTP/1.1 as a benchmark needs, so that it measures the server and not the client: raw asyncio, keep-alive."""

from __future__ import annotations

import asyncio
import collections
import json
import typing
import urllib.parse


class _Messages:
    """Splits a stream into messages with a length or in chunks."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: tuple[bytes, dict[bytes, bytes]] | None = None
        self._body = bytearray()

    def feed(self, data: bytes) -> typing.Iterator[tuple[bytes, dict[bytes, bytes], bytes]]:
        self._buffer += data
        while True:
            if self._head is None:
                end = self._buffer.find(b"\r\n\r\n")
                if end < 0:
                    return
                first, *lines = bytes(self._buffer[:end]).split(b"\r\n")
                headers = {}
                for line in lines:
                    name, _, value = line.partition(b":")
                    headers[name.strip().lower()] = value.strip()
                del self._buffer[: end + 4]
                self._head = (first, headers)
            body = self._take(self._head[1])
            if body is None:
                return
            first, headers = self._head
            self._head = None
            yield first, headers, body

    def _take(self, headers: dict[bytes, bytes]) -> bytes | None:
        if headers.get(b"transfer-encoding", b"").lower() != b"chunked":
            length = int(headers.get(b"content-length", b"0"))
            if len(self._buffer) < length:
                return None
            body = bytes(self._buffer[:length])
            del self._buffer[:length]
            return body
        while True:
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return None
            length = int(bytes(self._buffer[:end]), 16)
            if len(self._buffer) < end + 2 + length + 2:
                return None
            self._body += self._buffer[end + 2 : end + 2 + length]
            del self._buffer[: end + 2 + length + 2]
            if length == 0:
                body = bytes(self._body)
                self._body.clear()
                return body


class Connection(asyncio.Protocol):
    """A client's connection: one request at a time."""

    def __init__(self) -> None:
        self._messages = _Messages()
        self._waiting: collections.deque[asyncio.Future[tuple[int, bytes]]] = collections.deque()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, url: str) -> Connection:
        parts = urllib.parse.urlsplit(url)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, parts.hostname, parts.port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = typing.cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        while self._waiting:
            self._waiting.popleft().set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        for first, _, body in self._messages.feed(data):
            self._waiting.popleft().set_result((int(first.split()[1]), body))

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        assert self._transport is not None
        lines = [f"{method} {path} HTTP/1.1", "host: bench", f"content-length: {len(body)}"]
        if body:
            lines.append("content-type: application/json")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return await future

    async def json(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> typing.Any:
        data = b"" if body is None else json.dumps(body).encode()
        status, answer = await self.request(method, path, data, headers)
        if status >= 300:
            raise RuntimeError(f"{method} {path} was answered {status}: {answer[:500]!r}")
        return json.loads(answer) if answer else None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


Answer = tuple[int, dict[str, str], bytes]


class Service(asyncio.Protocol):
    """A server's connection: `answer(path, body)` gives status, headers and body at once."""

    def __init__(self, answer: typing.Callable[[str, bytes], Answer]) -> None:
        self._messages = _Messages()
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = typing.cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for first, _, body in self._messages.feed(data):
            status, headers, answer = self._answer(first.split()[1].decode(), body)
            lines = [f"HTTP/1.1 {status} OK", "content-type: application/json", f"content-length: {len(answer)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            self._transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + answer)
