"""The command: write what is generated of groundwork_client, as ``make client`` does."""

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

from client.generator.document import Schema, operations
from client.generator.methods import ASYNC, SYNC, methods
from client.generator.records import answers, bodies

TARGET = Path(__file__).parents[1] / "groundwork_client" / "generated"


@functools.cache
def current_document() -> dict[str, Any]:
    """The OpenAPI document of the API as it is in this checkout."""
    from app.main import create_app

    document: dict[str, Any] = create_app().openapi()
    return document


def generated(document: Schema) -> dict[str, str]:
    """Each file's text by its name, formatted.

    Raises:
        subprocess.CalledProcessError: ruff found what is written to be no Python.
    """
    found = list(operations(document))
    written = {
        "answers.py": answers(document, found),
        "bodies.py": bodies(document, found),
        "operations.py": methods(document, found, SYNC),
        "async_operations.py": methods(document, found, ASYNC),
    }
    return {name: _formatted(name, text) for name, text in written.items()}


def _formatted(name: str, text: str) -> str:
    """A text as ruff has it, by the rules of the repository, without imports that nothing uses."""
    where = ["--stdin-filename", str(TARGET / name), "-"]
    for command in (["check", "--quiet", "--fix-only", "--select", "I,F401"], ["format", "--quiet"]):
        ruff = [str(Path(sys.executable).parent / "ruff"), *command, *where]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


def main() -> None:
    """Write the files."""
    for name, text in generated(current_document()).items():
        (TARGET / name).write_text(text)


if __name__ == "__main__":
    main()
