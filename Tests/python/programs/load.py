"""An app under load, for tests that kill servers and workers meanwhile.

Sends events for some seconds and writes the id of each that was acknowledged to a file, a line each; serves a function
of three steps that writes each execution of a step to another file, as `RUN STEP TOKEN`, before it returns the token.
Says "sent" and how many when it has sent all, and goes on serving until its standard input ends.
"""

import argparse
import asyncio
import pathlib
import sys
import time
import uuid

import httpx
import inngest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from suite import hosting  # noqa: E402
from suite.server import Server  # noqa: E402


def make_function(client: inngest.Inngest, journal) -> inngest.Function:
    @client.create_function(fn_id="three-steps", retries=20, trigger=inngest.TriggerEvent(event="load/three-steps"))
    async def three_steps(ctx: inngest.Context) -> list[str]:
        tokens: list[str] = []
        for name in ("one", "two", "three"):

            async def execute(name: str = name) -> str:
                token = str(uuid.uuid4())
                journal.write(f"{ctx.run_id} {name} {token}\n")
                await asyncio.sleep(0.01)
                return token

            tokens.append(await ctx.step.run(name, execute))
        return tokens

    return three_steps


async def send(client: inngest.Inngest, seconds: float, rate: float, accepted) -> tuple[int, int]:
    """Sends one event after another from several senders; an event counts as accepted when the server said so."""
    until = time.monotonic() + seconds
    counts = [0, 0]
    senders = 8

    async def sender() -> None:
        while time.monotonic() < until:
            try:
                for id in await client.send(inngest.Event(name="load/three-steps", data={})):
                    accepted.write(id + "\n")
                    counts[0] += 1
            except Exception as error:  # noqa: BLE001 - whatever the SDK says after its own retries: not accepted
                print(f"refused: {error!r}", flush=True)
                counts[1] += 1
            await asyncio.sleep(senders / rate)

    await asyncio.gather(*[sender() for _ in range(senders)])
    return counts[0], counts[1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, default=60, help="events a second at most")
    parser.add_argument("--accepted", required=True)
    parser.add_argument("--journal", required=True)
    arguments = parser.parse_args()
    server = Server.from_environment()
    if server is None:
        sys.exit("NIGHTJAR_URL must say where the server is")
    client = inngest.Inngest(
        app_id="load",
        api_base_url=server.url,
        event_api_base_url=server.url,
        event_key=server.event_key,
        signing_key=server.signing_key,
        is_production=server.has_keys,
    )
    # Unbuffered lines: what is in the files has happened, whenever somebody reads them.
    with open(arguments.journal, "w", buffering=1) as journal, open(arguments.accepted, "w", buffering=1) as accepted:
        with hosting.fastapi(client, [make_function(client, journal)]) as port:
            answer = httpx.put(f"http://127.0.0.1:{port}/api/inngest", timeout=30).json()
            if answer.get("ok") is not True:
                sys.exit(f"the app could not register: {answer}")
            print("ready", flush=True)
            good, bad = asyncio.run(send(client, arguments.seconds, arguments.rate, accepted))
            print(f"sent {good} refused {bad}", flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
