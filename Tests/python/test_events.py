"""What is sent, what arrives, and what is refused."""

import datetime
import time
import uuid

import httpx
import inngest
import pytest

from suite.api import until
from suite.app import Functions

functions = Functions()


def event_as_seen(ctx):
    return {"id": ctx.event.id, "name": ctx.event.name, "ts": ctx.event.ts, "data": dict(ctx.event.data)}


@functions.function()
async def sees(ctx):
    return {
        "event": event_as_seen(ctx),
        "events": [event.id for event in ctx.events],
        "run": ctx.run_id,
        "attempt": ctx.attempt,
    }


@functions.function(lambda app: {"trigger": inngest.TriggerEvent(event=app.event("sees"))})
async def sees_too(ctx):
    return "too"


@functions.function()
async def starts(ctx):
    return await ctx.step.run("when", lambda: time.time())


def test_an_event_arrives_as_it_was_sent(app):
    own = f"own-{uuid.uuid4()}"
    ts = int(time.time() * 1000) - 5000
    data = {"deep": {"er": [1, 2.5, None, "ü"]}, "empty": {}, "zero": 0}
    event = app.send("sees", data, id=own, ts=ts)

    outputs = [run.completed() for run in app.runs(event, 2)]
    [seen] = [output for output in outputs if output != "too"]
    assert seen["event"] == {"id": own, "name": app.event("sees"), "ts": ts, "data": data}
    assert seen["events"] == [own]
    assert seen["attempt"] == 0


def test_an_event_without_id_and_time_gets_both(app):
    before = int(time.time() * 1000)
    event = app.send("sees")

    runs = {run.id: run.completed() for run in app.runs(event, 2)}
    [(run, seen)] = [(id, output) for id, output in runs.items() if output != "too"]
    assert seen["run"] == run
    assert seen["event"]["id"] == event
    assert before - 1000 <= seen["event"]["ts"] <= int(time.time() * 1000) + 1000
    assert seen["event"]["data"] == {}


def test_payloads_of_a_run(app):
    run = app.runs(app.send("sees", {"n": 1}), 2)[0]

    [payload] = run.payloads()
    assert payload["name"] == app.event("sees")
    assert payload["data"] == {"n": 1}


def test_ids_are_ulids_in_the_order_of_the_events(app):
    ids = app.client.send_sync([inngest.Event(name=app.event("nobody"), data={"n": n}) for n in range(20)])

    assert len(set(ids)) == 20
    assert all(len(id) == 26 for id in ids)
    for n, id in enumerate(ids[:3]):
        event = app.api.http.get(f"/v1/events/{id}").json()["data"]
        assert event["internal_id"] == id
        assert event["data"] == {"n": n}


def test_the_same_id_again_starts_nothing(app):
    own = f"once-{uuid.uuid4()}"
    first = app.send("starts", id=own)
    run = app.runs(first)[0]
    run.completed()
    second = app.send("starts", id=own)

    assert second != first or app.api.runs_of_event(second) == [run]
    third = app.start("starts", id=own + "-other")
    third.completed()
    runs = [run for id in (first, second) for run in app.api.runs_of_event(id)]
    assert {found.id for found in runs} == {run.id}
    assert app.executions(run, "when") == 1


def test_the_same_seed_again_is_the_same_request(app):
    seed = f"{int(time.time() * 1000)},{'QUJDREVGR0hJSg=='}"
    body = [{"name": app.event("starts"), "data": {"n": n, "of": str(uuid.uuid4())}} for n in range(2)]
    key = app.server.event_key or "any"

    answers = [
        httpx.post(f"{app.server.url}/e/{key}", json=body, headers={"x-inngest-event-id-seed": seed})
        for _ in range(3)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    ids = answers[0].json()["ids"]
    assert all(answer.json() == {"ids": ids, "status": 200} for answer in answers)
    for id in ids:
        app.runs(id)[0].completed()
    assert [len(app.api.runs_of_event(id)) for id in ids] == [1, 1]


def test_a_future_ts_delays_the_run(app):
    due = time.time() + 2
    event = app.send("starts", ts=int(due * 1000))

    run = app.runs(event)[0]
    assert app.executions(run) == 0
    assert run.completed() >= due - 0.01


@pytest.mark.parametrize(
    "event",
    [
        {"name": "inngest/function.finished"},
        {"name": "INNGEST/x"},
        {"name": ""},
        {"data": {}},
        {"name": 3},
        {"name": "a/b", "data": "text"},
        {"name": "a/b", "data": [1]},
        {"name": "a/b", "ts": "yesterday"},
        {"name": "a/b", "id": 7},
        {"name": "n" * 513},
        "text",
        7,
        None,
    ],
    ids=str,
)
def test_refused_events(app, event):
    key = app.server.event_key or "any"
    answer = httpx.post(f"{app.server.url}/e/{key}", json=event)

    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body["error"] and body["status"] == 400


def test_one_bad_event_refuses_its_whole_request(app):
    key = app.server.event_key or "any"
    name = app.event(f"whole-{uuid.uuid4()}")
    answer = httpx.post(f"{app.server.url}/e/{key}", json=[{"name": name}, {"name": "inngest/x"}, {"name": name}])

    assert answer.status_code == 400
    assert app.api.http.get("/v1/events", params={"name": name}).json()["data"] == []


def test_the_sdk_says_what_was_refused(app):
    with pytest.raises(Exception, match="inngest/"):
        app.client.send_sync(inngest.Event(name="inngest/reserved"))


def test_data_of_three_megabytes_arrives_and_of_four_does_not(app):
    big = {"text": "x" * (3 * 1024 * 1024 - 500)}
    outputs = [run.completed() for run in app.runs(app.send("sees", big), 2)]
    [seen] = [output for output in outputs if output != "too"]
    assert seen["event"]["data"] == big

    with pytest.raises(Exception):
        app.send("sees", {"text": "x" * (4 * 1024 * 1024)})


def test_five_thousand_events_in_one_request(app):
    name = app.event("bulk")
    ids = app.client.send_sync([inngest.Event(name=name, data={"n": n}) for n in range(5000)])
    assert len(set(ids)) == 5000

    with pytest.raises(Exception):
        app.client.send_sync([inngest.Event(name=name) for _ in range(5001)])


def test_ts_must_be_a_time_of_ours(app):
    year = {"1969": -1000, "2200": int(datetime.datetime(2200, 1, 1).timestamp() * 1000)}
    for ts in year.values():
        with pytest.raises(Exception):
            app.send("starts", ts=ts)
    event = app.send("starts", ts=int(datetime.datetime(1990, 1, 1).timestamp() * 1000))
    until("an old event starts a run at once", lambda: app.runs(event)[0].status == "COMPLETED")
