"""Registration of apps."""


import httpx

import pytest

from suite.api import until
from suite.app import App, Functions


def functions(*names):
    declared = Functions()
    for name in names:
        async def handler(ctx):
            return "called"

        handler.__name__ = name
        declared.function()(handler)
    return declared


@pytest.fixture(params=["fastapi", "flask"])
def new_app(request, server):
    """Serves an app under an id; again with other functions for a later version of it."""
    contexts = []

    def serve(declared, id=None):
        app = App(server, request.param, id=id)
        context = app.serve(declared.of(app))
        context.__enter__()
        contexts.append(context)
        return app

    yield serve
    for context in contexts:
        context.__exit__(None, None, None)


def register_directly(app, *configured, **changes):
    """Posts a registration as the SDK does."""
    url = app.url
    body = {
        "url": url, "deployType": "ping", "framework": "flask", "appName": app.id, "sdk": "py:v0.5.19", "v": "0.1",
        "functions": [
            {
                "id": f"{app.id}-{name}", "name": name, "triggers": [{"event": app.event(name)}],
                "steps": {"step": {"id": "step", "name": "step", "retries": {"attempts": 0},
                                   "runtime": {"type": "http", "url": f"{url}?fnId={app.id}-{name}&stepId=step"}}},
                **options,
            }
            for name, options in configured
        ],
        **changes,
    }
    return app.api.http.post("/fn/register", json=body)


def test_unchanged_is_not_modified(new_app):
    app = new_app(functions("one", "two"))

    first, second = app.register(), app.register()
    assert (first["modified"], second["modified"]) == (True, False)
    assert app.start("one").completed() == app.start("two").completed() == "called"


def test_functions_of_an_app(new_app):
    app = new_app(functions("one", "two"))
    app.register()

    listed = app.api.http.get(f"/v1/apps/{app.id}/functions")
    assert listed.status_code == 200
    assert {function["slug"] for function in listed.json()} == {f"{app.id}-one", f"{app.id}-two"}


def test_what_vanishes_is_archived_and_can_come_back(new_app):
    app = new_app(functions("stays", "goes"))
    app.register()
    assert app.start("goes").completed() == "called"

    later = new_app(functions("stays"), id=app.id)
    assert later.register()["modified"] is True
    event = app.send("goes")
    assert app.start("stays").completed() == "called"
    assert app.api.runs_of_event(event) == []

    again = new_app(functions("stays", "goes"), id=app.id)
    again.register()
    assert again.start("goes").completed() == "called"


def test_an_app_that_moves_is_called_where_it_is(new_app):
    app = new_app(functions("moves"))
    app.register()
    moved = new_app(functions("moves"), id=app.id)
    moved.register()

    # Workers learn of it by a notification: those that are about to call may not have it yet.
    def called():
        run = moved.start("moves")
        assert run.completed() == "called"
        return moved.executions(run) == 1

    until("it is called at its new address", called)


CONFIGURATIONS = {
    "too many triggers": {"triggers": [{"event": f"a/{n}"} for n in range(11)]},
    "no trigger": {"triggers": []},
    "too many cancels": {"cancel": [{"event": f"a/{n}"} for n in range(6)]},
    "cancel without event": {"cancel": [{"if": "true"}]},
    "cancel that is no expression": {"cancel": [{"event": "a/b", "if": "event.data.("}]},
    "trigger that is no expression": {"triggers": [{"event": "a/b", "expression": "event.data.("}]},
    "bad cron": {"triggers": [{"cron": "every day"}]},
    "batch and cancel": {"batchEvents": {"maxSize": 5, "timeout": "5s"}, "cancel": [{"event": "a/b"}]},
    "batch of one": {"batchEvents": {"maxSize": 1, "timeout": "5s"}},
    "three concurrencies": {"concurrency": [{"limit": 1}, {"limit": 2}, {"limit": 3}]},
    "no step": {"steps": {}},
    "url that is no text": {"steps": {"step": {"id": "step", "name": "step", "runtime": {"url": 7}}}},
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_bad_configurations_are_refused_and_the_old_one_stays(new_app, configuration):
    app = new_app(functions("good"))
    app.register()

    answer = register_directly(app, ("good", {}), ("bad", CONFIGURATIONS[configuration]))
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]
    assert app.start("good").completed() == "called"
    assert answer.json().get("ok") is not True


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"text"', b"{}", b'{"functions": 7}', b"\xff\xfe"])
def test_registrations_that_are_none(new_app, body):
    app = new_app(functions("any"))
    answer = app.api.http.post("/fn/register", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


def test_the_case_of_names_does_not_matter(new_app):
    """What SDKs of several languages send."""
    app = new_app(functions("one"))
    answer = register_directly(app, ("one", {"Singleton": None, "concurrency": [], "cancel": None}))

    assert answer.status_code == 200, answer.text
    assert app.start("one").completed() == "called"


def test_an_app_that_is_down_is_called_when_it_is_back(server):
    declared = functions("late")
    app = App(server, "flask")
    with app.serve(declared.of(app)):
        app.register()
    event = app.send("late")
    run = app.runs(event)[0]
    until("a worker has taken it", lambda: run.status in {"RUNNING", "FAILED"})
    # It had no retries: that nobody listens may count as its only try, but it must not hang.
    back = App(server, "flask", id=app.id)
    with back.serve(declared.of(back)):
        back.register()
        until("the run ends", lambda: run.status in {"COMPLETED", "FAILED"})
        # Workers learn of the new address by a notification; a call to the old one was this function's only try.
        until("it is called", lambda: back.start("late").ended()[0] == "COMPLETED")


def test_the_dev_server_says_that_it_is_one(server):
    dev = httpx.get(f"{server.url}/dev")

    assert dev.status_code == 200
    assert isinstance(dev.json()["functions"], list)
    assert httpx.get(f"{server.url}/health").status_code == 200
    # How the SDK's tests learn that the server is there.
    assert httpx.post(f"{server.url}/v0/connect/start").status_code == 200
