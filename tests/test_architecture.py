"""House rules that no linter knows."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(path for package in ("indexing", "app", "eval") for path in (ROOT / package).rglob("*.py"))


def test_the_import_contract_holds():
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_its_one_job_and_stays_readable(path):
    source = path.read_text()
    assert ast.get_docstring(ast.parse(source)), "no module docstring"
    assert len(source.splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_settings_reads_the_environment(path):
    if path.name == "settings.py":
        return
    names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert not names & {"environ", "getenv", "putenv"}


def test_the_api_process_loads_neither_torch_nor_the_training_and_judging_libraries():
    code = (
        "import sys, app.main, app.cli; "
        "print(sorted({'torch', 'sentence_transformers', 'transformers', 'ragas', 'langchain'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_commands_and_workers_load_nothing_that_a_forked_child_must_not_inherit():
    code = (
        "import sys; from indexing.process_start import prepare; prepare(); "
        "import indexing.commands.root, app.cli, eval.cli, indexing.builds.worker; "
        "print(sorted({'faiss', 'onnxruntime', 'pandas', 'torch', 'fastapi'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_required_package_can_be_imported_at_its_pinned_version():
    code = (
        "import warnings; warnings.simplefilter('ignore'); "
        "import fastapi, faiss, numpy, sqlite_utils, celery, redis, pytest, ragas, sentence_transformers; print('ok')"
    )
    environment = {"RAGAS_DO_NOT_TRACK": "true", "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert result.stdout.strip() == "ok", result.stderr[-2000:]


def test_no_test_names_a_device():
    device = "/" + "dev/"  # a rename onto one, run as root, replaces it for the whole machine
    named = [path for path in (ROOT / "tests").rglob("*.py") if device in path.read_text()]
    assert named == []
