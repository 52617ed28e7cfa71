"""Cancelling by events and by request."""

import asyncio
import datetime
import time

import inngest
import pytest

from suite.api import until
from suite.app import Functions

functions = Functions()

TEN_MINUTES = datetime.timedelta(minutes=10)


def by_post(app):
    return {
        "cancel": [
            inngest.Cancel(event=app.event("post.cancelled"), if_exp="event.data.post_id == async.data.post_id")
        ]
    }


@functions.function(by_post)
async def publish(ctx):
    await ctx.step.sleep("until it is due", ctx.data.get("milliseconds", 600_000))
    return await ctx.step.run("publish", lambda: "published")


@functions.function(by_post)
async def waits(ctx):
    await ctx.step.wait_for_event("wait", event=ctx.app.event("never"), timeout=TEN_MINUTES)


@functions.function(by_post, retries=5)
async def retries(ctx):
    await ctx.step.run("once", lambda: None)
    raise inngest.RetryAfterError("later", TEN_MINUTES, quiet=True)


@functions.function(by_post)
async def executes(ctx):
    deadline = time.monotonic() + 20

    def is_held():
        return ctx.run_id not in ctx.app.notes["release"] and time.monotonic() < deadline

    async def works():
        ctx.app.note("working", ctx.run_id)
        try:
            while is_held():
                await asyncio.sleep(0.01)
        finally:
            ctx.app.note("worked", ctx.run_id)

    def works_in_its_thread():
        ctx.app.note("working", ctx.run_id)
        while is_held():
            time.sleep(0.01)
        ctx.app.note("worked", ctx.run_id)

    await ctx.step.run("work", works if ctx.app.asynchronous else works_in_its_thread)
    await ctx.step.run("next", lambda: None)


@functions.function(
    lambda app: {"cancel": [inngest.Cancel(event=app.event("either-a")), inngest.Cancel(event=app.event("either-b"))]}
)
async def either(ctx):
    await ctx.step.sleep("long", TEN_MINUTES)


@functions.function(
    lambda app: {
        "trigger": inngest.TriggerEvent(event=app.event("schedule")),
        "cancel": [inngest.Cancel(event=app.event("schedule"), if_exp="async.data.post_id == event.data.post_id")],
    }
)
async def replaced_by_its_own_trigger(ctx):
    await ctx.step.sleep("until it is due", ctx.data["milliseconds"])
    return await ctx.step.run("publish", lambda: ctx.data["version"])


@functions.function(
    lambda app: {"cancel": [inngest.Cancel(event=app.event("brief"), timeout=datetime.timedelta(seconds=1))]}
)
async def listens_briefly(ctx):
    await ctx.step.sleep("longer than that", 1500)
    await ctx.step.wait_for_event("end", event=ctx.app.event("end"), timeout=TEN_MINUTES)
    return "not cancelled"


@functions.function(timeouts=inngest.Timeouts(finish=datetime.timedelta(seconds=1)))
async def takes_too_long(ctx):
    await ctx.step.sleep("long", TEN_MINUTES)


def asleep(run, step="until it is due"):
    until("it sleeps", lambda: step in [name for name, _ in run.steps()])


def test_the_matching_run_is_cancelled(app):
    run, other = app.start("publish", {"post_id": "a"}), app.start("publish", {"post_id": "b", "milliseconds": 2000})
    asleep(run)
    app.send("post.cancelled", {"post_id": "a"})

    run.cancelled()
    assert other.completed() == "published"
    assert app.executions(run, "publish") == 0


@pytest.mark.parametrize("data", [{}, {"post_id": "A"}, {"post_id": 1}, {"post_id": None}, {"post": "a"}], ids=str)
def test_what_does_not_match_does_not_cancel(app, data):
    run = app.start("publish", {"post_id": "a", "milliseconds": 2000})
    app.send("post.cancelled", data)

    assert run.completed() == "published"


