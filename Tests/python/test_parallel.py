"""Steps side by side."""

import asyncio
import collections
import threading
import time

import inngest
import pytest

from suite.api import until
from suite.app import Functions

functions = Functions()
arrived = collections.Counter()
arrived_lock = threading.Lock()


def meet(ctx, count):
    """A step's body that ends when as many bodies of its run are executing it; false when they never are."""
    with arrived_lock:
        arrived[ctx.run_id] += 1
    deadline = time.monotonic() + 20

    async def waits():
        while arrived[ctx.run_id] < count and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        return arrived[ctx.run_id] == count

    if ctx.app.asynchronous:
        return waits()
    while arrived[ctx.run_id] < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return arrived[ctx.run_id] == count


@functions.function()
async def three(ctx):
    return await ctx.parallel(
        lambda: ctx.step.run("a", lambda: 1),
        lambda: ctx.step.run("b", lambda: 2),
        lambda: ctx.step.run("c", lambda: 3),
    )


@functions.function()
async def many(ctx):
    return await ctx.parallel(*[lambda n=n: ctx.step.run(f"s{n}", lambda: n) for n in range(20)])


@functions.function()
async def then_sequential(ctx):
    before = await ctx.step.run("before", lambda: "before")
    both = await ctx.parallel(lambda: ctx.step.run("x", lambda: 1), lambda: ctx.step.run("y", lambda: 2))
    after = await ctx.step.run("after", lambda: sum(both))
    last = await ctx.step.run("last", lambda: after + 1)
    again = await ctx.parallel(lambda: ctx.step.run("x", lambda: 10), lambda: ctx.step.run("z", lambda: 20))
    return [before, both, after, last, again]


@functions.function()
async def together(ctx):
    # All three bodies wait for one another, so they only end if they are executed at the same time.
    return await ctx.parallel(*[lambda n=n: ctx.step.run(f"m{n}", lambda: meet(ctx, 3)) for n in range(3)])


@functions.function()
async def one_fails(ctx):
    def explode():
        raise ValueError("boom")

    try:
        return await ctx.parallel(lambda: ctx.step.run("good", lambda: 1), lambda: ctx.step.run("bad", explode))
    except inngest.StepError as error:
        caught = {"name": error.name, "message": error.message}
    return await ctx.step.run("after", lambda: caught)


@functions.function()
async def mixed(ctx):
    async def event():
        found = await ctx.step.wait_for_event("event", event=ctx.app.event("mix"), timeout=60_000)
        return found.data["n"]

    return await ctx.parallel(
        lambda: ctx.step.run("step", lambda: "step"),
        lambda: ctx.step.sleep("sleep", 1000),
        event,
        lambda: ctx.step.invoke_by_id("invoke", function_id="child", data={"n": 7}),
        lambda: ctx.step.send_event("send", inngest.Event(name=ctx.app.event("elsewhere"))),
    )


@functions.function()
async def child(ctx):
    return ctx.data["n"] * 2


async def chain(ctx, name, steps):
    out = []
    for n in range(steps):
        out.append(await ctx.step.run(f"{name}{n}", lambda n=n: n))
    return out


@functions.function()
async def chains(ctx):
    return await ctx.parallel(lambda: chain(ctx, "l", 3), lambda: chain(ctx, "s", 1))


@functions.function()
async def racing_chains(ctx):
    return await ctx.parallel(
        lambda: chain(ctx, "l", 3), lambda: chain(ctx, "s", 1), mode=inngest.ParallelMode.RACE
    )


@functions.function()
async def raced(ctx):
    # The second step of the first branch and the only step of the second one meet: only a race gets them there.
    async def long():
        await ctx.step.run("first", lambda: None)
        return await ctx.step.run("second", lambda: meet(ctx, 2))

    return await ctx.parallel(
        long, lambda: ctx.step.run("only", lambda: meet(ctx, 2)), mode=inngest.ParallelMode.RACE
    )


@functions.function()
async def one_fails_for_good(ctx):
    def explode():
        raise inngest.NonRetriableError("no, never", quiet=True)

    return await ctx.parallel(lambda: ctx.step.run("good", lambda: 1), lambda: ctx.step.run("bad", explode))


@functions.function(retries=2)
async def one_is_retried(ctx):
    def flaky():
        if ctx.attempt < 1:
            raise inngest.RetryAfterError("again", 1000, quiet=True)
        return ctx.attempt

    return await ctx.parallel(lambda: ctx.step.run("steady", lambda: "ok"), lambda: ctx.step.run("flaky", flaky))


@functions.function()
async def nobody(ctx):
    return await ctx.parallel()


@functions.function()
async def alone(ctx):
    return await ctx.parallel(lambda: ctx.step.run("alone", lambda: 1))


def test_three(app):
    run = app.start("three")

    assert run.completed() == [1, 2, 3]
    assert [app.executions(run, step) for step in "abc"] == [1, 1, 1]
    assert sorted(name for name, _ in run.steps() if name in "abc") == ["a", "b", "c"]


def test_many(app):
    run = app.start("many")

    assert run.completed() == list(range(20))
    assert all(app.executions(run, f"s{n}") == 1 for n in range(20))


def test_before_and_after(app):
    run = app.start("then-sequential")

    assert run.completed() == ["before", [1, 2], 3, 4, [10, 20]]
    assert {step: app.executions(run, step) for step in ("before", "x", "y", "z", "after", "last")} == {
        "before": 1, "x": 2, "y": 1, "z": 1, "after": 1, "last": 1
    }


def test_really_at_the_same_time(app):
    run = app.start("together")

    assert run.completed() == [True, True, True]


def test_one_branch_is_retried_alone(app):
    run = app.start("one-is-retried")

    assert run.completed() == ["ok", 1]
    assert (app.executions(run, "steady"), app.executions(run, "flaky")) == (1, 2)


def test_a_failed_step_can_be_caught(app):
    run = app.start("one-fails")

    assert run.completed() == {"name": "ValueError", "message": "boom"}
    assert (app.executions(run, "good"), app.executions(run, "after")) == (1, 1)


def test_an_error_without_retries_fails_the_run(app):
    assert "no, never" in str(app.start("one-fails-for-good").failed())


def test_all_kinds_of_steps(app):
    run = app.start("mixed")
    until("it waits", lambda: "event" in [name for name, _ in run.steps()])
    app.send("mix", {"n": 3})

    step, sleep, event, invoke, sent = run.completed()
    assert (step, sleep, event, invoke) == ("step", None, 3, 14)
    assert len(sent) == 1
    assert app.executions(run, "step") == 1


@pytest.mark.parametrize("function", ["chains", "racing-chains"])
def test_chains(app, function):
    run = app.start(function)

    assert run.completed() == [[0, 1, 2], [0]]
    assert {step: app.executions(run, step) for step in ("l0", "l1", "l2", "s0")} == {
        "l0": 1, "l1": 1, "l2": 1, "s0": 1
    }


def test_in_a_race_branches_go_on_by_themselves(app):
    run = app.start("raced")

    assert run.completed() == [True, True]


def test_one_and_none(app):
    assert app.start("nobody").completed() == []
    assert app.start("alone").completed() == [1]
