"""Waiting for events."""

import datetime
import time

import inngest

from suite.api import until
from suite.app import Functions

functions = Functions()


def as_seen(event):
    return None if event is None else {"id": event.id, "name": event.name, "data": dict(event.data)}


@functions.function()
async def waits(ctx):
    return as_seen(
        await ctx.step.wait_for_event("wait", event=ctx.app.event("go"), timeout=datetime.timedelta(minutes=1))
    )


@functions.function()
async def waits_briefly(ctx):
    event = await ctx.step.wait_for_event("wait", event=ctx.app.event("never"), timeout=1000)
    return {"event": event, "after": await ctx.step.run("after", lambda: "timeout")}


@functions.function()
async def waits_if(ctx):
    return as_seen(
        await ctx.step.wait_for_event(
            "wait",
            event=ctx.app.event("answer"),
            if_exp="event.data.id == async.data.id",
            timeout=datetime.timedelta(minutes=1),
        )
    )


@functions.function()
async def waits_if_literal(ctx):
    return as_seen(
        await ctx.step.wait_for_event(
            "wait",
            event=ctx.app.event("answer"),
            if_exp="async.data.id == 'literal' && async.data.n > 5",
            timeout=datetime.timedelta(minutes=1),
        )
    )


@functions.function()
async def waits_badly(ctx):
    await ctx.step.wait_for_event("wait", event=ctx.app.event("answer"), if_exp="async.data.(", timeout=1000)


@functions.function()
async def waits_twice(ctx):
    seen = []
    for _ in range(2):
        event = await ctx.step.wait_for_event("again", event=ctx.app.event("again"), timeout=60_000)
        seen.append(event.data["n"])
    return seen


@functions.function()
async def asks_and_waits(ctx):
    """Asks beside waiting: the wait is known before the question is sent, however fast the answer is."""

    async def wait():
        event = await ctx.step.wait_for_event(
            "wait", event=ctx.app.event("reply"), if_exp="event.data.key == async.data.key", timeout=20_000
        )
        return None if event is None else event.data["key"]

    question = inngest.Event(name=ctx.app.event("asked"), data={"key": ctx.data["key"]})
    answer, _ = await ctx.parallel(wait, lambda: ctx.step.send_event("ask", question))
    return answer


@functions.function()
async def asked(ctx):
    await ctx.step.send_event("reply", inngest.Event(name=ctx.app.event("reply"), data=dict(ctx.data)))


def waiting(app, *runs):
    """Until they wait: the wait is a step without an output."""
    until("the runs wait", lambda: all("wait" in [name for name, _ in run.steps()] for run in runs))


def test_fulfilled(app):
    run = app.start("waits")
    waiting(app, run)
    event = app.send("go", {"a": [1]}, id=f"go-{run.id}")

    assert run.completed() == {"id": f"go-{run.id}", "name": app.event("go"), "data": {"a": [1]}}
    assert event


def test_one_event_is_for_all_who_wait(app):
    runs = [app.start("waits") for _ in range(3)]
    waiting(app, *runs)
    app.send("go", {"n": 1})

    assert [run.completed()["data"] for run in runs] == [{"n": 1}] * 3


def test_timeout(app):
    started = time.monotonic()
    run = app.start("waits-briefly")

    assert run.completed() == {"event": None, "after": "timeout"}
    assert time.monotonic() - started > 0.5


def test_only_the_matching_event(app):
    run, other = app.start("waits-if", {"id": "x"}), app.start("waits-if", {"id": "y"})
    waiting(app, run, other)
    for id in ("z", None, 1, "x"):
        app.send("answer", {"id": id})
    app.send("answer")

    assert run.completed()["data"] == {"id": "x"}
    assert other.status == "RUNNING"
    app.send("answer", {"id": "y", "late": True})
    assert other.completed()["data"] == {"id": "y", "late": True}


def test_an_expression_without_the_trigger(app):
    run = app.start("waits-if-literal")
    waiting(app, run)
    app.send("answer", {"id": "literal", "n": 5})
    app.send("answer", {"id": "literal", "n": 6})

    assert run.completed()["data"]["n"] == 6


def test_an_expression_that_is_none_fails_the_run(app):
    output = app.start("waits-badly").failed()

    assert "xpression" in str(output)


def test_the_next_wait_takes_the_next_event(app):
    run = app.start("waits-twice")
    until("it waits", lambda: len(run.steps()) >= 1)
    app.send("again", {"n": 1})
    until("it waits again", lambda: len(run.steps()) >= 2)
    app.send("again", {"n": 2})

    assert run.completed() == [1, 2]


def test_an_answer_that_is_faster_than_the_question(app):
    runs = [app.start("asks-and-waits", {"key": f"k{n}"}) for n in range(5)]

    assert [run.completed() for run in runs] == [f"k{n}" for n in range(5)]
