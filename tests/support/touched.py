"""Which tests a change touches: ``python -m tests.support.touched`` prints them, for ``make quick``.

A change is what differs from the main branch, committed or not; on the main branch itself, what is not committed, or
else the last commit.
"""

import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("indexing", "app", "eval", "benchmarks")
ALWAYS = "tests/test_architecture.py"
GENERATED = "tests/client/test_generated.py"
DOCUMENTED = (("app", "routes"), ("app", "schemas"))
"""Folders that the OpenAPI document follows from, and so what is generated of the client."""


def touched_tests(changed: Iterable[str], root: Path = ROOT) -> list[str]:
    """The test files and folders for some changed files, by their paths from the root, sorted.

    A module stands for the tests of its folder, one of the client for the client's, a test for itself, a fixture or a
    helper for the tests of its folder, and anything else for the documents' tests.
    """
    found = {ALWAYS}
    for name in changed:
        path = Path(name)
        if path.parts[0] in PACKAGES:
            found |= _tests_of(Path("tests") / path.parent, root)
            if path.parts[:2] in DOCUMENTED and (root / GENERATED).is_file():
                found.add(GENERATED)
        elif path.parts[0] == "client":
            found |= _tests_of(Path("tests/client"), root)
        elif path.parts[0] == "tests" and path.name.startswith("test_") and (root / path).is_file():
            found.add(name)
        elif path.parts[:2] == ("tests", "golden"):
            found.add("tests/golden")
        elif path.parts[0] == "tests" and path.parent != Path("tests/support"):
            found |= _tests_of(path.parent, root)
        else:
            found.add("tests/test_docs.py")
    return sorted(found)


def _tests_of(folder: Path, root: Path) -> set[str]:
    """The test files that stand right in a folder."""
    return {str(path.relative_to(root)) for path in (root / folder).glob("test_*.py")}


def changed_files() -> list[str]:
    """The files that differ, by their paths from the root."""
    base = _git("merge-base", "HEAD", "main")
    is_main = base == _git("rev-parse", "HEAD")
    names = {*_git("diff", "--name-only", "HEAD" if is_main else base).splitlines()}
    names |= {*_git("ls-files", "--others", "--exclude-standard").splitlines()}
    return sorted(names or _git("diff", "--name-only", "HEAD~1").splitlines())


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    print(" ".join(touched_tests(changed_files())))  # noqa: T201 (the Makefile reads it)
