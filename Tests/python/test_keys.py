"""A server and apps with keys: who may call whom."""

import hashlib
import hmac
import json
import os
import re
import time

import httpx
import inngest
import pytest

from suite.api import until
from suite.app import App, Functions

pytestmark = pytest.mark.keys

functions = Functions()
OTHER_KEY = "signkey-prod-" + "ab" * 32


@functions.function()
async def adds(ctx):
    return await ctx.step.run("add", lambda: ctx.data["a"] + 1)


@functions.function(retries=0)
async def large_state(ctx):
    for n in range(3):
        await ctx.step.run(f"large {n}", lambda: "x" * (2 * 1024 * 1024))
    return "fetched"


@functions.function()
async def sends(ctx):
    return await ctx.step.send_event("send", inngest.Event(name=ctx.app.event("nobody")))


def secret(key):
    return re.sub(r"^signkey-\w+-", "", key)


def hashed(key):
    return hashlib.sha256(bytes.fromhex(secret(key))).hexdigest()


def signature(key, body, when=None):
    when = int(when or time.time())
    mac = hmac.new(secret(key).encode(), body + str(when).encode(), hashlib.sha256)
    return f"t={when}&s={mac.hexdigest()}"


def test_calls_are_signed_and_accepted(app):
    run = app.start("adds", {"a": 1})

    assert run.completed() == 2
    assert app.executions(run, "add") == 1


def test_signed_numbers_and_texts(app):
    """The signature is over canonical JSON: every number and every character must be written as the SDK expects."""
    data = {"a": 1.5, "b": [1.5e300, 0.1, 1e-7, 1e21, 123456789012345680000, -0.0, 5e-324, 2**53], "ü€\u2028": "\u001f/\\\"é𝄞",
            "😀": 1, "z": None, "A": True}
    run = app.start("adds", data)

    assert run.completed() == 2.5


def test_an_app_fetches_large_state_with_its_key(app):
    assert app.start("large-state").completed(60) == "fetched"


def test_an_app_sends_events_with_its_event_key(app):
    [id] = app.start("sends").completed()

    assert len(id) == 26


def test_the_app_refuses_a_server_with_another_key(server):
    """The app's key has changed since it registered: its calls fail, and nothing is executed."""
    app = App(server, "fastapi")
    with app.serve(functions.of(app)):
        app.register()
        stranger = App(server, "fastapi", id=app.id, client={"signing_key": OTHER_KEY})
        with stranger.serve(functions.of(stranger)):
            body = json.dumps(
                {
                    "ctx": {"attempt": 0, "disable_immediate_execution": False, "run_id": "r", "stack": {"stack": []}},
                    "event": {"name": "a", "data": {}}, "events": [], "steps": {}, "use_api": False,
                },
                sort_keys=True, separators=(",", ":"),
            ).encode()
            call = f"{stranger.url}?fnId={app.id}-sends&stepId=step"
            answer = httpx.post(call, content=body, headers={"x-inngest-signature": signature(server.signing_key, body)})
            assert answer.status_code == 401, "the SDK itself refuses it"


def test_a_run_of_an_app_with_another_key_executes_nothing(server):
    app = App(server, "flask")
    with app.serve(functions.of(app)):
        app.register()
        url = app.url
    # The same address, another key: what registered is no longer what is called.
    stranger = App(server, "fastapi", id=app.id, client={"signing_key": OTHER_KEY})
    with stranger.serve(functions.of(stranger), port=int(url.split(":")[2].split("/")[0])):
        run = app.start("adds", {"a": 1})
        output = run.failed()

    assert "401" in json.dumps(output) or "nauthorized" in json.dumps(output)
    assert stranger.executions(run) == 0


def test_an_app_with_another_key_cannot_register(server):
    app = App(server, "flask", client={"signing_key": OTHER_KEY})
    with app.serve(functions.of(app)):
        answer = app.put()

        # This SDK passes on what the server said, and not its status.
        assert answer.json().get("ok") is not True
        assert "key" in answer.text.lower() or "authorized" in answer.text.lower()
        event = App(server, "flask", id=app.id).send("adds", {"a": 1})
    assert App(server, "flask", id=app.id).api.runs_of_event(event) == []


def test_events_need_a_key(app):
    event = {"name": app.event("nobody")}

    assert httpx.post(f"{app.server.url}/e/wrong", json=event).status_code == 401
    assert httpx.post(f"{app.server.url}/e/{app.server.event_key}", json=event).status_code == 200


@pytest.mark.parametrize("path", ["/v1/events", "/v1/apps/none/functions", "/v0/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/actions"])
def test_the_api_needs_the_signing_key_in_any_of_its_forms(app, path):
    key = app.server.signing_key
    forms = [key, secret(key), hashed(key), key.replace(secret(key), hashed(key))]

    def status(token):
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return httpx.get(app.server.url + path, headers=headers).status_code

    assert [status(form) for form in forms] == [status(key)] * 4
    assert status(key) != 401
    assert [status(form) for form in (None, "x", OTHER_KEY, hashed(OTHER_KEY), key[:-1], key + "0")] == [401] * 6


def test_registration_needs_the_signing_key(app):
    answer = httpx.post(f"{app.server.url}/fn/register", json={"url": app.url, "appName": app.id, "functions": []})

    assert answer.status_code == 401


def test_the_app_answers_a_signed_in_band_sync(app):
    """What the server asks when it is told of an app: that our signature is accepted there."""
    body = json.dumps({"url": app.url}, separators=(",", ":")).encode()
    headers = {
        "content-type": "application/json",
        "x-inngest-server-kind": "cloud",
        "x-inngest-sync-kind": "in_band",
        "x-inngest-signature": signature(app.server.signing_key, body),
    }
    answer = httpx.put(app.url, content=body, headers=headers)
    assert answer.status_code == 200 and answer.headers["x-inngest-sync-kind"] == "in_band"



def test_an_app_that_the_server_was_told_of_is_synced_when_it_comes(server):
    url = os.environ.get("NIGHTJAR_APP_URL")
    if not url:
        pytest.skip("NIGHTJAR_APP_URL must be what the server was given as --app")
    app = App(server, "fastapi")
    with app.serve(functions.of(app), port=int(url.split(":")[2].split("/")[0]), serve_path="/api/of-the-command-line"):
        listed = until(
            "the server has synced the app",
            lambda: (answer := app.api.http.get(f"/v1/apps/{app.id}/functions")).status_code == 200 and answer.json(),
        )
        assert len(listed) == 3
        assert app.start("adds", {"a": 2}).completed() == 3


def test_this_is_no_dev_server(app):
    assert httpx.get(f"{app.server.url}/dev").status_code == 404


def test_keys_are_not_told(app):
    for path in ("/health", "/v1/events", f"/v1/apps/{app.id}/functions"):
        text = app.api.http.get(path).text
        assert secret(app.server.signing_key) not in text and hashed(app.server.signing_key) not in text
        assert app.server.event_key not in text
