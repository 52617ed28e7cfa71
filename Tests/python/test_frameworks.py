"""The SDK's other adapters, answers that stream, and plain functions in an asynchronous framework."""

import asyncio
import contextlib

import inngest
import pytest

from suite.app import App, Functions

functions = Functions()


@functions.function()
async def everything(ctx):
    first = await ctx.step.run("first", lambda: [1, "ü"])
    await ctx.step.sleep("nap", 1000)
    both = await ctx.parallel(lambda: ctx.step.run("x", lambda: 1), lambda: ctx.step.run("y", lambda: None))
    try:
        await ctx.step.run("fail", lambda: 1 / 0)
    except inngest.StepError as error:
        return [first, both, error.name]


@functions.function(retries=1)
async def recovers(ctx):
    if ctx.attempt == 0:
        raise inngest.RetryAfterError("again", 1000, quiet=True)
    return ctx.attempt


@functions.function()
async def fails(ctx):
    raise inngest.NonRetriableError("for good", quiet=True)


@functions.function()
async def takes_its_time(ctx):
    """Longer than the pause between two signs of life of a streaming answer."""

    async def work():
        await asyncio.sleep(3.5)
        return "done"

    return await ctx.step.run("work", work)


CASES = {
    "django": ("django", False, {}),
    "django-async": ("django", True, {}),
    "tornado": ("tornado", False, {}),
    "flask-async": ("flask", True, {}),
    "fastapi-sync": ("fastapi", False, {}),
    "fastapi-streaming": ("fastapi", True, {"streaming": inngest.Streaming.FORCE}),
    "fastapi-other-path": ("fastapi", True, {"serve_path": "/other/path"}),
}


@contextlib.contextmanager
def registered(server, case):
    name, asynchronous, options = CASES[case]
    app = App(server, name, asynchronous=asynchronous)
    with app.serve(functions.of(app), **options):
        app.url = app.url.replace("/api/inngest", options.get("serve_path", "/api/inngest"))
        app.register()
        yield app


@pytest.fixture(params=CASES, scope="module")
def framework(request, server):
    with registered(server, request.param) as app:
        yield app


def test_everything(framework):
    run = framework.start("everything")

    assert run.completed() == [[1, "ü"], [1, None], "ZeroDivisionError"]
    assert [framework.executions(run, step) for step in ("first", "x", "y", "fail")] == [1, 1, 1, 1]


def test_errors(framework):
    assert framework.start("recovers").completed() == 1
    assert framework.start("fails").failed()["message"] == "for good"


def test_a_stream_that_stays_alive(server):
    with registered(server, "fastapi-streaming") as app:
        assert app.start("takes-its-time").completed() == "done"
