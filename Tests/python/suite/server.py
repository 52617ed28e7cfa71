"""The server under test: given by the environment, or a `nightjar dev` of our own."""

import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

import httpx

ROOT = pathlib.Path(__file__).resolve().parents[3]


@dataclasses.dataclass(frozen=True)
class Server:
    """Where the server is, and the keys that it knows: none in dev mode."""

    url: str
    signing_key: str | None = None
    event_key: str | None = None

    @property
    def has_keys(self) -> bool:
        return self.signing_key is not None

    def http(self) -> httpx.Client:
        """A client that may use the whole API."""
        headers = {"authorization": f"Bearer {self.signing_key}"} if self.signing_key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    @classmethod
    def from_environment(cls) -> "Server | None":
        """The server that NIGHTJAR_URL names, with NIGHTJAR_SIGNING_KEY and NIGHTJAR_EVENT_KEY if it has keys."""
        url = os.environ.get("NIGHTJAR_URL")
        if not url:
            return None
        return cls(url, os.environ.get("NIGHTJAR_SIGNING_KEY"), os.environ.get("NIGHTJAR_EVENT_KEY"))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class DevServer:
    """`nightjar dev` with a database of its own; it ends with the `with` statement."""

    def __init__(self) -> None:
        self.server = Server(f"http://127.0.0.1:{free_port()}")

    def __enter__(self) -> Server:
        self._directory = tempfile.TemporaryDirectory(prefix="nightjar-python-")
        # PostgreSQL runs as a user of its own when we are root.
        pathlib.Path(self._directory.name).chmod(0o755)
        program = os.environ.get("NIGHTJAR", str(ROOT / ".build/debug/nightjar"))
        port = self.server.url.rsplit(":", 1)[1]
        self._process = subprocess.Popen(
            [program, "dev", "--port", port],
            cwd=self._directory.name,
            stdout=open(f"{self._directory.name}/output", "wb"),
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.server.url}/health").status_code == 200:
                    return self.server
            except httpx.HTTPError:
                pass
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        output = open(f"{self._directory.name}/output").read()
        self.__exit__()
        raise RuntimeError(f"{program} dev does not answer:\n{output}")

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=60)
        self._directory.cleanup()
