"""Errors: tried again, caught, changed, final."""

import datetime
import json
import time

import inngest
import pytest

from suite.app import Functions

functions = Functions()


class Custom(Exception):
    pass


def soon(message):
    """An error that is tried again after a second, the least there is."""
    return inngest.RetryAfterError(message, 1000, quiet=True)


@functions.function(retries=3)
async def step_recovers(ctx):
    before = await ctx.step.run("before", lambda: "kept")

    def flaky():
        ctx.app.note(ctx.run_id, ctx.attempt)
        if ctx.attempt < 2:
            raise soon("not yet")
        return "third time"

    return [before, await ctx.step.run("flaky", flaky), await ctx.step.run("after", lambda: ctx.attempt)]


@functions.function(retries=1)
async def plain_error_is_retried(ctx):
    def flaky():
        if ctx.attempt == 0:
            raise Custom("once")
        return "twice"

    return await ctx.step.run("flaky", flaky)


@functions.function(retries=0)
async def step_fails(ctx):
    def fail():
        raise Custom("of the step")

    await ctx.step.run("fail", fail)


@functions.function(retries=0)
async def step_failure_is_caught(ctx):
    def fail():
        raise Custom("of the step")

    try:
        await ctx.step.run("fail", fail)
    except inngest.StepError as error:
        caught = {"name": error.name, "message": error.message, "stack": error.stack}
    return await ctx.step.run("handle", lambda: caught)


@functions.function(retries=0)
async def step_failure_is_changed(ctx):
    def fail():
        raise Custom("of the step")

    try:
        await ctx.step.run("fail", fail)
    except inngest.StepError as error:
        raise ValueError(f"changed: {error.message}") from error


@functions.function(retries=0)
async def function_fails(ctx):
    await ctx.step.run("before", lambda: None)
    raise Custom("of the function")


@functions.function(retries=2)
async def function_recovers(ctx):
    before = await ctx.step.run("before", lambda: "kept")
    ctx.app.note(ctx.run_id, ctx.attempt)
    if ctx.attempt < 2:
        raise soon("not yet")
    return [before, ctx.attempt]


@functions.function(retries=5)
async def not_retriable(ctx):
    raise inngest.NonRetriableError("for good", quiet=True)


@functions.function(retries=5)
async def step_not_retriable(ctx):
    def fail():
        raise inngest.NonRetriableError("for good", quiet=True)

    await ctx.step.run("fail", fail)


@functions.function(retries=2)
async def all_tries_fail(ctx):
    ctx.app.note(ctx.run_id, ctx.attempt)
    raise soon("never")


@functions.function(retries=1)
async def retries_when_told(ctx):
    ctx.app.note(ctx.run_id, time.time())
    if ctx.attempt == 0:
        when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ctx.data["seconds"])
        raise inngest.RetryAfterError("later", when, quiet=True)


@functions.function(retries=0)
async def output_is_no_json(ctx):
    return object()


@functions.function(retries=0)
async def step_output_is_no_json(ctx):
    await ctx.step.run("a", lambda: {1, 2})


@functions.function(retries=0)
async def nested_steps(ctx):
    async def inner():
        return await ctx.step.run("inner", lambda: None)

    def outer():
        coroutine = inner()
        if ctx.app.asynchronous:
            return coroutine
        from suite.dialect import drive

        return drive(coroutine)

    await ctx.step.run("outer", outer)


@functions.function(retries=0)
async def changes_its_mind(ctx):
    """When its planned steps are called one by one, there is another step in front of them."""
    ctx.app.note(ctx.run_id, None)
    if len(ctx.app.notes[ctx.run_id]) > 1:
        await ctx.step.run("unexpected", lambda: None)
    await ctx.parallel(lambda: ctx.step.run("a", lambda: 1), lambda: ctx.step.run("b", lambda: 2))


def test_a_step_is_tried_again_alone(app):
    run = app.start("step-recovers")

    assert run.completed() == ["kept", "third time", 0]
    assert app.notes[run.id] == [0, 1, 2]
    assert [app.executions(run, step) for step in ("before", "flaky", "after")] == [1, 3, 1]


@pytest.mark.slow
def test_a_plain_error_is_tried_again(app):
    run = app.start("plain-error-is-retried")

    # The first pause is 15 to 45 seconds, unless the server was told otherwise.
    assert run.completed(60) == "twice"
    assert app.executions(run, "flaky") == 2


def test_a_failed_step_fails_the_function(app):
    output = app.start("step-fails").failed()

    assert output["name"] == "Custom"
    assert output["message"] == "of the step"
    assert "of the step" in output["stack"]


def test_a_failed_step_can_be_caught(app):
    run = app.start("step-failure-is-caught")
    caught = run.completed()

    assert (caught["name"], caught["message"]) == ("Custom", "of the step")
    assert "Custom: of the step" in caught["stack"]
    error = run.step("fail").error
    assert error["name"] == "Custom" and error["message"] == "of the step" and error["stack"]
    assert app.executions(run, "fail") == 1


def test_a_failed_step_can_be_changed(app):
    output = app.start("step-failure-is-changed").failed()

    assert output["name"] == "ValueError"
    assert output["message"] == "changed: of the step"


def test_a_function_fails(app):
    run = app.start("function-fails")
    output = run.failed()

    assert output["code"] == "unknown"
    assert (output["name"], output["message"]) == ("Custom", "of the function")
    assert "Custom: of the function" in output["stack"]
    assert app.executions(run, "before") == 1


def test_a_function_is_tried_again(app):
    run = app.start("function-recovers")

    assert run.completed() == ["kept", 2]
    assert app.notes[run.id] == [0, 1, 2]
    assert app.executions(run, "before") == 1


@pytest.mark.parametrize("function", ["not-retriable", "step-not-retriable"])
def test_not_retriable(app, function):
    run = app.start(function)
    output = run.failed()

    assert output["code"] == "non_retriable_error"
    assert (output["name"], output["message"]) == ("NonRetriableError", "for good")
    assert app.executions(run) == 1


def test_all_tries_fail(app):
    run = app.start("all-tries-fail")
    output = run.failed()

    assert (output["name"], output["message"]) == ("RetryAfterError", "never")
    assert app.notes[run.id] == [0, 1, 2]


def test_retry_after_a_time(app):
    run = app.start("retries-when-told", {"seconds": 3})
    run.completed()

    first, second = app.notes[run.id]
    # The header has whole milliseconds, and the function noted the time before it asked.
    assert second - first > 2.9


def test_output_that_is_no_json(app):
    output = app.start("output-is-no-json").failed()

    assert output["code"] == "output_unserializable"
    assert output["name"] == "OutputUnserializableError"


def test_step_output_that_is_no_json(app):
    output = app.start("step-output-is-no-json").failed()

    assert output["code"] == "output_unserializable"
    assert output["message"] == '"a" returned unserializable data'
    assert output["name"] == "OutputUnserializableError"


def test_nested_steps_are_refused(app):
    output = app.start("nested-steps").failed()

    assert "ested" in json.dumps(output)


def test_a_step_that_was_not_planned(app):
    output = app.start("changes-its-mind").failed()

    assert output["code"] == "step_unexpected"
    assert output["message"] == 'found step "unexpected" when targeting a different step'
    assert not output.get("stack")
