"""A remote app without an SDK: functions of so many steps that do nothing, over raw asyncio."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import typing
import urllib.parse

from .wire import Answer, Connection, Service

HEADERS = {"x-inngest-sdk": "py:v0.5.19", "x-inngest-req-version": "2"}
STEPS = {"steps-1": 1, "steps-3": 3, "sleeps": 0}


class App:
    def __init__(self) -> None:
        self.ended: dict[str, int] = dict.fromkeys(STEPS, 0)
        self.asleep: set[str] = set()
        self.last_end = 0.0
        self.changed = asyncio.Event()
        self._ids = [hashlib.sha1(f"step {n}".encode()).hexdigest() for n in range(3)]  # noqa: S324

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: Service(self.answer), "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api/inngest"

    async def register(self, connection: Connection, headers: dict[str, str]) -> None:
        functions = [
            {
                "id": f"bench-{name}",
                "name": name,
                "triggers": [{"event": f"bench/{name}"}],
                "cancel": [{"event": f"bench/{name}.cancelled", "if": "event.data.id == async.data.id"}],
                "steps": {
                    "step": {
                        "id": "step",
                        "name": "step",
                        "retries": {"attempts": 0},
                        "runtime": {"type": "http", "url": f"{self.url}?fnId=bench-{name}&stepId=step"},
                    }
                },
            }
            for name in STEPS
        ]
        answer = await connection.json(
            "POST",
            "/fn/register",
            {"url": self.url, "appName": "bench", "deployType": "ping", "framework": "asyncio", "sdk": "py:v0.5.19",
             "v": "0.1", "functions": functions},
            headers,
        )
        if not answer.get("ok"):
            raise RuntimeError(f"the app could not register: {answer}")

    def answer(self, path: str, body: bytes) -> Answer:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
        function = query["fnId"][0].removeprefix("bench-")
        request = json.loads(body)
        memos = request["steps"]
        if function == "sleeps":
            self.asleep.add(request["ctx"]["run_id"])
            self.changed.set()
            tomorrow = time.gmtime(time.time() + 86_400)
            return self._op(self._ids[0], "Sleep", "sleep", name=time.strftime("%Y-%m-%dT%H:%M:%S.000Z", tomorrow))
        for n in range(STEPS[function]):
            if self._ids[n] not in memos:
                return self._op(self._ids[n], "StepRun", f"step {n}", data=n)
        self.ended[function] += 1
        self.last_end = time.monotonic()
        self.changed.set()
        return 200, HEADERS, b'"done"'

    def _op(self, id: str, op: str, display: str, **fields: typing.Any) -> Answer:
        content = {"id": id, "op": op, "name": display, "displayName": display, "opts": None, **fields}
        return 206, HEADERS, json.dumps([content]).encode()

    async def until(self, is_true: typing.Callable[[], bool], seconds: float = 300) -> None:
        async with asyncio.timeout(seconds):
            while not is_true():
                self.changed.clear()
                await self.changed.wait()
