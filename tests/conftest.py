"""What every test may use: fresh homes, homes with the real and the tiny model, Redis, and hypothesis's profiles."""

from indexing.process_start import prepare

prepare()  # as each program does it, before anything loads numpy: one thread for native libraries, and no pandas

import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from indexing.home import Home, open_home
from indexing.models.compiler import DEFAULT_MODEL, register_model
from indexing.settings import Settings, forbid_hub_downloads
from indexing.sources import parser_sandbox
from indexing.storage import reserve
from tests.support.forked_programs import ForkedPopen
from tests.support.forked_workers import fork_workers
from tests.support.migrated_catalogue import place_home
from tests.support.once_a_run import once_a_run
from tests.support.order import order
from tests.support.redis_server import redis_server
from tests.support.tiny_model import register_tiny, tiny_files, tiny_home
from tests.support.tiny_reranker import add_reranker

__all__ = ["redis_server", "register_tiny", "tiny_files", "tiny_home"]  # fixtures

# How long an example takes, or to make one, says how busy the machine is.
_UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
hypothesis_settings.register_profile("groundwork", **_UNTIMED)
hypothesis_settings.register_profile("ci", derandomize=True, **_UNTIMED)
hypothesis_settings.register_profile("long", max_examples=5_000, **_UNTIMED)  # `make fuzz`
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "groundwork")

# What the person who runs the tests has set for a home of their own must not reach the tests.
for _name in [name for name in os.environ if name.startswith("GROUNDWORK_")]:
    del os.environ[_name]
forbid_hub_downloads()
# Nor may a wish to leave no compiled files: each of some 300 processes would compile all it imports, for 0.6 s of CPU.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What tests write goes into memory where there is room: SQLite and real processes would wait for the disk.
_ROOM_BYTES = 6 << 30  # a whole run keeps below 2 GiB
for _folder in [one.mountpoint for one in psutil.disk_partitions(all=True) if one.fstype == "tmpfs"]:
    if Path(_folder).name == "shm" and os.access(_folder, os.W_OK) and shutil.disk_usage(_folder).free > _ROOM_BYTES:
        os.environ.setdefault("TMPDIR", _folder)
        tempfile.tempdir = None  # to be looked for again

# No test cuts the power, and a killed process leaves what it wrote to the system: only a wait for the disk is saved, of
# a minute in all. Tests that look at what is synced, and when, put their own in its place.
os.fsync = lambda descriptor: None  # type: ignore[assignment]
reserve.RESERVE_BYTES = 64 << 10  # the homes of a run would take gigabytes of disk else


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let no collection look at what pytest and the packages load: that was a tenth of the CPU time of tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let files that wait run beside files that compute."""
    order(items)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What ``make test`` asks for."""
    ahead = "with -n: compile the models while tests are collected, for which one core is enough"
    parser.addoption("--compile-ahead", action="store_true", help=ahead)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Let one process load what all workers need, and another compile, in the folder of the run, what some need."""
    fork_workers(config)
    if config.getoption("--compile-ahead"):
        folders = config._tmp_path_factory  # type: ignore[attr-defined] # noqa: SLF001 (as pytest-xdist takes it)
        compiling = get_context("fork").Process(target=once_a_run, args=(folders, "compiled", _compile_models))
        compiling.start()  # it is joined when this process ends


def settings_at(path: Path, **values: object) -> Settings:
    """Settings for a home under ``path``, small enough for two cores."""
    return Settings(**{"home": path / "home", "sessions": 2, **values})


@pytest.fixture(scope="session", autouse=True)
def forked_parsers() -> Iterator[None]:
    """Let the processes that parse files be forked from one that has loaded the parsers: 20 ms of CPU, not 400."""
    started = SimpleNamespace(Popen=ForkedPopen, PIPE=subprocess.PIPE, DEVNULL=subprocess.DEVNULL)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parser_sandbox, "subprocess", started)
        yield


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh, empty home, closed afterwards."""
    place_home(tmp_path / "home")
    opened = open_home(settings_at(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that ``groundwork erase`` would have waited for API processes; here none does anything meanwhile."""
    seconds: list[float] = []
    monkeypatch.setattr("indexing.commands.erasure.sleep", seconds.append)
    return seconds


@contextmanager
def without_torch() -> Iterator[None]:
    """As on a machine where torch and what is built on it are not installed."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("torch", "sentence_transformers", "transformers"):
            patched.setitem(sys.modules, name, None)
        yield


@pytest.fixture(scope="session")
def compiled_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the home ``model``, in which the embedded default model is compiled once a run, without torch."""
    return once_a_run(tmp_path_factory, "compiled", _compile_models)


def _compile_models(folder: Path) -> None:
    with closing(open_home(settings_at(folder / "model"))) as home, without_torch():
        register_model(home.models, home.storage, DEFAULT_MODEL)


@pytest.fixture(scope="session")
def model_home(compiled_models: Path) -> Iterator[Home]:
    """A home in which the embedded default model is registered. Take copies; leave it be."""
    with closing(open_home(settings_at(compiled_models / "model"))) as home:
        yield home


@pytest.fixture(scope="session")
def reranker_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home in which the tiny reranker is registered as ``cross@1``. Take copies; leave it be."""
    with closing(open_home(settings_at(tmp_path_factory.mktemp("reranker")))) as home:
        add_reranker(home)
        yield home


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of its own with 512 kB of room, or as much as its parameter says (such as ``40m``).

    Tests beside it cover a full disk where none can be mounted.
    """
    path = tmp_path / "small-disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={getattr(request, 'param', '512k')}", "tmpfs", str(path)]
    if os.name != "posix" or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no right to mount a small tmpfs here: a full disk is only acted out beside this test")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)
