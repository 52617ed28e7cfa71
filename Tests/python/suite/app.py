"""An app of the suite: functions, served by a web framework and registered with the server under test."""

from __future__ import annotations

import collections
import contextlib
import logging
import secrets
import threading
import typing

import httpx
import inngest

from . import dialect, hosting
from .api import API, Run, until
from .server import Server

Options = typing.Callable[["App"], dict[str, typing.Any]]


class Functions:
    """The functions of a test module, to be served by any framework."""

    def __init__(self) -> None:
        self._declared: list[tuple[str, dialect.Handler, Options, dict[str, typing.Any]]] = []

    def function(
        self, make: Options = lambda app: {}, **options: typing.Any
    ) -> typing.Callable[[dialect.Handler], dialect.Handler]:
        """Declares a function. It is triggered by the app's event of its name, unless `make` gives a trigger.

        `make` makes those options that depend on the app, such as names of events.
        """

        def declare(handler: dialect.Handler) -> dialect.Handler:
            self._declared.append((handler.__name__.replace("_", "-"), handler, make, options))
            return handler

        return declare

    def of(self, app: App) -> list[inngest.Function[typing.Any]]:
        functions = []
        for name, handler, make, fixed in self._declared:
            options = {"trigger": inngest.TriggerEvent(event=app.event(name)), "retries": 0, **fixed, **make(app)}
            if on_failure := options.get("on_failure"):
                options["on_failure"] = app.speak(on_failure)
            function = app.client.create_function(fn_id=name, **options)(app.speak(handler))
            app.functions[name] = function
            functions.append(function)
        return functions


class App:
    def __init__(
        self,
        server: Server,
        framework: str = "fastapi",
        *,
        id: str | None = None,
        asynchronous: bool | None = None,
        client: dict[str, typing.Any] | None = None,
    ) -> None:
        self.server = server
        self.api = API(server)
        self.framework = framework
        self.asynchronous = framework in hosting.ASYNC if asynchronous is None else asynchronous
        self.id = id or f"{framework}-{secrets.token_hex(4)}"
        self.functions: dict[str, inngest.Function[typing.Any]] = {}
        self.notes: dict[str, list[typing.Any]] = collections.defaultdict(list)
        logger = logging.getLogger(f"app.{self.id}")
        logger.setLevel(logging.CRITICAL)
        given = {
            "api_base_url": server.url,
            "event_api_base_url": server.url,
            "event_key": server.event_key,
            "is_production": server.has_keys,
            "logger": logger,
            "signing_key": server.signing_key,
        }
        self.client = inngest.Inngest(app_id=self.id, **{**given, **(client or {})})
        self._executions: collections.Counter[tuple[str, str | None]] = collections.Counter()
        self._lock = threading.Lock()

    def speak(self, handler: dialect.Handler) -> typing.Any:
        return dialect.asynchronous(self, handler) if self.asynchronous else dialect.synchronous(self, handler)

    @contextlib.contextmanager
    def serve(
        self, functions: list[inngest.Function[typing.Any]], **options: typing.Any
    ) -> typing.Iterator[App]:
        """Serves functions, without registering them."""
        with hosting.FRAMEWORKS[self.framework](self.client, functions, **options) as port:
            self.url = f"http://127.0.0.1:{port}/api/inngest"
            yield self

    def put(self, headers: dict[str, str] | None = None) -> httpx.Response:
        """Asks the app to register itself."""
        return httpx.put(self.url, headers=headers, timeout=30)

    def register(self) -> dict[str, typing.Any]:
        """Has the app register itself; answers what the server said."""
        response = self.put()
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer.get("ok") is True, answer
        return answer

    # Events

    def event(self, name: str) -> str:
        """The name of an event that only this app knows."""
        return f"{self.id}/{name}"

    def send(self, name: str, data: dict[str, typing.Any] | None = None, **fields: typing.Any) -> str:
        """Sends an event of this app; answers the server's id for it."""
        return self.client.send_sync(inngest.Event(name=self.event(name), data=data or {}, **fields))[0]

    def start(self, function: str, data: dict[str, typing.Any] | None = None, **fields: typing.Any) -> Run:
        """Sends the event that triggers a function; answers its run."""
        return self.runs(self.send(function, data, **fields))[0]

    def runs(self, event: str, count: int = 1) -> list[Run]:
        """Waits until an event has started that many runs."""

        def started() -> list[Run] | None:
            runs = self.api.runs_of_event(event)
            return runs if len(runs) >= count else None

        runs = until(f"event {event} starts {count} runs", started)
        assert len(runs) == count, runs
        return runs

    # What was executed

    def executed(self, run_id: str, step: str | None) -> None:
        with self._lock:
            self._executions[run_id, step] += 1

    def executions(self, run: Run, step: str | None = None) -> int:
        """How often the body of a step was executed for a run; without one, how often the function was called."""
        with self._lock:
            return self._executions[run.id, step]

    def note(self, topic: str, thing: typing.Any) -> None:
        """Remembers something that a function wants the test to know."""
        with self._lock:
            self.notes[topic].append(thing)