def test_cancelled_at_once(app):
    """Scheduled and cancelled in one request: the order of the events counts."""
    data = {"post_id": "at-once", "milliseconds": 1000}
    scheduled, _ = app.client.send_sync(
        [
            inngest.Event(name=app.event("publish"), data=data),
            inngest.Event(name=app.event("post.cancelled"), data={"post_id": "at-once"}),
        ]
    )

    [run] = app.runs(scheduled)
    run.cancelled()
    assert app.executions(run, "publish") == 0


def test_an_earlier_cancel_is_for_nobody(app):
    app.send("post.cancelled", {"post_id": "early"})

    assert app.start("publish", {"post_id": "early", "milliseconds": 1000}).completed() == "published"


def test_waiting_for_an_event(app):
    run = app.start("waits", {"post_id": "w"})
    until("it waits", lambda: "wait" in [name for name, _ in run.steps()])
    app.send("post.cancelled", {"post_id": "w"})

    run.cancelled()


def test_between_two_tries(app):
    run = app.start("retries", {"post_id": "r"})
    until("its step has been executed", lambda: app.executions(run) >= 2)
    app.send("post.cancelled", {"post_id": "r"})

    run.cancelled()
    assert app.executions(run, "once") == 1


def test_not_started_yet(app):
    event = app.send("publish", {"post_id": "future"}, ts=int(time.time() * 1000) + 600_000)
    [run] = app.runs(event)
    app.send("post.cancelled", {"post_id": "future"})

    run.cancelled()
    assert app.executions(run) == 0


def test_while_a_step_executes(app):
    run = app.start("executes", {"post_id": "x"})
    until("the step executes", lambda: run.id in app.notes["working"])
    app.send("post.cancelled", {"post_id": "x"})
    run.cancelled()

    assert run.id not in app.notes["worked"] or app.asynchronous, "it was cancelled while the step executed"
    app.note("release", run.id)
    until("the step ends", lambda: run.id in app.notes["worked"])
    until("the answer has been refused", lambda: run.status == "CANCELLED")
    assert app.executions(run, "next") == 0


@pytest.mark.parametrize("event", ["either-a", "either-b"])
def test_one_of_two_events(app, event):
    run = app.start("either")
    app.send(event)

    run.cancelled()


def test_its_own_trigger_replaces_it(app):
    events = [
        app.send("schedule", {"post_id": "p", "version": version, "milliseconds": 2000}) for version in range(3)
    ]
    runs = [app.runs(event)[0] for event in events]

    assert runs[2].completed() == 2
    for run in runs[:2]:
        run.cancelled()
        assert app.executions(run, "publish") == 0


def test_the_listener_has_its_time(app):
    run = app.start("listens-briefly")
    until("its time to listen is over", lambda: "end" in [name for name, _ in run.steps()])
    app.send("brief")
    app.send("end")

    assert run.completed() == "not cancelled"


def test_timeout(app):
    app.start("takes-too-long").cancelled()


def test_by_request(app):
    run = app.start("publish", {"post_id": "by-request"})
    asleep(run)
    answers = [app.api.http.delete(f"/v1/runs/{run.id}").status_code for _ in range(2)]

    assert answers[0] in {200, 204} and answers[1] in {200, 204}
    run.cancelled()
    assert app.api.http.delete("/v1/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV").status_code == 404


def test_many_by_request(app):
    runs = [app.start("publish", {"post_id": "bulk", "tier": tier}) for tier in ("free", "free", "paid")]
    for run in runs:
        asleep(run)
    answer = app.api.http.post(
        "/v1/cancellations",
        json={
            "app_id": app.id,
            "function_id": "publish",
            "started_after": "2020-01-01T00:00:00Z",
            "started_before": datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z"),
            "if": "event.data.tier == 'free'",
        },
    )

    assert answer.status_code in {200, 201}, answer.text
    assert answer.json()["data"]["id"]
    runs[0].cancelled()
    runs[1].cancelled()
    assert runs[2].status == "RUNNING"
    runs[2].api.http.delete(f"/v1/runs/{runs[2].id}")
