"""Sends malformed requests, the same for the same seed, and says how they were answered.

Ends with status 1 if one was answered by a 5xx other than 501, or if the server no longer answers a good request. A connection that
the server closes without an answer is a fair reply to what is no HTTP.
"""

import argparse
import asyncio
import collections
import copy
import json
import random
import sys
import urllib.parse

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
EVENT = {"name": "fuzz/event", "data": {"a": [1, 2.5, None, "ü"]}, "id": "x", "ts": 1_700_000_000_000, "v": "1"}
FUNCTION = {
    "id": "fuzz-f", "name": "f", "triggers": [{"event": "fuzz/f", "expression": "event.data.a == 1"}],
    "cancel": [{"event": "fuzz/c", "if": "event.data.a == async.data.a", "timeout": "1h"}],
    "steps": {"step": {"id": "step", "name": "step", "retries": {"attempts": 1},
                       "runtime": {"type": "http", "url": "http://127.0.0.1:1/x?fnId=fuzz-f&stepId=step"}}},
}
GOOD: list[tuple[str, str, object]] = [
    ("POST", "/e/key", EVENT),
    ("POST", "/e/key", [EVENT, EVENT]),
    ("POST", "/fn/register", {"url": "http://127.0.0.1:1/x", "appName": "fuzz", "framework": "f", "sdk": "py:v1",
                              "deployType": "ping", "v": "0.1", "functions": [FUNCTION]}),
    ("POST", "/invoke/fuzz-f", {"data": {"a": 1}}),
    ("GET", f"/v1/runs/{ULID}", None),
    ("DELETE", f"/v1/runs/{ULID}", None),
    ("GET", f"/v1/runs/{ULID}/jobs", None),
    ("GET", f"/v1/events/{ULID}", None),
    ("GET", f"/v1/events/{ULID}/runs", None),
    ("GET", f"/v1/events?limit=10&cursor={ULID}&received_after=2026-01-01T00:00:00Z", None),
    ("POST", "/v1/cancellations", {"app_id": "fuzz", "function_id": "f", "started_before": "2026-01-01T00:00:00Z",
                                   "started_after": "2025-01-01T00:00:00Z", "if": "event.data.a == 1"}),
    ("GET", "/v1/cancellations", None),
    ("DELETE", f"/v1/cancellations/{ULID}", None),
    ("POST", "/v1/signals", {"signal": "s", "data": {"a": 1}}),
    ("GET", "/v1/apps/fuzz/functions", None),
    ("POST", f"/v1/checkpoint/{ULID}/async", {"run_id": ULID, "fn_id": "x", "qi_id": "x", "steps": []}),
    ("GET", f"/v0/runs/{ULID}/actions", None),
    ("GET", f"/v0/runs/{ULID}/batch", None),
    ("POST", "/v0/gql", {"query": "query Q($id: ID!) { event(query: {eventId: $id}) { functionRuns { id } } }",
                         "variables": {"id": ULID}}),
    ("POST", "/api/v2/events", EVENT),
    ("GET", "/api/v2/runs?limit=5&status=COMPLETED&order=ASC", None),
    ("POST", f"/api/v2/runs/{ULID}/rerun", {"fromStep": {"stepId": "a", "input": [1]}}),
    ("POST", f"/api/v2/runs/{ULID}/cancel", None),
    ("POST", "/api/v2/apps/fuzz/syncs", {"url": "http://127.0.0.1:1/x"}),
    ("GET", "/dev", None),
    ("GET", "/health", None),
]
ODD_VALUES: list[object] = [
    None, True, 0, -1, 1.5, 1e308, 2**63, -(2**63) - 1, 10**400, "", "x", "\u0000", "\ud800", "ü" * 300, "x" * 5000,
    "%s%n", "'; DROP TABLE nightjar.events; --", "../../etc/passwd", [], [[]], [None], {}, {"": ""}, {"a": {"b": []}},
    "event.data.", "1 + ", "((((", "TZ=Nowhere/At_All * * * * *", "99999999999w", "http://", "http://[::1", ULID,
]


