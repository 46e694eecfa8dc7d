"""The benchmarks' house rules: one harness, and no script imports another."""

import ast
import importlib
import json
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"
OF_PEERS = {"benchmarks.peers.chroma_load", "benchmarks.peers.txtai_index"}
"""Run by the peers' Python, which knows none of our packages."""
PACKAGES = ("indexing", "app", "eval")


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


MODULES = {
    module_of(path): path.read_text()
    for path in sorted(FOLDER.rglob("*.py"))
    if path.name != "__init__.py" and ".venv" not in path.parts
}


@cache
def tree_of(name):
    """What the text of a module says; each process of a run would read all only to collect these tests."""
    return ast.parse(MODULES[name])


def is_script(name):
    return name in OF_PEERS or re.search(r"^if .*__main__", MODULES[name], re.MULTILINE) is not None


SCRIPTS = [name for name in MODULES if is_script(name)]


def imports(name):
    """(module, name taken from it or None) of every import, those inside functions included."""
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            yield from ((node.module, alias.name) for alias in node.names)


def benchmarks_imported_by(name):
    """The benchmark modules that a module imports, whether as ``from folder import module`` or by its whole name."""
    for module, taken in imports(name):
        if module.partition(".")[0] == "benchmarks":
            yield f"{module}.{taken}" if f"{module}.{taken}" in MODULES else module


def commands_of(text):
    return re.findall(r"-m (benchmarks[\w.]+)", text)


@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_imports_the_harness_alone_and_never_a_script(name):
    for imported in benchmarks_imported_by(name):
        assert imported in MODULES, f"{imported} is no module"
        assert imported not in SCRIPTS, f"{name} imports the script {imported}: move what they share to the harness"
        own_folder = imported == "benchmarks.peers.environment" and name.startswith("benchmarks.peers.")
        assert imported.startswith("benchmarks.harness.") or own_folder, f"{name} imports {imported}"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_in_its_docstring_which_command_runs_it(name):
    path = f"-P {name.replace('.', '/')}.py"
    wanted = f"python {path if name in OF_PEERS else f'-m {name}'}"
    assert re.search(re.escape(wanted) + r"(?![\w.])", ast.get_docstring(tree_of(name)) or ""), wanted


@pytest.mark.parametrize("name", MODULES)
def test_a_module_of_the_benchmarks_says_its_one_job_and_stays_readable(name):
    path = ROOT / f"{name.replace('.', '/')}.py"
    assert ast.get_docstring(tree_of(name))
    assert len(path.read_text().splitlines()) <= 400


def test_what_the_benchmarks_take_from_the_packages_is_there():
    gone = []
    for name in MODULES:
        for module, taken in imports(name):
            if name not in OF_PEERS and module.partition(".")[0] in PACKAGES:
                try:
                    found = importlib.import_module(module)
                except ModuleNotFoundError as error:
                    gone.append(f"{name}: {error}")
                    continue
                if taken is not None and not hasattr(found, taken):
                    gone.append(f"{name}: {module} has no {taken}")
    assert gone == []


def test_what_the_harness_gives_is_there_under_the_name_that_scripts_use():
    gone = []
    for name in MODULES:
        for module, taken in imports(name):
            if module in MODULES and taken is not None:
                names = {getattr(node, "name", None) for node in tree_of(module).body}
                names |= {
                    target.id
                    for node in tree_of(module).body
                    if isinstance(node, (ast.Assign, ast.AnnAssign))
                    for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
                    if isinstance(target, ast.Name)
                }
                names |= {one for _, one in imports(module)}
                gone += [f"{name}: {module} has no {taken}"] if taken not in names else []
    assert gone == []


def test_run_all_runs_every_script_that_measures_this_checkout_alone():
    from benchmarks.run_all import SCRIPTS as RUN

    of_a_folder = {"benchmarks.search.before_after", "benchmarks.builds.webpages"}  # of a checkout, of saved pages
    apart = {"benchmarks.run_all", "benchmarks.harness.tables"} | of_a_folder | OF_PEERS
    assert sorted(f"benchmarks.{name}" for name in RUN) == sorted(set(SCRIPTS) - apart)


def test_every_command_that_a_document_names_is_a_script():
    documents = [ROOT / "Makefile", *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *FOLDER.rglob("*.py")]
    named = {
        command for path in documents if ".venv" not in path.parts for command in commands_of(path.read_text())
    } - {"benchmarks.FOLDER.NAME"}
    assert named <= set(SCRIPTS)
    assert len(named) > 10


def test_every_path_below_benchmarks_that_a_text_names_exists():
    texts = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    texts += [path for folder in ("tests", *PACKAGES) for path in (ROOT / folder).rglob("*.py")]
    gone = [
        f"{path.relative_to(ROOT)}: {named}"
        for path in texts
        for named in re.findall(r"(?<![\w/])benchmarks/[\w/]*\w+\.(?:py|json|png)\b", path.read_text())
        if not (ROOT / named).is_file()
    ]
    assert gone == []


def test_every_result_that_the_readme_names_exists_and_says_what_made_it():
    named = re.findall(r"benchmarks/results/(\w+)\.json", (ROOT / "README.md").read_text())
    assert named
    for name in named:
        record = json.loads((FOLDER / "results" / f"{name}.json").read_text())
        assert record["benchmark"] == name
        assert record["result"]
        assert record["commit"]
        assert record["machine"]
