"""One text of a function for the SDK's two dialects: coroutines, and plain functions.

A function of the suite is written as a coroutine over `Context`. For the asynchronous dialect it is awaited; for the
other one the SDK's own synchronous calls stand behind the same words, so that the coroutine never waits and is driven
to its end at once. Either way it is the SDK that executes every step.
"""

from __future__ import annotations

import inspect
import typing

import inngest

if typing.TYPE_CHECKING:
    from .app import App

Handler = typing.Callable[["Context"], typing.Awaitable[typing.Any]]


async def value(result: typing.Any) -> typing.Any:
    return await result if inspect.isawaitable(result) else result


def drive(coroutine: typing.Any) -> typing.Any:
    """Executes a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    finally:
        coroutine.close()
    raise AssertionError("a function of the suite waited in the synchronous dialect")


class Steps:
    """The SDK's steps; counts how often a body is really executed."""

    def __init__(self, app: App, ctx: inngest.Context | inngest.ContextSync) -> None:
        self._app = app
        self._run_id = ctx.run_id
        self._steps = ctx.step

    async def run(self, id: str, body: typing.Callable[..., typing.Any], *arguments: typing.Any, **options: typing.Any):
        def counted(*given: typing.Any) -> typing.Any:
            self._app.executed(self._run_id, id)
            return body(*given)

        return await value(self._steps.run(id, counted, *arguments, **options))

    def __getattr__(self, name: str) -> typing.Callable[..., typing.Awaitable[typing.Any]]:
        async def call(*arguments: typing.Any, **options: typing.Any) -> typing.Any:
            return await value(getattr(self._steps, name)(*arguments, **options))

        return call

    async def infer(self, id: str, **options: typing.Any) -> typing.Any:
        return await value(self._steps.ai.infer(id, **options))


class Context:
    """What a function of the suite is given."""

    def __init__(self, app: App, ctx: inngest.Context | inngest.ContextSync) -> None:
        self.app = app
        self.sdk = ctx
        self.attempt = ctx.attempt
        self.data = ctx.event.data
        self.event = ctx.event
        self.events = ctx.events
        self.logger = ctx.logger
        self.run_id = ctx.run_id
        self.step = Steps(app, ctx)
        app.executed(ctx.run_id, None)

    async def parallel(
        self,
        *branches: typing.Callable[[], typing.Coroutine[typing.Any, typing.Any, typing.Any]],
        mode: inngest.ParallelMode = inngest.ParallelMode.WAIT,
    ) -> tuple[typing.Any, ...]:
        if isinstance(self.sdk, inngest.Context):
            return await self.sdk.group.parallel(branches, parallel_mode=mode)
        driven = tuple((lambda branch=branch: drive(branch())) for branch in branches)
        return self.sdk.group.parallel(driven, parallel_mode=mode)


def asynchronous(app: App, handler: Handler) -> typing.Callable[[inngest.Context], typing.Awaitable[typing.Any]]:
    async def call(ctx: inngest.Context) -> typing.Any:
        return await handler(Context(app, ctx))

    return call


def synchronous(app: App, handler: Handler) -> typing.Callable[[inngest.ContextSync], typing.Any]:
    def call(ctx: inngest.ContextSync) -> typing.Any:
        return drive(handler(Context(app, ctx)))

    return call
