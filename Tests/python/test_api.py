"""REST, as documentation and other people's tools use it."""

import datetime

import httpx
import pytest

from suite.api import until
from suite.app import Functions

pytestmark = pytest.mark.both

functions = Functions()


@functions.function()
async def doubles(ctx):
    return await ctx.step.run("double", lambda: ctx.data["n"] * 2)


@functions.function()
async def sleeps(ctx):
    await ctx.step.sleep("long", datetime.timedelta(minutes=10))


def test_from_an_event_to_its_output(app):
    """The documented way: send, ask for the event's runs until they have ended, read the output."""
    key = app.server.event_key or "any"
    sent = httpx.post(f"{app.server.url}/e/{key}", json={"name": app.event("doubles"), "data": {"n": 21}})
    assert sent.status_code == 200
    assert set(sent.json()) == {"ids", "status"}
    [event] = sent.json()["ids"]

    def ended():
        runs = app.api.http.get(f"/v1/events/{event}/runs").json()["data"]
        return [run for run in runs if run["status"] in {"Completed", "Failed", "Cancelled"}] or None

    [run] = until("the run ends", ended)
    assert run["status"] == "Completed"
    assert run["output"] == 42
    assert run["event_id"] == event
    assert run["ended_at"] and run["run_started_at"]

    one = app.api.http.get(f"/v1/runs/{run['run_id']}").json()
    assert one["data"]["run_id"] == run["run_id"]
    assert "fetched_at" in one["metadata"]


def test_events(app):
    id = app.send("doubles", {"n": 1}, id="own-" + app.id)
    found = app.api.http.get("/v1/events", params={"name": app.event("doubles")}).json()["data"]

    [event] = [event for event in found if event["internal_id"] == id]
    assert event["id"] == "own-" + app.id
    assert event["data"] == {"n": 1}
    assert app.api.http.get(f"/v1/events/{id}").json()["data"]["internal_id"] == id


def test_invoking_by_request(app):
    answer = httpx.post(f"{app.server.url}/invoke/{app.id}-doubles", json={"data": {"n": 4}}, headers=app.api.http.headers)
    assert answer.status_code == 200, answer.text

    def output():
        runs = app.api.http.get(f"/v1/events/{answer.json()['id']}/runs").json()["data"]
        return [run["output"] for run in runs if run["status"] == "Completed"] or None

    assert until("the invoked function ends", output) == [8]


def test_rerun(app):
    run = app.start("doubles", {"n": 5})
    assert run.completed() == 10
    answer = app.api.http.post(f"/api/v2/runs/{run.id}/rerun", json={})
    assert answer.status_code in {200, 201}, answer.text

    again = type(run)(app.api, answer.json()["data"]["runId"])
    assert again.id != run.id
    assert again.completed() == 10


def test_cancelling_twice(app):
    run = app.start("sleeps")
    first = app.api.http.post(f"/api/v2/runs/{run.id}/cancel")
    assert first.status_code in {200, 201}, first.text
    run.cancelled()
    again = app.api.http.post(f"/api/v2/runs/{run.id}/cancel")

    assert again.status_code == 409
    assert again.json()["errors"][0]["code"] == "run_already_cancelled"


@pytest.mark.parametrize(
    "path", ["/v1/runs/{}", "/v1/events/{}", "/v1/runs/{}/jobs", "/v1/nothing", "/nothing", "/api/v2/runs/{}"]
)
def test_what_is_not_there(app, path):
    answer = app.api.http.get(path.format("01ARZ3NDEKTSV4RRFFQ69G5FAV"))

    assert answer.status_code == 404
    assert answer.json()["error" if "v2" not in path else "errors"]


@pytest.mark.parametrize("path", ["/v1/runs/abc", "/v1/events?limit=x", "/v1/events?cursor=x"])
def test_what_cannot_be(app, path):
    answer = app.api.http.get(path)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_signal_that_nobody_waits_for(app):
    assert app.api.http.post("/v1/signals", json={"signal": "nobody", "data": 1}).status_code == 404


def test_graphql_errors_are_answers(app):
    answer = app.api.http.post("/v0/gql", json={"query": "{ nonsense { x } }"})

    assert answer.status_code in {200, 400, 422}
    assert answer.json()["errors"]


def test_openapi(app):
    document = app.api.http.get("/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    assert {"/v1/events", "/v1/cancellations", "/e/{key}"} <= set(document["paths"])

