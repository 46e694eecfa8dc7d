"""An application on a socket of this machine, in a thread, for clients that want to connect to a server."""

import threading
from contextlib import contextmanager

import uvicorn

from app.main import refresh
from tests.support.processes import free_port


class _Server(uvicorn.Server):
    """Says when it listens, or that it could not."""

    def __init__(self, config):
        super().__init__(config)
        self.has_begun = threading.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets=sockets)
        self.has_begun.set()

    def run(self, sockets=None):
        try:
            super().run(sockets=sockets)
        finally:
            self.has_begun.set()


@contextmanager
def listening(app):
    """The URL of an application that has a release open; it stops at the end of the block."""
    port = free_port()
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert server.has_begun.wait(60)
        assert server.started
        refresh(app.state.services)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(60)
