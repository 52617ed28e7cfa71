"""Starts Nightjar and the app, schedules posts, changes its mind about some of them, and looks whether each was
published when it should have been and never otherwise. Ends with status 1 if not.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import typing

import httpx


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def program(log: pathlib.Path, url: str, *command: str, **options: typing.Any) -> typing.Iterator[None]:
    """A program that answers at a URL; it is told to end, and waited for, with the `with` statement."""
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **options)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(url).is_success:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{' '.join(command)} does not answer at {url}:\n{log.read_text()}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(30)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def run(blog: httpx.Client, nightjar: httpx.Client) -> bool:
    start = now()
    outcomes: list[tuple[str, str, float | None, list[str]]] = []
    events: dict[str, list[str]] = {}

    def tell(text: str) -> None:
        print(f"{(now() - start).total_seconds():5.1f} s  {text}", flush=True)

    def schedule(post: str, seconds: float) -> None:
        due = start + datetime.timedelta(seconds=seconds)
        answer = blog.put(f"/posts/{post}", json={"publish_at": due.isoformat()}).raise_for_status().json()
        events.setdefault(post, []).append(answer["event"])
        tell(f"{post}: scheduled for {seconds:.0f} s")

    schedule("hello", 3)
    schedule("secret", 3)
    schedule("launch", 2)
    schedule("launch", 5)
    blog.delete("/posts/secret").raise_for_status()
    tell("secret: cancelled")

    # (post, what was done, when it is due, what its runs must become)
    expected = [
        ("hello", "scheduled", 3.0, ["Completed"]),
        ("secret", "scheduled, cancelled", None, ["Cancelled"]),
        ("launch", "scheduled, rescheduled", 5.0, ["Cancelled", "Completed"]),
    ]

    def statuses(post: str) -> list[str]:
        runs = [nightjar.get(f"/v1/events/{event}/runs").raise_for_status().json()["data"] for event in events[post]]
        return [run["status"] for found in runs for run in found]

    told: set[str] = set()
    while (now() - start).total_seconds() < 30:
        for post in blog.get("/posts").json():
            if post not in told:
                told.add(post)
                tell(f"{post}: published")
        if now() - start > datetime.timedelta(seconds=6) and all(statuses(post) == want for post, _, _, want in expected):
            break
        time.sleep(0.1)

    published = {post: datetime.datetime.fromisoformat(at) for post, at in blog.get("/posts").json().items()}
    good = True
    print(f"\n{'POST':<9}{'WHAT WAS DONE':<25}{'RUNS':<24}{'PUBLISHED':<15}")
    for post, done, due, want in expected:
        at = published.get(post)
        after = None if at is None else (at - start).total_seconds()
        right = statuses(post) == want and (after is None if due is None else after is not None and due <= after < due + 5)
        good = good and right
        print(
            f"{post:<9}{done:<25}{', '.join(statuses(post)).lower():<24}"
            f"{'–' if after is None else f'after {after:.1f} s':<15}{'as promised' if right else 'NOT AS PROMISED'}"
        )
    print("\nEverything is as promised." if good else "\nSomething is not as promised.")
    return good


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nightjar", default="nightjar", help="the program")
    arguments = parser.parse_args()
    here = pathlib.Path(__file__).parent
    with tempfile.TemporaryDirectory(prefix="nightjar-demo-") as name:
        directory = pathlib.Path(name)
        # PostgreSQL runs as a user of its own when we are root.
        directory.chmod(0o755)
        server, blog = free_port(), free_port()
        server_url, blog_url = f"http://127.0.0.1:{server}", f"http://127.0.0.1:{blog}"
        dev = [arguments.nightjar, "dev", "--port", str(server)]
        serve = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(blog)]
        environment = {**os.environ, "INNGEST_DEV": server_url}
        print("starting nightjar and the app", flush=True)
        with (
            program(directory / "nightjar.log", f"{server_url}/health", *dev, cwd=directory),
            program(directory / "blog.log", f"{blog_url}/posts", *serve, cwd=here, env=environment),
        ):
            httpx.put(f"{blog_url}/api/inngest", timeout=30).raise_for_status()
            with httpx.Client(base_url=blog_url) as blog_client, httpx.Client(base_url=server_url) as client:
                good = run(blog_client, client)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
