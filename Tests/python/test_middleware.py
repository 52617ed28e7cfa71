"""Middleware of the SDK: it changes what is sent and what comes back, so the server must not touch either."""

import base64
import json

import inngest
import pytest
from inngest.experimental import remote_state_middleware

from suite.app import App, Functions

functions = Functions()


@functions.function()
async def secret(ctx):
    first = await ctx.step.run("first", lambda: {"password": "hidden word"})
    second = await ctx.step.run("second", lambda: [first["password"], None, 1])
    return {"seen": second, "event": ctx.data["greeting"]}


@functions.function()
async def fails(ctx):
    def fail():
        raise ValueError("plain")

    try:
        await ctx.step.run("fail", fail)
    except inngest.StepError as error:
        return error.message


def conceal(value):
    return {"concealed": base64.b64encode(json.dumps(value).encode()).decode()}


def reveal(value):
    if isinstance(value, dict) and set(value) == {"concealed"}:
        return json.loads(base64.b64decode(value["concealed"]))
    return value


class Conceals(inngest.MiddlewareSync):
    """As encryption does: nothing that leaves the app can be read."""

    def before_send_events(self, events):
        for event in events:
            event.data = conceal(dict(event.data))

    def transform_input(self, ctx, function, steps):
        ctx.event.data = reveal(ctx.event.data)
        for memo in steps.values():
            memo.data = reveal(memo.data)

    def transform_output(self, result):
        if result.has_output() and result.error is None:
            result.output = conceal(result.output)


class Tells(inngest.MiddlewareSync):
    """Writes down what is called when."""

    heard: list[str] = []

    def _hear(self, what):
        self.heard.append(what)

    def before_execution(self):
        self._hear("before_execution")

    def after_execution(self):
        self._hear("after_execution")

    def before_response(self):
        self._hear("before_response")

    def transform_input(self, ctx, function, steps):
        self._hear("transform_input")

    def transform_output(self, result):
        self._hear("transform_output")


@pytest.fixture(params=["fastapi", "flask"])
def served(request, server):
    def serve(middleware):
        app = App(server, request.param, client={"middleware": middleware})
        context = app.serve(functions.of(app))
        request.addfinalizer(lambda: context.__exit__(None, None, None))
        context.__enter__()
        app.register()
        return app

    return serve


def test_concealed(served):
    app = served([Conceals])
    run = app.start("secret", {"greeting": "hello"})

    output = run.completed()
    assert set(output) == {"concealed"}
    assert reveal(output) == {"seen": ["hidden word", None, 1], "event": "hello"}
    step = run.step("first").data
    assert "hidden" not in json.dumps(step)
    assert set(run.payloads()[0]["data"]) == {"concealed"}
    assert [app.executions(run, step) for step in ("first", "second")] == [1, 1]
    assert app.start("fails", {}).completed() == conceal("plain")


def test_remote_state(served):
    driver = remote_state_middleware.InMemoryDriver()
    app = served([remote_state_middleware.RemoteStateMiddleware.factory(driver)])
    run = app.start("secret", {"greeting": "hello"})

    assert run.completed() == {"seen": ["hidden word", None, 1], "event": "hello"}
    assert "hidden" not in json.dumps(run.step("first").data)


def test_hooks(served):
    Tells.heard.clear()
    app = served([Tells])
    app.start("secret", {"greeting": "hello"}).completed()

    # Three requests: to each step, and to the end; every one of them executes something new.
    request = ["transform_input", "before_execution", "after_execution", "transform_output", "before_response"]
    assert Tells.heard == request * 3
