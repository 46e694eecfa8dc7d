"""Searches of an application in this process, without a socket: what a request costs, and of another checkout as well.

``ALONE`` runs it in a process of its own: with another checkout's packages on PYTHONPATH it measures those, since it
needs nothing but the application.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from app.main import create_app, refresh
from indexing.home import default_key
from indexing.settings import Settings

ALONE = f"import asyncio, runpy; asyncio.run(runpy.run_path({__file__!r})['main']())"
"""The program of a process that asks as ``main`` does; its arguments are HOME and BODIES."""


class Client:
    """Asks an application in this process, without a socket."""

    def __init__(self, app, key: str) -> None:
        self._app = app
        self._headers = [(b"authorization", f"Bearer {key}".encode()), (b"content-type", b"application/json")]

    async def post(self, path: str, body: dict) -> dict:
        """The answer to a body; anything but 200 ends the run."""
        content, sent = json.dumps(body).encode(), []
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": self._headers,
            "app": self._app,
            "http_version": "1.1",
            "scheme": "http",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }

        async def receive() -> dict:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: dict) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        answer = b"".join(message.get("body", b"") for message in sent)
        if sent[0]["status"] != 200:
            raise SystemExit(f"{path} answered {sent[0]['status']} to {body}: {answer.decode()}")
        return json.loads(answer)


@asynccontextmanager
async def served_in_process(path: Path) -> AsyncIterator[Client]:
    """A client of a home's application."""
    app = create_app(Settings(home=path, poll_seconds=60.0, log_level="WARNING"))
    async with app.router.lifespan_context(app):
        await asyncio.to_thread(refresh, app.state.services)
        yield Client(app, default_key(app.state.services.home))


async def in_turns(client: Client, bodies: Mapping[str, Sequence[dict]], rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds a search, of the clock and of all cores, for each kind of body; a round asks all of each kind."""
    took: dict[str, list[tuple[float, float]]] = {kind: [] for kind in bodies}
    for number in range(rounds + 1):
        turn = number % len(bodies)
        for kind in [*bodies][turn:] + [*bodies][:turn]:
            wall, cpu = time.perf_counter(), time.process_time()
            for body in bodies[kind]:
                await client.post("/v1/search", body)
            spent = time.perf_counter() - wall, time.process_time() - cpu
            if number:  # the first round encodes
                took[kind].append((spent[0] * 1000 / len(bodies[kind]), spent[1] * 1000 / len(bodies[kind])))
    return {kind: told(each) for kind, each in took.items()}


def told(each: Sequence[tuple[float, float]]) -> dict[str, float]:
    """The median of rounds, and the lowest processor time."""
    wall, cpu = zip(*each, strict=True)
    return {"ms": round(median(wall), 3), "cpu_ms": round(median(cpu), 3), "least_cpu_ms": round(min(cpu), 4)}


async def main() -> None:
    """For each line on standard input ask some bodies once, and print the milliseconds a search of the loop's thread.

    What other threads of the process do meanwhile is not theirs.
    """
    path, bodies = Path(sys.argv[1]), json.loads(sys.argv[2])
    async with served_in_process(path) as client:
        for _ in sys.stdin:
            began = time.thread_time()
            for body in bodies:
                await client.post("/v1/search", body)
            print((time.thread_time() - began) * 1000 / len(bodies), flush=True)
