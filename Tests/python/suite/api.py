"""What the tests ask the server: the GraphQL queries that SDKs' own tests use, and REST."""

from __future__ import annotations

import json
import time
import typing

from .server import Server

RUNS_OF_EVENT = "query Runs($id: ID!) { event(query: {eventId: $id}) { functionRuns { id } } }"
RUN = "query Run($id: String!) { run(runID: $id) { output status } }"
TRACE = "query Trace($id: String!) { run(runID: $id) { trace { childrenSpans { name outputID } } } }"
OUTPUT = "query Output($id: String!) { runTraceSpanOutputByID(outputID: $id) { data error { message name stack } } }"
TRIGGER = "query Trigger($id: String!) { runTrigger(runID: $id) { payloads } }"

ENDED = {"COMPLETED", "FAILED", "CANCELLED", "SKIPPED"}


def until(what: str, ask: typing.Callable[[], typing.Any], seconds: float = 30) -> typing.Any:
    """Asks until the answer is neither None nor false; fails when it has not been in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer is not None and answer is not False:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class API:
    def __init__(self, server: Server) -> None:
        self.http = server.http()

    def graphql(self, query: str, **variables: str) -> dict[str, typing.Any]:
        response = self.http.post("/v0/gql", json={"query": query, "variables": variables})
        assert response.status_code == 200, response.text
        answer = response.json()
        assert not answer.get("errors"), answer
        return answer["data"]

    def runs_of_event(self, event: str) -> list[Run]:
        event_or_none = self.graphql(RUNS_OF_EVENT, id=event)["event"]
        return [Run(self, run["id"]) for run in (event_or_none or {}).get("functionRuns") or []]


class StepOutput(typing.NamedTuple):
    data: typing.Any
    error: dict[str, typing.Any] | None


class Run:
    """One run of a function."""

    def __init__(self, api: API, id: str) -> None:
        self.api = api
        self.id = id

    def __repr__(self) -> str:
        return f"run {self.id}"

    def get(self) -> tuple[str, typing.Any]:
        """Its status and its output, read from JSON."""
        run = self.api.graphql(RUN, id=self.id)["run"]
        if run is None:
            return "UNKNOWN", None
        output = run["output"]
        return run["status"], None if output is None else json.loads(output)

    @property
    def status(self) -> str:
        return self.get()[0]

    def ended(self, seconds: float = 30) -> tuple[str, typing.Any]:
        """Waits for its end, whatever it is. Returns the status and the output."""

        def found() -> tuple[str, typing.Any] | None:
            status, output = self.get()
            return (status, output) if status in ENDED else None

        return until(f"{self} ends", found, seconds)

    def end(self, status: str, seconds: float = 30) -> typing.Any:
        """Waits for its end, which must be of that kind. Returns the output."""
        found, output = self.ended(seconds)
        assert found == status, f"{self} is {found} with {output}"
        return output

    def completed(self, seconds: float = 30) -> typing.Any:
        return self.end("COMPLETED", seconds)

    def failed(self, seconds: float = 30) -> typing.Any:
        return self.end("FAILED", seconds)

    def cancelled(self, seconds: float = 30) -> None:
        self.end("CANCELLED", seconds)

    def steps(self) -> list[tuple[str, str | None]]:
        """The names of its steps in order, each with what its output can be asked for by."""
        trace = (self.api.graphql(TRACE, id=self.id)["run"] or {}).get("trace") or {}
        return [(span["name"], span["outputID"]) for span in trace.get("childrenSpans") or []]

    def step(self, name: str) -> StepOutput:
        """What came of the first step of that name. Waits until there is something."""

        def recorded() -> StepOutput | None:
            for found, output in self.steps():
                if found == name and output:
                    answer = self.api.graphql(OUTPUT, id=output)["runTraceSpanOutputByID"]
                    data = answer["data"]
                    return StepOutput(None if data is None else json.loads(data), answer["error"])
            return None

        return until(f"{self} records {name}", recorded, 10)

    def payloads(self) -> list[typing.Any]:
        """The events that started it."""
        return [json.loads(text) for text in self.api.graphql(TRIGGER, id=self.id)["runTrigger"]["payloads"]]
