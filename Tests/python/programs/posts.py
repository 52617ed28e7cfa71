"""The pattern that this project began with: posts are scheduled, and cancelled before they are due.

Schedules posts and cancels each as soon as the server has acknowledged it; a few others are left alone. Prints what
became of them as JSON, and ends with status 1 if a cancelled post was published or another one was not.
"""

import argparse
import asyncio
import collections
import datetime
import json
import pathlib
import sys
import time

import httpx
import inngest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from suite import hosting  # noqa: E402
from suite.server import Server  # noqa: E402

published: collections.Counter[str] = collections.Counter()


def make_client(server: Server) -> inngest.Inngest:
    return inngest.Inngest(
        app_id="posts",
        api_base_url=server.url,
        event_api_base_url=server.url,
        event_key=server.event_key,
        signing_key=server.signing_key,
        is_production=server.has_keys,
    )


def make_function(client: inngest.Inngest) -> inngest.Function:
    @client.create_function(
        fn_id="publish-post",
        trigger=inngest.TriggerEvent(event="blog/post.scheduled"),
        cancel=[
            inngest.Cancel(event="blog/post.cancelled", if_exp="event.data.post_id == async.data.post_id"),
        ],
    )
    async def publish_post(ctx: inngest.Context) -> str:
        due = datetime.datetime.fromisoformat(ctx.event.data["publish_at"])
        await ctx.step.sleep_until("until it is due", due)

        async def publish() -> str:
            post = ctx.event.data["post_id"]
            published[post] += 1
            return post

        return await ctx.step.run("publish", publish)

    return publish_post


async def outcome(http: httpx.AsyncClient, event: str, deadline: float) -> str:
    """The status of the event's only run, once it has ended."""
    while True:
        runs = (await http.get(f"/v1/events/{event}/runs")).json()["data"]
        if len(runs) == 1 and runs[0]["status"] in {"Completed", "Failed", "Cancelled"}:
            return runs[0]["status"]
        if time.monotonic() > deadline:
            return f"{len(runs)} runs, {[run['status'] for run in runs]}"
        await asyncio.sleep(0.1)


async def scenario(server: Server, client: inngest.Inngest, count: int, controls: int, seconds: float) -> dict:
    limit = asyncio.Semaphore(16)
    late = 0

    async def handle(post: str, cancel: bool) -> str:
        nonlocal late
        async with limit:
            due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
            data = {"post_id": post, "publish_at": due.isoformat()}
            [scheduled] = await client.send(inngest.Event(name="blog/post.scheduled", data=data))
            if cancel:
                await client.send(inngest.Event(name="blog/post.cancelled", data={"post_id": post}))
                if datetime.datetime.now(datetime.timezone.utc) >= due:
                    late += 1
            return scheduled

    cancelled = [f"cancelled-{n}" for n in range(count)]
    kept = [f"kept-{n}" for n in range(controls)]
    started = time.monotonic()
    events = await asyncio.gather(
        *[handle(post, True) for post in cancelled], *[handle(post, False) for post in kept]
    )
    sent_in = time.monotonic() - started
    await asyncio.sleep(seconds)
    headers = {"authorization": f"Bearer {server.signing_key}"} if server.signing_key else {}
    deadline = time.monotonic() + 60
    async with httpx.AsyncClient(
        base_url=server.url, headers=headers, timeout=60, limits=httpx.Limits(max_connections=16)
    ) as http:
        outcomes = await asyncio.gather(*[outcome(http, event, deadline) for event in events])
    return {
        "cancelled": dict(collections.Counter(outcomes[:count])),
        "kept": dict(collections.Counter(outcomes[count:])),
        "published_of_cancelled": sum(published[post] for post in cancelled),
        "published_of_kept": sum(published[post] for post in kept),
        "cancelled_too_late": late,
        "seconds_to_send": round(sent_in, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--controls", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=8, help="from scheduling a post to its publication")
    arguments = parser.parse_args()
    server = Server.from_environment()
    if server is None:
        sys.exit("NIGHTJAR_URL must say where the server is")
    client = make_client(server)
    with hosting.fastapi(client, [make_function(client)]) as port:
        answer = httpx.put(f"http://127.0.0.1:{port}/api/inngest", timeout=30).json()
        if answer.get("ok") is not True:
            sys.exit(f"the app could not register: {answer}")
        result = asyncio.run(
            scenario(server, client, arguments.count, arguments.controls, arguments.seconds)
        )
    print(json.dumps(result))
    good = (
        result["cancelled"] == {"Cancelled": arguments.count}
        and result["kept"] == {"Completed": arguments.controls}
        and result["published_of_cancelled"] == result["cancelled_too_late"] == 0
        and result["published_of_kept"] == arguments.controls
    )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
