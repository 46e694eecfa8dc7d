"""A real HTTP server on this machine that speaks the protocol of chat completions, for whatever a test makes it say."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """What the server sends: ``text`` inside a completion, or ``body`` as it is; nothing at all where it hangs up."""

    text: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    finish_reason: str = "stop"
    hangs_up: bool = False
    waits: bool = False  # until the server is stopped

    def content(self) -> bytes:
        if self.body is not None:
            return self.body
        message = {"role": "assistant", "content": self.text}
        choices = [{"index": 0, "message": message, "finish_reason": self.finish_reason}]
        usage = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}
        return json.dumps({"id": "1", "object": "chat.completion", "choices": choices, "usage": usage}).encode()


@dataclass
class JudgeServer:
    """Where it listens, and what it was sent: bodies and headers in the order of arrival."""

    url: str = ""
    bodies: list[dict] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0


@contextmanager
def judge_server(answer: Callable[[dict, int], Answer]) -> Iterator[JudgeServer]:
    """Serve; ``answer`` gets the body of each request and how many came before it."""
    told, lock, stopped = JudgeServer(), threading.Lock(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                before = len(told.bodies)
                told.bodies.append(body)
                told.headers.append(dict(self.headers))
                told.at_once += 1
                told.most_at_once = max(told.most_at_once, told.at_once)
            given = answer(body, before) if self.path.endswith("/chat/completions") else Answer(status=404, body=b"{}")
            with lock:
                told.at_once -= 1
            if given.waits:
                stopped.wait(30)
            if given.hangs_up or given.waits:
                self.close_connection = True
                return
            content = given.content()
            self.send_response(given.status)
            for name, value in {"content-type": "application/json", **given.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        stopped.set()
        server.shutdown()
        thread.join(30)
        server.server_close()


def verdict_of(prompt: str) -> dict:
    """What a judge that compares words says to a prompt of ragas."""
    given = json.loads(prompt.rpartition("\ninput: ")[2].removesuffix("\nOutput: "))
    if "statements" in given:
        said = [(one, int(one.lower() in given["context"].lower())) for one in given["statements"]]
        return {"statements": [{"statement": one, "reason": "read", "verdict": verdict} for one, verdict in said]}
    if "context" in given:
        return {"reason": "read", "verdict": int(given["answer"].lower() in given["context"].lower())}
    if "question" in given:
        return {"statements": [one.strip(" .") for one in given["answer"].split(". ") if one.strip(" .")]}
    answer = given["response"]
    return {"question": f"What about {answer.split()[0]}?", "noncommittal": int("know" in answer)}


def judging(body: dict, before: int) -> Answer:
    """An answer of that judge."""
    return Answer(json.dumps(verdict_of(body["messages"][0]["content"])))
