"""Functions that are started later, together, or less often."""

import datetime
import time

import inngest

from suite.api import until
from suite.app import Functions

functions = Functions()

ONE_SECOND = datetime.timedelta(seconds=1)


@functions.function(debounce=inngest.Debounce(period=ONE_SECOND))
async def debounced(ctx):
    return ctx.data["n"]


@functions.function(debounce=inngest.Debounce(period=ONE_SECOND, key="event.data.key"))
async def debounced_by_key(ctx):
    return [ctx.data["key"], ctx.data["n"]]


@functions.function(batch_events=inngest.Batch(max_size=3, timeout=datetime.timedelta(seconds=60)))
async def batched(ctx):
    return {"first": ctx.data["n"], "all": [event.data["n"] for event in ctx.events]}


@functions.function(batch_events=inngest.Batch(max_size=100, timeout=ONE_SECOND))
async def batched_by_time(ctx):
    return [event.data["n"] for event in ctx.events]


@functions.function(
    lambda app: {"trigger": inngest.TriggerEvent(event=app.event("single"))},
    singleton=inngest.Singleton(mode="skip"),
)
async def single_skips(ctx):
    await ctx.step.sleep("a while", 2000)
    return ctx.data["n"]


@functions.function(singleton=inngest.Singleton(mode="cancel", key="event.data.key"))
async def single_cancels(ctx):
    await ctx.step.sleep("a while", 1500)
    return ctx.data["n"]


@functions.function(idempotency="event.data.key")
async def idempotent(ctx):
    return ctx.data["n"]


@functions.function(
    rate_limit=inngest.RateLimit(limit=1, period=datetime.timedelta(hours=1), key="event.data.key")
)
async def rate_limited(ctx):
    return ctx.data["n"]


@functions.function(throttle=inngest.Throttle(limit=1, period=ONE_SECOND, burst=1))
async def throttled(ctx):
    return time.time()


def some_run(app, *events):
    def found():
        runs = [run for event in events for run in app.api.runs_of_event(event)]
        return runs or None

    return until("one of the events starts a run", found)


def test_debounce_starts_with_the_last_event(app):
    events = [app.send("debounced", {"n": n}) for n in range(3)]

    [run] = some_run(app, *events)
    assert run.completed() == 2
    assert app.executions(run) == 1


def test_debounce_by_key(app):
    events = [app.send("debounced-by-key", {"key": key, "n": n}) for n in range(2) for key in "ab"]

    def two():
        runs = {run.id: run for event in events for run in app.api.runs_of_event(event)}
        return list(runs.values()) if len(runs) == 2 else None

    assert sorted(run.completed() for run in until("two runs", two)) == [["a", 1], ["b", 1]]


def test_a_full_batch_starts(app):
    events = app.client.send_sync([inngest.Event(name=app.event("batched"), data={"n": n}) for n in range(3)])

    runs = {run.id: run for event in events for run in app.runs(event)}
    assert len(runs) == 1
    [run] = runs.values()
    assert run.completed() == {"first": 0, "all": [0, 1, 2]}
    assert [payload["data"]["n"] for payload in run.payloads()] == [0, 1, 2]


def test_a_batch_starts_in_time(app):
    events = [app.send("batched-by-time", {"n": n}) for n in range(2)]

    runs = {run.id: run for event in events for run in app.runs(event)}
    assert [run.completed() for run in runs.values()] == [[0, 1]]


def test_singleton_skips(app):
    first = app.start("single", {"n": 1})
    second = app.send("single", {"n": 2})

    assert first.completed() == 1
    assert {run.status for run in app.api.runs_of_event(second)} <= {"SKIPPED"}
    assert app.start("single", {"n": 3}).completed() == 3


def test_singleton_cancels(app):
    first, other = (app.start("single-cancels", {"key": key, "n": key}) for key in "ab")
    second = app.start("single-cancels", {"key": "a", "n": "newer"})

    first.cancelled()
    assert second.completed() == "newer"
    assert other.completed() == "b"


def test_idempotency(app):
    first = app.start("idempotent", {"key": "k", "n": 1})
    again = app.send("idempotent", {"key": "k", "n": 2})
    other = app.start("idempotent", {"key": "l", "n": 3})

    assert (first.completed(), other.completed()) == (1, 3)
    assert {run.id for run in app.api.runs_of_event(again)} <= {first.id}


def test_rate_limit(app):
    first = app.start("rate-limited", {"key": "k", "n": 1})
    again = app.send("rate-limited", {"key": "k", "n": 2})
    other = app.start("rate-limited", {"key": "l", "n": 3})

    assert (first.completed(), other.completed()) == (1, 3)
    assert app.api.runs_of_event(again) == []


def test_throttle_loses_nothing(app):
    started = sorted(run.completed() for run in [app.start("throttled") for _ in range(4)])

    # Two at once, then one a second.
    assert started[3] - started[0] > 1.5
