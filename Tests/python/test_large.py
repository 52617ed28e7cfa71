"""State that no longer fits into a request: the app fetches it."""

from suite.app import Functions

functions = Functions()

MEBIBYTE = 1024 * 1024


@functions.function()
async def large_state(ctx):
    lengths = []
    for n in range(4):
        text = await ctx.step.run(f"large {n}", lambda n=n: str(n) * (2 * MEBIBYTE))
        lengths.append(len(text))
        assert set(text) == {str(n)}
    return await ctx.step.run("end", lambda: {"lengths": lengths, "event": len(ctx.data["text"])})


@functions.function()
async def large_output(ctx):
    return "x" * (4 * MEBIBYTE - 100)


@functions.function()
async def too_large_output(ctx):
    return await ctx.step.run("too large", lambda: "x" * (9 * MEBIBYTE))


@functions.function()
async def large_in_parallel(ctx):
    texts = await ctx.parallel(
        *[lambda n=n: ctx.step.run(f"part {n}", lambda: "y" * (3 * MEBIBYTE)) for n in range(3)]
    )
    return [len(text) for text in texts]


def test_state_of_eight_mebibytes(app):
    run = app.start("large-state", {"text": "z" * MEBIBYTE})

    assert run.completed(60) == {"lengths": [2 * MEBIBYTE] * 4, "event": MEBIBYTE}
    assert all(app.executions(run, f"large {n}") == 1 for n in range(4))


def test_steps_side_by_side(app):
    run = app.start("large-in-parallel")

    assert run.completed(60) == [3 * MEBIBYTE] * 3
    assert all(app.executions(run, f"part {n}") == 1 for n in range(3))


def test_an_output_of_four_mebibytes(app):
    assert len(app.start("large-output").completed(60)) == 4 * MEBIBYTE - 100


def test_an_output_that_is_too_large_fails_the_run(app):
    assert "large" in str(app.start("too-large-output").failed(60))
