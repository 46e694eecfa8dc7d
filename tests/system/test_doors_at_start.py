"""Commands that cannot do their work say so in one sentence: too little memory, a Redis that is not there."""

import json
import re
import signal
import subprocess

import pytest

from tests.support.processes import PROGRAM, ROOT, environment, free_port, run

REDIS = {"redis_url": "redis://:secret@127.0.0.1:1/0"}


@pytest.fixture(scope="module")
def filled(make_home):
    """A home with a release."""
    return make_home("doors", ROOT / "corpora" / "helpdesk" / "articles" / "billing", is_built=True)


@pytest.fixture(scope="module")
def empty(make_home):
    return make_home("small")


@pytest.mark.parametrize("kilobytes", [400_000, 600_000])
@pytest.mark.parametrize("command", ["serve", "build", "worker", "builder --once", "search word"])
def test_too_little_address_space_is_one_sentence(empty, kilobytes, command):
    line = f"ulimit -v {kilobytes}; exec {PROGRAM} --home {empty} {command}"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment(**REDIS)
    )
    assert done.returncode == 1, done.stderr
    assert re.fullmatch(
        r"Error: Too little memory: groundwork \w+ needs at least 900 MiB of address space \(ulimit -v\), and this"
        rf" process may have {kilobytes // 1024} MiB\. Raise that limit\.\n",
        done.stderr,
    )


def test_with_hardly_any_memory_every_command_says_so_itself(tmp_path):
    line = f"ulimit -v 100000; exec {PROGRAM} --home {tmp_path} tenants list"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "groundwork needs at least 160 MiB" in done.stderr


@pytest.mark.parametrize("command", ["worker", "build"])
def test_a_redis_that_is_not_there_ends_in_one_sentence(filled, command):
    done = run(filled, command, check=False, **REDIS)
    assert done.returncode == 1
    first, last = done.stderr.replace("\n ", " ").strip().splitlines()[:: max(1, done.stderr.count("\n") - 1)][:2]
    assert first.startswith("Redis at 127.0.0.1:1/0 does not answer yet")
    assert last.startswith("Error: Redis at 127.0.0.1:1/0 cannot be used (")
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
    assert len(done.stderr.splitlines()) <= 4


def test_an_address_that_is_no_redis_is_refused_at_once(filled):
    for command in ("serve", "worker", "build"):
        done = run(filled, command, check=False, redis_url="redis://:secret@host:port/0")
        assert done.returncode == 1
        assert done.stderr.startswith("Error: GROUNDWORK_REDIS_URL: expected redis://HOST:PORT/DB")
        assert len(done.stderr.splitlines()) == 1
        assert "secret" not in done.stderr


def test_the_api_serves_without_its_redis_and_says_so_once(filled):
    command = [PROGRAM, "--home", str(filled), "serve", "--port", str(free_port())]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment(**REDIS))
    lines = []
    try:
        for line in process.stderr:
            lines.append(line)
            if "pool.release_in_service" in line:
                break
    finally:
        process.send_signal(signal.SIGTERM)
        lines += process.communicate(timeout=60)[1].splitlines(keepends=True)
    assert any("pool.release_in_service" in line for line in lines)
    events = [json.loads(line) for line in lines if line.startswith("{")]
    (said,) = [line for line in lines if "127.0.0.1:1" in line and not line.startswith("{")]
    assert said.startswith("Warning: Redis at 127.0.0.1:1/0 cannot be used")
    assert [one["event"] for one in events if "redis" in one["event"]] == ["plan_signal.redis_lost"]
    assert "secret" not in "".join(lines)
