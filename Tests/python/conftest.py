"""Fixtures: the server under test, and each module's functions served by two frameworks, one of each dialect."""

from __future__ import annotations

import typing

import httpx
import pytest

from suite.app import App
from suite.server import DevServer, Server


@pytest.fixture(scope="session")
def server() -> typing.Iterator[Server]:
    if given := Server.from_environment():
        try:
            httpx.get(f"{given.url}/health", timeout=30).raise_for_status()
        except httpx.HTTPError as error:
            pytest.exit(f"there is no server at {given.url}: {error}", returncode=1)
        yield given
    else:
        with DevServer() as started:
            yield started


@pytest.fixture(scope="module", params=["fastapi", "flask"])
def app(request: pytest.FixtureRequest, server: Server) -> typing.Iterator[App]:
    """The module's `functions`, served and registered."""
    app = App(server, request.param, client=getattr(request.module, "client_options", dict)())
    with app.serve(request.module.functions.of(app)):
        app.register()
        yield app


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what needs another kind of server than the one that is given."""
    given = Server.from_environment()
    has_keys = given is not None and given.has_keys
    chosen = [
        item for item in items
        if item.get_closest_marker("both") or has_keys == (item.get_closest_marker("keys") is not None)
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = sorted(chosen, key=lambda item: item.get_closest_marker("slow") is None)
