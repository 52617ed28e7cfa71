"""Functions that call functions."""

import datetime
import json
import time

import inngest

from suite.api import until
from suite.app import App, Functions

functions = Functions()


@functions.function()
async def adds(ctx):
    a, b = ctx.data["a"], ctx.data["b"]
    return {"sum": await ctx.step.run("add", lambda: a + b)}


@functions.function()
async def returns_nothing(ctx):
    return None


@functions.function()
async def fails(ctx):
    raise inngest.NonRetriableError("the child said no")


@functions.function(
    lambda app: {"cancel": [inngest.Cancel(event=app.event("stop"))]},
)
async def dawdles(ctx):
    await ctx.step.sleep("long", datetime.timedelta(minutes=10))


@functions.function()
async def sees_event(ctx):
    return {"name": ctx.event.name, "data": {k: v for k, v in ctx.data.items() if k != "_inngest"}}


@functions.function()
async def invokes(ctx):
    function = ctx.app.functions[ctx.data["function"]]
    return await ctx.step.invoke("call", function=function, data=ctx.data.get("data"))


@functions.function()
async def invokes_by_id(ctx):
    return await ctx.step.invoke_by_id(
        "call", app_id=ctx.data.get("app"), function_id=ctx.data["function"], data=ctx.data.get("data"),
        timeout=ctx.data.get("timeout"),
    )


@functions.function()
async def catches(ctx):
    try:
        return await ctx.step.invoke_by_id("call", function_id=ctx.data["function"], timeout=ctx.data.get("timeout"))
    except inngest.StepError as error:
        caught = {"name": error.name, "message": error.message}
    return await ctx.step.run("handle", lambda: caught)


def test_by_function(app):
    run = app.start("invokes", {"function": "adds", "data": {"a": 1, "b": 2}})

    assert run.completed() == {"sum": 3}


def test_by_id(app):
    run = app.start("invokes-by-id", {"function": "adds", "data": {"a": "x", "b": "y"}})

    assert run.completed() == {"sum": "xy"}


def test_nothing(app):
    assert app.start("invokes", {"function": "returns-nothing"}).completed() is None


def test_the_data_are_the_childs_event(app):
    output = app.start("invokes", {"function": "sees-event", "data": {"deep": {"er": [None]}}}).completed()

    assert output == {"name": "inngest/function.invoked", "data": {"deep": {"er": [None]}}}


def test_a_function_of_another_app(app, server):
    other_functions = Functions()

    @other_functions.function()
    async def far_away(ctx):
        return {"from": ctx.app.id, "n": ctx.data["n"] + 1}

    other = App(server, app.framework)
    with other.serve(other_functions.of(other)):
        other.register()
        run = app.start("invokes-by-id", {"app": other.id, "function": "far-away", "data": {"n": 1}})

        assert run.completed() == {"from": other.id, "n": 2}


def test_the_childs_failure_fails_the_step(app):
    output = app.start("invokes", {"function": "fails"}).failed()

    assert "the child said no" in json.dumps(output)


def test_the_childs_failure_can_be_caught(app):
    run = app.start("catches", {"function": "fails"})

    assert "the child said no" in run.completed()["message"]
    assert app.executions(run, "handle") == 1


def test_an_unknown_function_is_an_error(app):
    caught = app.start("catches", {"function": "there-is-none"}).completed()

    assert "there-is-none" in caught["message"]
    assert app.start("invokes-by-id", {"function": "there-is-none"}).failed()


def test_timeout(app):
    started = time.monotonic()
    caught = app.start("catches", {"function": "dawdles", "timeout": 1000}).completed()

    assert time.monotonic() - started > 0.5
    assert "time" in (caught["name"] + caught["message"]).lower()


def test_a_cancelled_child_is_an_error(app):
    """The reference resolves the step with the finished event, as if the child had succeeded."""
    run = app.start("catches", {"function": "dawdles"})
    until("the parent waits", lambda: "call" in [name for name, _ in run.steps()])
    app.send("stop")

    assert "cancel" in (run.completed()["message"]).lower()
