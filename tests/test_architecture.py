"""House rules that no linter knows."""

import ast
import functools
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.architecture_page import PAGE, file_lines, folders, listed, tree_of

ROOT = Path(__file__).parent.parent
MODULES = sorted(path for package in ("indexing", "app", "eval") for path in (ROOT / package).rglob("*.py"))
SQL = re.compile(
    r"\s*(SELECT\b.*\bFROM|INSERT (OR \w+ )?INTO|UPDATE \w+ SET|DELETE FROM|CREATE (TABLE|INDEX|UNIQUE|TRIGGER|VIEW)"
    r"|ALTER TABLE|DROP (TABLE|INDEX|TRIGGER|VIEW)|PRAGMA \w|BEGIN\b|COMMIT\b|ROLLBACK\b|VACUUM\b|WITH \w+ AS)",
    re.DOTALL,
)
PRIVATE_WORDS = re.compile(
    r"doorman|annex|holdings|exci[ds]|workshop|snapshot_?pool|pair_?scorer|_scorers?\b|^scorer\b|take_place|lists_?info|admitted_?route|direct_?route|whoever|timely"
    r"|take_turn|brief_|_brief|coded_?index|codes_?info|office\b|webpages|charsets|extracts\b",
    re.IGNORECASE,
)
"""Names that only this project knew, each replaced by the field's term; see decision 29."""


@functools.cache
def nodes_of(path):
    """Every node of a module's syntax tree; to walk through it takes longer than most rules do."""
    return tuple(ast.walk(tree_of(path)))


def offences(find, paths=MODULES):
    """What ``find`` has to say against each module, by its path; modules that keep the rule are left out."""
    found = {str(path.relative_to(ROOT)): find(path) for path in paths}
    return {path: said for path, said in found.items() if said}


def test_the_import_contract_holds():
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_a_module_says_its_one_job_and_stays_readable():
    assert offences(lambda path: not ast.get_docstring(tree_of(path))) == {}, "no module docstring"
    assert offences(lambda path: max(0, len(path.read_text().splitlines()) - 400)) == {}, "lines over 400"


def test_only_settings_reads_the_environment():
    def read(path):
        names = {node.attr for node in nodes_of(path) if isinstance(node, ast.Attribute)}
        return names & {"environ", "getenv", "putenv"}

    assert offences(read, [path for path in MODULES if path.name != "settings.py"]) == {}


