"""on_failure: a function that is called once, when another one has failed for good."""

import datetime

import inngest

from suite.api import until
from suite.app import Functions

functions = Functions()


async def notes_failure(ctx):
    await ctx.step.run("note", lambda: ctx.app.note("failed", (ctx.event.name, dict(ctx.data))))


@functions.function(on_failure=notes_failure, retries=0)
async def fails(ctx):
    raise ValueError("broken")


@functions.function(on_failure=notes_failure, retries=1)
async def recovers(ctx):
    if ctx.attempt == 0:
        raise inngest.RetryAfterError("again", 1000, quiet=True)


@functions.function(
    lambda app: {"cancel": [inngest.Cancel(event=app.event("stop"))]},
    on_failure=notes_failure,
    retries=0,
)
async def is_cancelled(ctx):
    await ctx.step.sleep("long", datetime.timedelta(minutes=10))


@functions.function(lambda app: {"trigger": [
    inngest.TriggerEvent(event=f"inngest/function.{what}", expression=f"event.data.function_id == '{app.id}-{of}'")
    for what, of in (("finished", "fails"), ("cancelled", "is-cancelled"))
]})
async def watches(ctx):
    ctx.app.note(ctx.event.name, dict(ctx.data))


def failures(app, run):
    return [data for _, data in app.notes["failed"] if data["run_id"] == run.id]


def test_is_called_with_the_error_and_the_event(app):
    run = app.start("fails", {"n": 7}, id="own-id-" + app.id)
    run.failed()

    data = until("the handler runs", lambda: failures(app, run) or None)
    [data] = data
    assert {name for name, _ in app.notes["failed"]} == {"inngest/function.failed"}
    assert data["function_id"] == f"{app.id}-fails"
    assert data["run_id"] == run.id
    assert (data["error"]["name"], data["error"]["message"]) == ("ValueError", "broken")
    assert "broken" in data["error"]["stack"]
    assert data["event"]["name"] == app.event("fails")
    assert data["event"]["data"] == {"n": 7}
    assert data["event"]["id"] == "own-id-" + app.id


def test_the_end_is_told(app):
    run = app.start("fails")
    run.failed()

    def told():
        return [data for data in app.notes["inngest/function.finished"] if data["run_id"] == run.id] or None

    [data] = until("a function learns of the end", told)
    assert data["error"]["message"] == "broken"


def test_is_not_called_when_it_recovers_or_is_cancelled(app):
    recovered, cancelled = app.start("recovers"), app.start("is-cancelled")
    app.send("stop")
    recovered.completed()
    cancelled.cancelled()
    until(
        "a function learns of the cancellation",
        lambda: [1 for data in app.notes["inngest/function.cancelled"] if data["run_id"] == cancelled.id] or None,
    )
    # By now a handler would have been started too: what failed later has been handled.
    failed = app.start("fails")
    failed.failed()
    until("the handler runs", lambda: failures(app, failed) or None)

    assert failures(app, recovered) == failures(app, cancelled) == []
