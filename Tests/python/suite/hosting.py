"""Real web servers on loopback, each in a thread of its own, serving functions by the SDK's adapter for a framework."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import threading
import typing

import inngest

from .server import free_port

Functions = list[inngest.Function[typing.Any]]


@contextlib.contextmanager
def fastapi(
    client: inngest.Inngest, functions: Functions, port: int | None = None, **options: typing.Any
) -> typing.Iterator[int]:
    import fastapi
    import inngest.fast_api
    import uvicorn

    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, client, functions, **options)
    port = port or free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "uvicorn did not start"
        thread.join(0.005)
    try:
        yield port
    finally:
        # Requests of runs that a test has left behind are not waited for.
        server.should_exit = server.force_exit = True
        thread.join(10)


@contextlib.contextmanager
def _wsgi(app: typing.Any) -> typing.Iterator[int]:
    import werkzeug.serving

    class Quiet(werkzeug.serving.WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *_: typing.Any, **__: typing.Any) -> None:
            pass

    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    server.block_on_close = False  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextlib.contextmanager
def flask(client: inngest.Inngest, functions: Functions, **options: typing.Any) -> typing.Iterator[int]:
    import flask
    import inngest.flask

    app = flask.Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = None
    inngest.flask.serve(app, client, functions, **options)
    with _wsgi(app) as port:
        yield port


@contextlib.contextmanager
def django(client: inngest.Inngest, functions: Functions, **options: typing.Any) -> typing.Iterator[int]:
    import django
    import django.conf
    import django.core.handlers.wsgi
    import inngest.django

    if not django.conf.settings.configured:
        django.conf.settings.configure(
            ALLOWED_HOSTS=["*"],
            DATA_UPLOAD_MAX_MEMORY_SIZE=None,
            ROOT_URLCONF=__name__,
            SECRET_KEY="of the tests",  # noqa: S106
        )
        django.setup()
    urlpatterns.append(inngest.django.serve(client, functions, **options))
    django.urls.clear_url_caches()
    with _wsgi(django.core.handlers.wsgi.WSGIHandler()) as port:
        yield port
    urlpatterns.clear()


# Django takes them from the module that ROOT_URLCONF names.
urlpatterns: list[typing.Any] = []


@contextlib.contextmanager
def tornado(client: inngest.Inngest, functions: Functions, **options: typing.Any) -> typing.Iterator[int]:
    import inngest.tornado
    import tornado.web

    port = free_port()
    listening, loop = threading.Event(), asyncio.new_event_loop()

    def run() -> None:
        asyncio.set_event_loop(loop)
        app = tornado.web.Application()
        inngest.tornado.serve(app, client, functions, **options)
        app.listen(port, "127.0.0.1")
        loop.call_soon(listening.set)
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert listening.wait(10), "tornado did not start"
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@contextlib.contextmanager
def json_service(
    answer: typing.Callable[[str, dict[str, str], typing.Any], tuple[int, typing.Any]],
) -> typing.Iterator[str]:
    """A JSON service of somebody else, which functions call: `answer(path, headers, body)` gives status and body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, reply = answer(self.path, headers, json.loads(body))
            data = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: typing.Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


FRAMEWORKS = {"fastapi": fastapi, "flask": flask, "django": django, "tornado": tornado}
# Those whose handlers the SDK calls as coroutines.
ASYNC = {"fastapi"}
