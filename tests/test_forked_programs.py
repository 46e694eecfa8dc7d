"""What tests start by a fork is as what ``subprocess`` starts, but for what it has loaded."""

import os
import signal
import subprocess
import sys

import pytest
from execnet.gateway_io import popen_bootstrapline

from tests.support.forked_programs import PROGRAM, ForkedPopen
from tests.support.forked_workers import worker_popen

BOTH = pytest.mark.parametrize("popen", [subprocess.Popen, ForkedPopen])
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


@BOTH
@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("pass", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('it cannot be')", 1, "it cannot be"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, ""),
        ("import atexit, sys; atexit.register(print, 'at the end', file=sys.stderr)", 0, "at the end"),
    ],
)
def test_a_program_ends_as_it_does(popen, code, status, error):
    with popen([sys.executable, "-c", code], **PIPES) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == status
    assert said.strip().endswith(error)


@BOTH
def test_a_program_has_what_it_is_given_and_nothing_else(popen, tmp_path):
    read, write = os.pipe()
    code = (
        f"import os, sys; os.write({write}, b'heard');"
        " print(sys.argv[1:], os.getcwd(), os.environ.get('GIVEN'),"
        " os.environ.get('HOME'), os.getsid(0) == os.getpid(), sys.stdin.read(),"
        " sorted(map(int, os.listdir('/proc/self/fd'))))"
    )
    options = {"pass_fds": [write], "cwd": tmp_path, "env": {"GIVEN": "this"}, "start_new_session": True}
    with popen([sys.executable, "-c", code, "one", "two"], **PIPES, **options) as process:
        out, error = process.communicate("asked", timeout=60)
    assert error == ""
    own = sorted([0, 1, 2, 3, write])  # 3 is that of the listing
    assert out == f"['one', 'two'] {tmp_path} this None True asked {own}\n"
    assert os.read(read, 100) == b"heard"
    os.close(read)
    os.close(write)


@BOTH
def test_the_command_names_itself(popen):
    with popen([PROGRAM, "nonsense"], **PIPES) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Usage: groundwork [OPTIONS] COMMAND" in error


@BOTH
def test_a_program_is_a_child_that_can_be_told_to_stop(popen):
    code = "import os, time; print(os.getppid(), flush=True); time.sleep(300)"
    with popen([sys.executable, "-c", code], **PIPES) as process:
        assert process.stdout.readline() == f"{os.getpid()}\n"
        assert process.poll() is None
        process.terminate()
    assert process.returncode == -signal.SIGTERM


def test_a_worker_of_pytest_xdist_has_loaded_the_tests_and_forks_no_program(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_given.py").write_text(
        "import os\n\nLOADED_IN = os.getpid()\n\n\ndef test_it():\n    assert True\n"
    )
    asked = "import os, subprocess, test_given; print(test_given.LOADED_IN, os.getpid(), subprocess.Popen.__module__)"
    started = []
    popen = worker_popen(tmp_path, ("test_given.py", "-n3"))
    for _ in range(2):
        with popen([sys.executable, "-u", "-c", popen_bootstrapline], **PIPES) as process:
            out, error = process.communicate(f"{asked!r}\n", timeout=60)
        assert error == ""
        started.append(out.split())
    (one, first, popen_of_first), (other, second, _) = started
    assert one == other
    assert len({one, first, second, str(os.getpid())}) == 4
    assert popen_of_first == "subprocess"


def test_where_tests_start_a_thread_when_loaded_each_worker_loads_them_for_itself(tmp_path, capfd):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_given.py").write_text(
        "import threading\n\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "\n\ndef test_it():\n    assert True\n"
    )
    popen = worker_popen(tmp_path, ("test_given.py", "-n3"))
    with popen([sys.executable, "-u", "-c", popen_bootstrapline], **PIPES) as process:
        out, error = process.communicate("'print(1 + 1)'\n", timeout=60)
    assert (out, error) == ("2\n", "")
    assert "something that was loaded has started a thread" in capfd.readouterr().err
