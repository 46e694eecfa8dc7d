"""Checkouts that are compared: each with its own command, a home that it built of SciFact, and what is asked of it."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.http_load import Request
from benchmarks.harness.server import run_command

COLLECTION = "scifact"
HITS = 10
KEY = "before-and-after-0123456789abcdef"
"""Every server is told to take this key."""
FIGURES = ("queries_per_second", "p50_ms", "p95_ms", "p99_ms")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder of code with its virtual environment, and a home built by it."""

    folder: Path
    home: Path

    @property
    def program(self) -> str:
        """Its command."""
        return str(self.folder / ".venv" / "bin" / "groundwork")

    @property
    def environment(self) -> dict[str, str]:
        """Nothing set for another home, and this checkout's code, wherever its command was installed from."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDWORK_")}
        return kept | {"PYTHONPATH": str(self.folder)}

    def describe(self) -> dict[str, object]:
        """Its commit, and whether files differ from it."""
        return {
            "commit": self._git("rev-parse", "--short", "HEAD"),
            "changed_files": len(self._git("status", "--porcelain", "--untracked-files=no").splitlines()),
        }

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def build(self, data: Path) -> None:
        """Build the collection in its home, unless there is a release."""
        if (self.home / "catalogue.db").is_file():
            listed = run_command(
                self.home, "releases", "list", "--json", program=self.program, environment=self.environment
            )
            if json.loads(listed):
                return
        for arguments in (("ingest", str((data / "scifact").resolve()), "--collection", COLLECTION), ("build",)):
            print(self.folder.name, *arguments, flush=True)
            run_command(self.home, *arguments, program=self.program, environment=self.environment)


def checkout_of(folder: Path, home: Path | None, place: Path) -> Checkout:
    """A checkout and the home it was given, or one in ``place``.

    Raises:
        SystemExit: The folder has no ``groundwork`` command of its own.
    """
    found = Checkout(folder.resolve(), (home or place).resolve())
    if not Path(found.program).is_file():
        raise SystemExit(f"{found.program} is missing: run 'make setup' in {found.folder} first.")
    return found


def texts(data: Path, count: int) -> list[str]:
    """The first queries of the collection."""
    lines = (data / "scifact" / "queries.jsonl").read_text().splitlines()
    return [str(json.loads(line)["text"]) for line in lines[:count]]


def text_requests(queries: Sequence[str]) -> list[Request]:
    """A hybrid search of each text."""
    return [
        ("POST", "/v1/search", KEY, {"query": text, "collection": COLLECTION, "k": HITS, "mode": "hybrid"})
        for text in queries
    ]
