"""Measures a Nightjar server over HTTP: taking events, running remote functions, cancelling.

    python -m bench                          # on a database of its own, by `nightjar dev`
    python -m bench http://127.0.0.1:8288    # an own server

The app behind it and the client are raw asyncio in this one process. Prints a table, or one JSON document.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import time
import typing

from suite.server import DevServer, Server

from .app import App
from .wire import Connection


class Bench:
    def __init__(self, url: str, seconds: float, runs: int, cancels: int) -> None:
        self.url, self.seconds, self.runs, self.cancels = url, seconds, runs, cancels
        signing_key = os.environ.get("NIGHTJAR_SIGNING_KEY")
        self.headers = {"authorization": f"Bearer {signing_key}"} if signing_key else {}
        self.events = f"/e/{os.environ.get('NIGHTJAR_EVENT_KEY', 'bench')}"
        self.app = App()

    async def ingest(self, connections: int, batch: int) -> float:
        """Events a second that nobody listens to, each request as soon as the one before it was answered."""
        event = {"name": "bench/nobody", "data": {"id": "0123456789", "n": 1}}
        body = json.dumps([event] * batch if batch > 1 else event).encode()
        opened = [await Connection.open(self.url) for _ in range(connections)]
        counts = [0] * connections
        started = time.monotonic()
        until = started + self.seconds

        async def send(index: int) -> None:
            while time.monotonic() < until:
                status, answer = await opened[index].request("POST", self.events, body)
                if status != 200:
                    raise RuntimeError(f"an event was answered {status}: {answer[:500]!r}")
                counts[index] += batch

        await asyncio.gather(*[send(index) for index in range(connections)])
        seconds = time.monotonic() - started
        for connection in opened:
            connection.close()
        return sum(counts) / seconds

    async def throughput(self, function: str) -> float:
        """Runs a second, from the first event sent to the last run's answer."""
        opened = [await Connection.open(self.url) for _ in range(4)]
        before, started = self.app.ended[function], time.monotonic()
        events = [{"name": f"bench/{function}", "data": {"id": str(n)}} for n in range(self.runs)]

        async def send(index: int) -> None:
            for first in range(index * 100, len(events), len(opened) * 100):
                await opened[index].json("POST", self.events, events[first : first + 100])

        await asyncio.gather(*[send(index) for index in range(len(opened))])
        await self.app.until(lambda: self.app.ended[function] - before >= self.runs)
        for connection in opened:
            connection.close()
        return self.runs / (self.app.last_end - started)

    async def cancel(self, by_event: bool) -> list[float]:
        """Milliseconds from sending a cancel to an answer that shows the run as cancelled, for sleeping runs."""
        connection = await Connection.open(self.url)
        times = []
        for n in range(self.cancels):
            data = {"id": f"{'event' if by_event else 'request'}-{n}-{time.time()}"}
            answer = await connection.json("POST", self.events, {"name": "bench/sleeps", "data": data})
            await self.app.until(lambda: len(self.app.asleep) > n)
            [run] = (await connection.json("GET", f"/v1/events/{answer['ids'][0]}/runs", headers=self.headers))["data"]
            path = f"/v1/runs/{run['run_id']}"
            started = time.perf_counter()
            if by_event:
                await connection.json("POST", self.events, {"name": "bench/sleeps.cancelled", "data": data})
            else:
                await connection.json("DELETE", path, headers=self.headers)
            while True:
                shown = await connection.json("GET", path, headers=self.headers)
                if shown["data"]["status"] == "Cancelled":
                    break
                if shown["data"]["status"] not in {"Running", "Scheduled"}:
                    raise RuntimeError(f"a run that should sleep is {shown['data']}")
            times.append((time.perf_counter() - started) * 1000)
        self.app.asleep.clear()
        connection.close()
        return times

    async def all(self, tell: typing.Callable[[str, dict[str, float]], None]) -> None:
        await self.app.start()
        connection = await Connection.open(self.url)
        await self.app.register(connection, self.headers)
        connection.close()
        for connections in (1, 16, 64):
            tell(f"events/s, {connections} connections", {"per_second": await self.ingest(connections, 1)})
        tell("events/s, 16 connections, batches of 100", {"per_second": await self.ingest(16, 100)})
        for function in ("steps-1", "steps-3"):
            await self.throughput(function)  # The first is for caches, connections and statistics.
            tell(f"runs/s, {function[-1]} steps", {"per_second": await self.throughput(function)})
        for by_event in (False, True):
            times = sorted(await self.cancel(by_event))
            tell(
                f"ms from a cancel {'event' if by_event else 'request'} to status Cancelled",
                {"median": statistics.median(times), "p99": times[min(len(times) - 1, int(len(times) * 0.99))]},
            )


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("url", nargs="?", help="of a server that runs; without it, `nightjar dev` is started")
    parser.add_argument("--seconds", type=float, default=5, help="for each measurement of events")
    parser.add_argument("--runs", type=int, default=3000, help="for each measurement of runs")
    parser.add_argument("--cancels", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    measured: dict[str, dict[str, float]] = {}

    def tell(what: str, values: dict[str, float]) -> None:
        measured[what] = {name: round(value, 2) for name, value in values.items()}
        if not arguments.json:
            numbers = "  ".join(
                f"{value:,.0f}" if name == "per_second" else f"{name} {value:,.1f}" for name, value in values.items()
            )
            print(f"{what:<52}{numbers}", flush=True)

    with contextlib.nullcontext(Server(arguments.url)) if arguments.url else DevServer() as server:
        asyncio.run(Bench(server.url, arguments.seconds, arguments.runs, arguments.cancels).all(tell))
    if arguments.json:
        print(json.dumps(measured))


if __name__ == "__main__":
    main()