def test_the_api_process_loads_neither_torch_nor_the_training_and_judging_libraries():
    code = (
        "import sys, app.main, app.cli; "
        "print(sorted({'torch', 'sentence_transformers', 'transformers', 'ragas', 'langchain', 'matplotlib', 'mcp',"
        " 'opentelemetry.sdk'}"
        " & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_commands_and_workers_load_nothing_that_a_forked_child_must_not_inherit():
    code = (
        "import sys; from indexing.process_start import prepare; prepare(); "
        "import indexing.commands.root, app.cli, eval.commands.root, indexing.builds.worker; "
        "print(sorted({'faiss', 'onnxruntime', 'pandas', 'torch', 'fastapi', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.slow
def test_every_required_package_can_be_imported_at_its_pinned_version():
    """All but sentence_transformers, which costs seven seconds and is imported where the models are compiled."""
    code = (
        "import warnings; warnings.simplefilter('ignore'); "
        "import fastapi, faiss, numpy, sqlite_utils, celery, redis, pytest, ragas; print('ok')"
    )
    environment = {"RAGAS_DO_NOT_TRACK": "true", "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert result.stdout.strip() == "ok", result.stderr[-2000:]


def test_no_test_names_a_device():
    device = "/" + "dev/"  # a rename onto one, run as root, replaces it for the whole machine
    named = [path for path in (ROOT / "tests").rglob("*.py") if device in path.read_text()]
    assert named == []


@functools.cache
def texts_in(path):
    """The string constants of a module that are no docstrings; f-strings by their constant parts."""
    nodes = nodes_of(path)
    docstrings = {
        id(node.value) for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]


def names_in(path):
    """Every name that a module gives to something, and its own."""
    yield path.stem
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.asname or node.name


def test_sql_stands_in_the_catalogue_and_the_ledger_alone():
    homes = (ROOT / "indexing" / "catalogue", ROOT / "indexing" / "ledger")
    others = [path for path in MODULES if not any(path.is_relative_to(home) for home in homes)]
    assert offences(lambda path: [text for text in texts_in(path) if SQL.match(text)], others) == {}


def test_the_search_for_sql_finds_it_where_it_is():
    found = {
        path.stem
        for path in (ROOT / "indexing" / "catalogue").glob("*.py")
        if any(SQL.match(text) for text in texts_in(path))
    }
    assert {"database", "documents", "releases", "migrations", "passages", "models", "feature_views"} <= found


def test_a_statement_names_the_columns_that_it_fills():
    """Else a column that comes, or another order of them, puts values where they do not belong."""
    # Migrations stay as they were written: each meets the tables of its own time.
    statements = [path for path in MODULES if path.name != "migrations.py"]
    unnamed = re.compile(r"\b(INSERT|REPLACE)\b.*\bINTO\s+(\w+\s+)?(VALUES|SELECT)\b|\bINTO\b.*\bSELECT \*", re.DOTALL)
    assert unnamed.search("INSERT OR IGNORE INTO a VALUES (?)")
    assert unnamed.search("INSERT OR IGNORE INTO  VALUES ")  # the constant parts of an f-string
    assert unnamed.search("INSERT INTO a (b) SELECT * FROM c")
    assert offences(lambda path: [text for text in sql_in(path) if unnamed.search(text)], statements) == {}


def sql_in(path):
    """The texts of a module, those of an f-string as one."""
    for node in nodes_of(path):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "" for part in node.values)
    yield from texts_in(path)


def imported_by(path):
    """The modules that a module imports."""
    return [
        name
        for node in nodes_of(path)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    ]


def test_no_route_imports_a_route():
    routes = sorted((ROOT / "app" / "routes").glob("*.py"))
    assert len(routes) > 5
    assert offences(lambda path: [one for one in imported_by(path) if one.startswith("app.routes")], routes) == {}


def test_no_private_word_is_left_as_a_name():
    assert offences(lambda path: sorted({name for name in names_in(path) if PRIVATE_WORDS.search(name)})) == {}


def test_only_the_store_knows_that_a_lock_is_a_file():
    def lock_files(path):
        strings = [node.value for node in nodes_of(path) if isinstance(node, ast.Constant)]
        return [value for value in strings if isinstance(value, str) and re.fullmatch(r"[\w/]*\.lock", value)]

    storage = ROOT / "indexing" / "storage"
    assert offences(lock_files, [path for path in MODULES if not path.is_relative_to(storage)]) == {}


def test_no_module_imports_a_private_name_of_another():
    def private(path):
        return [
            f"{node.module}.{alias.name}"
            for node in nodes_of(path)
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("indexing", "app", "eval")
            for alias in node.names
            if alias.name.startswith("_")
        ]

    assert offences(private) == {}


def private_names(nodes):
    """Private names that are imported, or named in a text to be read or patched; ruff's SLF001 sees all others."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            named = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            named = [part for alias in node.names for part in alias.name.split(".")]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in NAMING_CALLS:
            texts = [part.value for part in node.args if isinstance(part, ast.Constant) and type(part.value) is str]
            named = [part for text in texts for part in text.split(".")]
        else:
            continue
        yield from (name for name in named if re.fullmatch(r"_(?!_)\w+", name))


NAMING_CALLS = {"setattr", "getattr", "hasattr", "delattr", "attrgetter", "patch", "object"}


def test_private_names_are_seen_in_imports_and_in_texts_that_name_them():
    source = (
        "from a import _b\nfrom a._c import d\nimport e._f\nmonkeypatch.setattr(g, '_h', 1)\n"
        "patch('i.j._k')\nsetattr(l, '__m__', 1)\nsetattr(n, 'o', '_p q')\nprint('_r')\nimport __future__\n"
    )
    assert list(private_names(ast.walk(ast.parse(source)))) == ["_b", "_c", "_f", "_h", "_k"]


def test_no_test_reads_or_patches_a_private_name():
    files = sorted(path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
    files = [path for path in files if ".venv" not in path.parts]  # that of the peers
    tests = [path for path in files if re.search(r"\b_(?!_)\w", path.read_text())]
    assert offences(lambda path: list(private_names(nodes_of(path))), tests) == {}


def test_sentences_name_their_subject():
    """Who does what: the caller, the worker, the operator; never nobody, somebody, anybody or whoever."""
    texts = [*MODULES, *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    vague = re.compile(r"\b(nobody|somebody|anybody|everybody|whoever|whomever)\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if vague.search(line)
    ]
    assert found == []


def test_a_message_says_plainly_what_a_value_is_not():
    """It names the value, says what it is not and what was expected: 'x' is not a moment, never is no moment."""
    odd = re.compile(r"(?<![Tt]here )\b(is|are) no (?!longer\b|more\b|less\b|accident\b)([a-z]|$)")
    assert offences(lambda path: [text for text in texts_in(path) if odd.search(text)]) == {}


def test_few_files_stand_at_the_top_of_a_package():
    for package, most in (("indexing", 8), ("app", 4), ("eval", 3)):
        files = [path.name for path in (ROOT / package).glob("*.py") if path.stem != "__init__"]
        assert len(files) <= most, files


def test_the_architecture_page_says_of_each_file_what_its_docstring_says():
    found = listed(PAGE.read_text())
    expected = {str(folder.relative_to(ROOT)): file_lines(folder) for folder in folders()}
    assert found == expected, "run python -m tests.support.architecture_page"


def is_number(node):
    """Whether an expression is made of numbers, and names of numbers at most: ``64 * 1024``, ``5 * MAX_TEXT_CHARS``."""
    parts = [part for part in ast.walk(node) if not isinstance(part, ast.operator | ast.unaryop | ast.expr_context)]
    is_plain = all(isinstance(part, ast.Constant | ast.BinOp | ast.UnaryOp | ast.Name) for part in parts)
    constants = [part.value for part in parts if isinstance(part, ast.Constant)]
    return is_plain and bool(constants) and all(type(value) in (int, float) for value in constants)


def bare_numbers(tree):
    """The names of module-level numbers that no docstring follows."""
    body = tree.body
    for node, after in zip(body, [*body[1:], None], strict=True):
        is_assigned = isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        is_explained = isinstance(after, ast.Expr) and isinstance(getattr(after.value, "value", None), str)
        if is_assigned and is_number(node.value) and not is_explained:
            yield ast.unparse(node).split(" = ")[0]


def test_a_number_is_told_from_a_text_and_from_a_number_that_is_explained():
    source = (
        'A = 1\nB = 64 * 1024\n"""Bytes."""\nC: float = -0.5\nD = "text"\nE = (1, 2)\nF = 2 * B\nG = f(3)\nH = True\n'
    )
    assert list(bare_numbers(ast.parse(source))) == ["A", "C: float", "F"]


def test_a_number_says_below_itself_what_it_counts():
    assert offences(lambda path: list(bare_numbers(tree_of(path)))) == {}


SOURCES = r"source\b|our choice|measured|decision|RFC|benchmark|issue|estimate"
"""What says where a number comes from."""
DEFINITIONS = (
    r"bits?|base64|UUID|UTC|formats?|algorithm|older versions|schema|state of a connection|sha256|float32|floats?"
    r"|signed byte|modes?|owner|matplotlib|by chance|probability|FPDF_ERR_PASSWORD|every whole number|Markdown has"
    r"|Roman|digits|JSON readers|(milli)?seconds? of|of a millisecond|first byte|no length|as the (API|ledger)|middle"
    r"|of ratings|statuses|letters GCOUNTS1|to the microsecond|every version of SQLite|first with|the command ends"
    r"|gains a second|standard deviations|opinion|can have it|html-to-markdown leaves"
)
"""What is told of a number that no one chose: the size of a UUID, the seconds of a day, the version of a format."""


def test_a_number_says_where_it_comes_from():
    told = re.compile(rf"{SOURCES}|\b({DEFINITIONS})\b", re.IGNORECASE)

    def untold(path):
        body = tree_of(path).body
        return [
            ast.unparse(node).split(" = ")[0]
            for node, after in itertools.pairwise(body)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and node.value is not None
            and is_number(node.value)
            and not told.search(after.value.value)
        ]

    assert offences(untold) == {}
