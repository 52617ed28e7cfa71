"""Inference: the request is made by the server, so that nobody waits for it."""

import pytest
from inngest.experimental import ai

from suite.app import Functions
from suite.hosting import json_service

functions = Functions()


@functions.function()
async def asks(ctx):
    adapter = ai.openai.Adapter(
        auth_key="sk-of-the-test", base_url=ctx.data["url"], headers={"x-extra": "extra"}, model="small"
    )
    return await ctx.step.infer("ask", adapter=adapter, body={"messages": [{"role": "user", "content": "Hello"}]})


@functions.function()
async def asks_anthropic(ctx):
    adapter = ai.anthropic.Adapter(auth_key="key-of-the-test", base_url=ctx.data["url"], model="small")
    return await ctx.step.infer("ask", adapter=adapter, body={"max_tokens": 3, "messages": []})


@pytest.fixture
def provider():
    asked = []

    def answer(path, headers, body):
        asked.append((path, headers, body))
        if body.get("messages") == []:
            return 200, {"content": [], "path": path}
        return 200, {"choices": [{"message": {"content": "Good day"}}]}

    with json_service(answer) as url:
        yield url, asked


def test_openai(app, provider):
    url, asked = provider
    run = app.start("asks", {"url": f"{url}/v1"})

    assert run.completed() == {"choices": [{"message": {"content": "Good day"}}]}
    [(path, headers, body)] = asked
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == "Bearer sk-of-the-test"
    assert headers["x-extra"] == "extra"
    assert body == {"messages": [{"role": "user", "content": "Hello"}], "model": "small"}


def test_anthropic(app, provider):
    url, asked = provider
    output = app.start("asks-anthropic", {"url": url}).completed()

    assert output == {"content": [], "path": asked[0][0]}
    assert asked[0][1]["x-api-key"] == "key-of-the-test"


def test_a_provider_that_refuses(app):
    with json_service(lambda *_: (400, {"error": "no such model"})) as url:
        output = app.start("asks", {"url": url}).failed(60)

    assert "400" in str(output) or "no such model" in str(output)
