"""Steps that run code, sleeps, and sending events from a function."""

import datetime
import time

import inngest
import pytest

from suite.api import until
from suite.app import Functions

functions = Functions()


@functions.function()
async def no_steps(ctx):
    return {"echo": ctx.data}


@functions.function()
async def nothing(ctx):
    return None


@functions.function()
async def two_steps(ctx):
    first = await ctx.step.run("first", lambda: {"n": 1})
    second = await ctx.step.run("second", lambda: {"n": first["n"] + 1})
    return [first, second]


OUTPUTS = [
    None, True, False, 0, -1, 1.5, 1e100, 1e-7, 2**53 - 1, -(2**53) + 1, "", "text", "ünï ☃ 𝄞", "\u001f\"\\/", [], {},
    [None, [1, [2]]], {"a": {"b": None}, "data": 1, "error": "none"}, {"error": {"message": "m", "name": "n"}},
    {"data": "only"}, 0.1 + 0.2, "x" * 70_000,
]


@functions.function()
async def outputs(ctx):
    seen = []
    for index, output in enumerate(OUTPUTS):
        seen.append(await ctx.step.run(f"output {index}", lambda output=output: output))
    return seen


@functions.function()
async def nul(ctx):
    return await ctx.step.run("nul", lambda: {"a\u0000b": "\u0000"})


@functions.function()
async def arguments(ctx):
    return await ctx.step.run("add", lambda one, other: one + other, 20, 22)


@functions.function()
async def same_ids(ctx):
    return [await ctx.step.run("same", lambda n=n: n) for n in range(3)]


@functions.function()
async def sleeps(ctx):
    await ctx.step.sleep("a while", datetime.timedelta(seconds=1))
    await ctx.step.sleep("milliseconds", 1000)
    return await ctx.step.run("after", lambda: "woke")


@functions.function()
async def sleeps_until(ctx):
    until = datetime.datetime.fromtimestamp(ctx.data["until"], tz=datetime.timezone.utc)
    before = await ctx.step.run("before", lambda: time.time())
    await ctx.step.sleep_until("zzz", until)
    return {"before": before, "after": await ctx.step.run("after", lambda: time.time())}


@functions.function()
async def sleeps_in_the_past(ctx):
    await ctx.step.sleep_until("zzz", datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc))
    return "at once"


@functions.function()
async def sends_events(ctx):
    one = await ctx.step.send_event("one", inngest.Event(name=ctx.app.event("sent"), data={"n": 1}))
    two = await ctx.step.send_event(
        "two", [inngest.Event(name=ctx.app.event("sent"), data={"n": n}) for n in (2, 3)]
    )
    await ctx.step.run("after", lambda: None)
    return [one, two]


@functions.function()
async def sent(ctx):
    return ctx.data["n"]


@functions.function()
async def many_steps(ctx):
    total = 0
    for n in range(40):
        total += await ctx.step.run(f"step {n}", lambda n=n: n)
    return total


@functions.function()
async def logs(ctx):
    ctx.logger.critical("first %s", ctx.run_id)
    await ctx.step.run("a", lambda: None)
    ctx.logger.critical("second %s", ctx.run_id)
    await ctx.step.run("b", lambda: None)
    ctx.logger.critical("third %s", ctx.run_id)


@functions.function()
async def odd_names(ctx):
    names = ["", " ", "ünï ☃", "a/b?c=d&e#f", "l" * 400, "quote\"'\\"]
    return [await ctx.step.run(name, lambda name=name: name) for name in names] == names


def test_no_steps(app):
    run = app.start("no-steps", {"a": [1, "ü"], "n": None})

    assert run.completed() == {"echo": {"a": [1, "ü"], "n": None}}
    assert app.executions(run) == 1


def test_returns_nothing(app):
    assert app.start("nothing").completed() is None


def test_two_steps(app):
    run = app.start("two-steps")

    assert run.completed() == [{"n": 1}, {"n": 2}]
    assert run.step("first").data == {"n": 1} or run.step("first").data == {"data": {"n": 1}}
    assert run.step("first").error is None
    assert [name for name, _ in run.steps() if name in {"first", "second"}] == ["first", "second"]
    assert [app.executions(run, step) for step in ("first", "second")] == [1, 1]


def test_outputs_come_back_as_they_were(app):
    run = app.start("outputs")

    # A number is its value: the database writes large ones with all their digits.
    assert [float(output) if output == 10**100 else output for output in run.completed()] == OUTPUTS
    assert all(app.executions(run, f"output {index}") == 1 for index in range(len(OUTPUTS)))


def test_a_nul_character_is_replaced(app):
    """PostgreSQL's JSON has none."""
    assert app.start("nul").completed() == {"a\ufffdb": "\ufffd"}


def test_arguments(app):
    assert app.start("arguments").completed() == 42


def test_same_id_is_another_step(app):
    run = app.start("same-ids")

    assert run.completed() == [0, 1, 2]
    assert app.executions(run, "same") == 3


def test_sleeps(app):
    started = time.monotonic()
    run = app.start("sleeps")

    assert run.completed() == "woke"
    # Half a second less than both together: it may have started before we looked, and dates are cut.
    assert time.monotonic() - started > 1.5
    assert app.executions(run, "after") == 1


def test_sleeps_until(app):
    wake = time.time() + 2
    output = app.start("sleeps-until", {"until": wake}).completed()

    assert output["before"] < wake
    assert output["after"] >= wake - 0.01
    assert output["after"] < wake + 5


def test_sleeping_until_the_past_is_no_sleep(app):
    assert app.start("sleeps-in-the-past").completed() == "at once"


def test_events_are_sent_once(app):
    run = app.start("sends-events")

    one, two = run.completed()
    assert len(one) == 1 and len(two) == 2
    ids = one + two
    assert len(set(ids)) == 3
    assert [app.runs(id)[0].completed() for id in ids] == [1, 2, 3]
    events = app.api.http.get("/v1/events", params={"name": app.event("sent"), "limit": 50}).json()["data"]
    assert sum(event["internal_id"] in ids for event in events) == 3
    assert len({event["internal_id"] for event in events}) == len(events) == 3


def test_forty_steps(app):
    run = app.start("many-steps")

    assert run.completed() == sum(range(40))
    assert all(app.executions(run, f"step {n}") == 1 for n in range(40))


def test_odd_names(app):
    assert app.start("odd-names").completed() is True


class Lines(list):
    """A handler of the logging module."""

    level = 0

    def handle(self, record):
        self.append(record.getMessage())


def test_replays_do_not_log_again(app):
    lines = Lines()
    app.client.logger.addHandler(lines)
    try:
        run = app.start("logs")
        run.completed()
    finally:
        app.client.logger.removeHandler(lines)

    assert [line for line in lines if run.id in line] == [f"{word} {run.id}" for word in ("first", "second", "third")]


@pytest.mark.parametrize("count", [1, 30])
def test_many_runs_at_once(app, count):
    events = [inngest.Event(name=app.event("two-steps"), data={"n": n}) for n in range(count)]
    ids = app.client.send_sync(events)

    assert len(set(ids)) == count
    runs = [app.runs(id)[0] for id in ids]
    assert len({run.id for run in runs}) == count
    until("all runs end", lambda: all(run.status == "COMPLETED" for run in runs))
