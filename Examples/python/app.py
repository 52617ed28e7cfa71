"""A blog whose posts are published when they are due, and can be rescheduled and cancelled until then.

Written for Inngest's own Python SDK; nothing in it knows Nightjar. The environment says where the server is:
INNGEST_DEV=http://127.0.0.1:8288.
"""

import datetime
import logging

import fastapi
import inngest
import inngest.fast_api
import pydantic

client = inngest.Inngest(app_id="blog", logger=logging.getLogger("uvicorn.error"))
app = fastapi.FastAPI()
published: dict[str, datetime.datetime] = {}


def same_post(event: str) -> inngest.Cancel:
    """Cancels the runs whose own event named the same post."""
    return inngest.Cancel(event=event, if_exp="event.data.post_id == async.data.post_id")


@client.create_function(
    fn_id="publish-post",
    trigger=inngest.TriggerEvent(event="blog/post.scheduled"),
    # A newer schedule replaces this one: an event cancels only runs of earlier events.
    cancel=[same_post("blog/post.cancelled"), same_post("blog/post.scheduled")],
)
async def publish_post(ctx: inngest.Context) -> str:
    post_id = str(ctx.event.data["post_id"])
    publish_at = datetime.datetime.fromisoformat(str(ctx.event.data["publish_at"]))

    # Until then the run is a row in PostgreSQL, and neither this app nor the server needs to stay up.
    await ctx.step.sleep_until("wait-for-publish-time", publish_at)

    async def publish() -> str:
        published[post_id] = datetime.datetime.now(datetime.timezone.utc)
        return published[post_id].isoformat()

    return await ctx.step.run("publish-post", publish)


inngest.fast_api.serve(app, client, [publish_post])


class Schedule(pydantic.BaseModel):
    publish_at: datetime.datetime


@app.put("/posts/{post_id}")
async def schedule(post_id: str, schedule: Schedule) -> dict[str, str]:
    """Schedules a post, or reschedules it."""
    data = {"post_id": post_id, "publish_at": schedule.publish_at.isoformat()}
    [event] = await client.send(inngest.Event(name="blog/post.scheduled", data=data))
    return {"event": event}


@app.delete("/posts/{post_id}")
async def cancel(post_id: str) -> dict[str, str]:
    [event] = await client.send(inngest.Event(name="blog/post.cancelled", data={"post_id": post_id}))
    return {"event": event}


@app.get("/posts")
async def posts() -> dict[str, datetime.datetime]:
    """What has been published, and when."""
    return published