class Requests:
    """Malformed requests, one after another."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def next(self) -> bytes:
        kind = self.random.choices(
            [self.odd_value, self.odd_bytes, self.odd_text, self.odd_path, self.odd_headers, self.odd_framing,
             self.no_http],
            [40, 15, 10, 15, 10, 7, 3],
        )[0]
        return kind()

    def good(self) -> tuple[str, str, object]:
        method, path, body = self.random.choice(GOOD)
        return method, path, copy.deepcopy(body)

    def write(self, method: str, path: str, body: bytes, headers: list[tuple[str, str]] | None = None) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "host: localhost", "connection: close"]
        given = headers if headers is not None else [("content-type", "application/json")]
        if not any(name.lower() in {"content-length", "transfer-encoding"} for name, _ in given):
            lines.append(f"content-length: {len(body)}")
        lines += [f"{name}: {value}" for name, value in given]
        return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body

    def encode(self, value: object) -> bytes:
        return json.dumps(value, ensure_ascii=self.random.random() < 0.5).encode("utf-8", "surrogatepass")

    def odd_value(self) -> bytes:
        """A good request with one to three values exchanged, removed or added."""
        method, path, body = self.good()
        if body is None:
            return self.odd_path()
        holder = {"": body}
        for _ in range(self.random.randint(1, 3)):
            places = []

            def walk(value: object) -> None:
                entries = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]
                for key, inner in entries:
                    places.append((value, key))
                    if isinstance(inner, (dict, list)):
                        walk(inner)

            walk(holder)
            container, key = self.random.choice(places)
            if isinstance(container, dict) and self.random.random() < 0.15:
                container[self.random.choice(["", "extra", "__proto__", "x" * 300])] = copy.deepcopy(
                    self.random.choice(ODD_VALUES)
                )
            elif isinstance(container, dict) and key != "" and self.random.random() < 0.2:
                del container[key]
            else:
                container[key] = copy.deepcopy(self.random.choice(ODD_VALUES))
        return self.write(method, path, self.encode(holder.get("", None)))

    def odd_bytes(self) -> bytes:
        """A good body with bytes exchanged, cut or doubled."""
        method, path, body = self.good()
        data = bytearray(self.encode(body) if body is not None else b"{}")
        for _ in range(self.random.randint(1, 8)):
            choice = self.random.random()
            place = self.random.randrange(len(data) + 1)
            if choice < 0.5 and place < len(data):
                data[place] = self.random.randrange(256)
            elif choice < 0.7:
                del data[place:]
            elif choice < 0.9:
                data[place:place] = self.random.randbytes(self.random.randint(1, 20))
            else:
                data += data[:place]
        return self.write(method, path, bytes(data))

    def odd_text(self) -> bytes:
        """What is hard to parse."""
        method, path, _ = self.random.choice([entry for entry in GOOD if entry[2] is not None])
        depth = self.random.choice([10, 600, 20_000, 200_000])
        body = self.random.choice([
            b"", b" ", b"\x00", b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"[" * depth, b'{"a":' * depth,
            b"[" * depth + b"]" * depth, b'{"name":"a/b","data":' + b'{"a":' * 500 + b"1" + b"}" * 501,
            b"1" * 100_000, b"-", b"1e99999", b'"\\u', b'"\\ud800"', b'{"name":"a","name":"b"}', b"NaN", b"Infinity",
            b"{'name': 'a'}", b'{"name":"a",}', b"// c\n{}", b"[" + b"{}," * 5000 + b"{}]",
            b"name=a&data=b", b"--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n",
        ])
        kind = self.random.choice([
            "application/json", "application/json; charset=utf-16", "text/plain", "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x", "multipart/form-data", "application/octet-stream", "", "a" * 500,
        ])
        return self.write(method, path, body, [("content-type", kind)])

    def odd_path(self) -> bytes:
        """Ids and queries that are none."""
        method, path, body = self.good()
        odd = self.random.choice([
            "", "%", "%zz", "%00", "%ff%fe", "%2e%2e%2f", "..", "//", "x" * 3000, "00000000-0000-0000-0000-000000000000",
            "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "IIIIIIIIIIIIIIIIIIIIIIIIII", "%F0%9F%A6%89",
            "null", "-1", "'", "*", ULID.lower(), ULID + "0",
        ])
        where = self.random.random()
        if where < 0.5 and ULID in path:
            path = path.replace(ULID, odd)
        elif where < 0.7:
            path += "/" + odd
        else:
            names = ["limit", "cursor", "name", "received_after", "received_before", "status", "order", "from", "q", ""]
            pairs = [(self.random.choice(names), str(self.random.choice(ODD_VALUES))[:2000]) for _ in range(3)]
            query = urllib.parse.urlencode(pairs, errors="replace") if self.random.random() < 0.7 else odd
            path += ("&" if "?" in path else "?") + query
        method = self.random.choice([method, method, "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
        return self.write(method, path, b"" if body is None else self.encode(body))

    def odd_headers(self) -> bytes:
        """Headers that lie or cannot be."""
        method, path, body = self.good()
        header = self.random.choice([
            ("x-inngest-event-id-seed", self.random.choice(["", ",", "x,y", "1,", "99999999999999999999,QUJD", "-1,QUJD",
                                                            "1," + "A" * 5000])),
            ("authorization", self.random.choice(["", "Bearer", "Bearer ", "Basic eA==", "Bearer " + "x" * 5000])),
            ("content-encoding", self.random.choice(["gzip", "br", "deflate", "x", "gzip, gzip"])),
            ("x-inngest-env", "x" * 3000), ("x-inngest-sdk", "\x01"), ("x-inngest-expected-server-kind", "neither"),
            ("x-inngest-signature", "t=x&s=y"), ("accept", "text/html;q=x"), ("expect", "100-continue"),
            ("traceparent", "00-zz"), ("x-long", "x" * self.random.choice([7_000, 20_000, 100_000])),
            ("cookie", "; ".join(f"a{n}=b" for n in range(300))), ("upgrade", "websocket"), ("range", "bytes=5-1"),
        ])
        many = [(f"x-{n}", "y") for n in range(self.random.choice([0, 0, 0, 150, 1500]))]
        data = b"" if body is None else self.encode(body)
        return self.write(method, path, data, [("content-type", "application/json"), header, *many])

    def odd_framing(self) -> bytes:
        """Lengths and chunks that do not fit."""
        method, path, body = self.good()
        data = self.encode(body) if body is not None else b"{}"
        choice = self.random.randrange(9)
        if choice < 4:
            length = [str(len(data) + 50), str(max(0, len(data) - 5)), "-1", "99999999999999999999"][choice]
            return self.write(method, path, data, [("content-length", length)])
        if choice == 4:
            return self.write(method, path, data, [("content-length", "1"), ("content-length", "2")])
        if choice == 5:
            return self.write(method, path, data, [("content-length", "3"), ("transfer-encoding", "chunked")])
        chunks = [b"zz\r\n" + data, f"{len(data):x}\r\n".encode() + data, b"ffffffffffffffff\r\nx"][choice - 6]
        return self.write(method, path, chunks, [("transfer-encoding", "chunked")])

    def no_http(self) -> bytes:
        return self.random.choice([
            b"\r\n" * 50, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
            b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n", b"get / http/1.1\r\n\r\n",
            self.random.randbytes(500), b"POST /e/key HTTP/1.1\r\nhost: a\r\nhost: b\r\ncontent-length: 2\r\n\r\n{}",
            b"POST /e/key HTTP/1.0\r\n\r\n{}", b"GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n",
        ])


async def exchange(host: str, port: int, request: bytes) -> int | None:
    """The status of the answer; nil when there is none."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        try:
            await asyncio.wait_for(writer.drain(), 10)
            writer.write_eof()
        except (ConnectionError, OSError):
            pass  # It need not read to the end of what it refuses.
        line = b""
        try:
            line = await asyncio.wait_for(reader.readline(), 10)
            await asyncio.wait_for(reader.read(), 10)
        except (ConnectionError, asyncio.TimeoutError, OSError):
            pass
        parts = line.split()
        return int(parts[1]) if len(parts) > 1 and parts[0].startswith(b"HTTP/") else None
    finally:
        writer.close()


async def run(url: str, count: int, seed: int) -> dict:
    parts = urllib.parse.urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    requests = Requests(seed)
    statuses: collections.Counter[str] = collections.Counter()
    bad: list[str] = []
    left = count

    async def send() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            request = requests.next()
            try:
                status = await exchange(host, port, request)
            except OSError as error:
                bad.append(f"{error} for {request[:600]!r}")
                await asyncio.sleep(0.05)
                continue
            statuses[str(status or "closed")] += 1
            # 501 says, truly, that a part of the protocol does not exist here.
            if status is not None and status >= 500 and status != 501:
                bad.append(f"{status} for {request[:1500]!r}")

    await asyncio.gather(*[send() for _ in range(8)])
    health = await exchange(host, port, b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    if health != 200:
        bad.append(f"/health is {health} afterwards")
    return {"requests": count, "statuses": dict(sorted(statuses.items())), "bad": bad[:20], "bad_count": len(bad)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    result = asyncio.run(run(arguments.url, arguments.count, arguments.seed))
    print(json.dumps(result))
    sys.exit(1 if result["bad"] else 0)


if __name__ == "__main__":
    main()
