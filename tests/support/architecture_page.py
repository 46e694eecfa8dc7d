"""The lists of files in docs/architecture.md, made from module docstrings.

``python -m tests.support.architecture_page`` writes them anew.
"""

import ast
import functools
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("indexing", "app", "eval")
_HEADING = re.compile(r"^### `([\w/]+)/`$")
_FILE = re.compile(r"^- `[\w/]+\.py`")


def folders() -> list[Path]:
    """Every folder of the packages that holds a module beside ``__init__.py``."""
    found = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.stem != "__init__"}
    return sorted(found)


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """A module's syntax tree; all that look at modules read the same."""
    return ast.parse(path.read_text())


def job_of(path: Path) -> str:
    """The first paragraph of a module's docstring, on one line."""
    docstring = ast.get_docstring(tree_of(path)) or ""
    return " ".join(docstring.split("\n\n")[0].split())


def file_lines(folder: Path) -> list[str]:
    """A line for each module of a folder: its name and its one job."""
    modules = sorted(path for path in folder.glob("*.py") if path.stem != "__init__")
    return [f"- `{path.name}`: {job_of(path)}" for path in modules]


def listed(text: str) -> dict[str, list[str]]:
    """The lines about files under each folder's heading of the page."""
    found: dict[str, list[str]] = {}
    folder = None
    for line in text.splitlines():
        if (heading := _HEADING.match(line)) is not None:
            folder = found.setdefault(heading[1], [])
        elif line.startswith("#"):
            folder = None
        elif folder is not None and _FILE.match(line):
            folder.append(line)
    return found


def renewed(text: str) -> str:
    """The page with the lists of files as the modules are now."""
    lines: list[str] = []
    current = None
    for line in text.splitlines():
        if (heading := _HEADING.match(line)) is not None:
            current = ROOT / heading[1]
        elif line.startswith("#"):
            current = None
        if current is not None and _FILE.match(line):
            continue
        if current is not None and line == "<!-- files -->":
            lines += [line, *file_lines(current)]
            continue
        lines.append(line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
