"""Does the running API keep what its OpenAPI document says? schemathesis asks it thousands of things of its own.

Every operation of the document, each door among them, with all checks of schemathesis but for what
``schemathesis.toml`` says of some: examples of the document, every bound and each thing left out (its phase
*coverage*), made-up values that fit and that do not, and sequences of requests of which one takes up what another
answered. The key is an operator's with all scopes. Found must be: no answer of 500, none with a status, a header or a
body that the document does not have.

Usage: python -m benchmarks.faults.schemathesis_walk [--examples 8] [--seed 1] [--dry]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.harness.askers import HELPDESK
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import served_scratch
from benchmarks.harness.server import run_command, served_home
from indexing.home import open_home
from indexing.settings import Settings

COLLECTION = "helpdesk"
"""The collection that must be there."""
CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
EXAMPLES = 8
"""Made-up requests of each kind and operation; with them come those that the document itself gives rise to. Our choice:
some ten thousand in all."""
PHASES = "examples,coverage,fuzzing,stateful"
"""All that schemathesis does."""
SCOPES = ("search", "write", "admin", "operator")
"""What the key may do: everything."""
PASSED_ON = ("HOME", "LANG", "PATH", "PYTHONPATH", "TMPDIR", "VIRTUAL_ENV")
"""Environment variables that schemathesis gets. Our choice: what the interpreter reads."""
LIMIT_SECONDS = 1_800
"""After which a walk is given up."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What schemathesis did and found; ``output`` is what it printed."""

    is_clean: bool
    is_complete: bool
    operations: int
    operations_tested: int
    cases: int
    seconds: float
    output: str


def walk(url: str, key: str, folder: Path, *, examples: int, seed: int, phases: str = PHASES) -> Walk:
    """Have schemathesis walk the document of the API at ``url``.

    Args:
        url: Of the API, on this machine.
        key: What it is asked with.
        folder: Where the report lies afterwards.
        examples: Made-up requests of each kind and operation.
        seed: What they are made up from.
        phases: Which phases of schemathesis run.
    """
    report = folder / "report.json"
    # Few variables: requests goes through all of them, twice a request, to find a proxy: a fifth of the time.
    given = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | _bring(url, key)
    given |= {"HYPOTHESIS_STORAGE_DIRECTORY": str(Path(".hypothesis").absolute())}  # tables of characters take 2 s
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)]
    command += ["run", f"{url}/openapi.json", "--max-examples", str(examples), "--seed", str(seed), "--phases", phases]
    command += ["--header", f"Authorization: Bearer {key}", "--no-color", "--report-json-path", str(report)]
    ran = subprocess.run(
        command, cwd=folder, env=given, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    if not report.is_file():
        raise SystemExit(f"schemathesis ended with {ran.returncode}: {(ran.stdout + ran.stderr)[-2_000:]}")
    found = json.loads(report.read_text())
    return Walk(
        ran.returncode == 0,
        found["complete"],
        found["operations"]["total"],
        found["operations"]["tested"],
        found["test_cases"]["generated"],
        round(found.get("running_time", 0.0), 1),
        ran.stdout,
    )


def _bring(url: str, key: str) -> dict[str, str]:
    """Bring what routes are about and no schema can name; gives the ids, as the configuration has them."""
    store = f"/v1/vector_stores/{COLLECTION}"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30.0) as client:

        def made(path: str, **content: Any) -> str:
            return str(client.post(path, **content).raise_for_status().json()["id"])

        file = made(
            "/v1/files", files={"file": ("walk.md", b"# A walk\n\nIt is long.")}, data={"purpose": "assistants"}
        )
        made(f"{store}/files", json={"file_id": file})
        batch = made(f"{store}/file_batches", json={"file_ids": [file]})
        upload = {"bytes": 9, "filename": "walk.md", "mime_type": "text/markdown", "purpose": "assistants"}
        return {"WALK_FILE": file, "WALK_BATCH": batch, "WALK_UPLOAD": made("/v1/uploads", json=upload)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options, _ = parser.parse_known_args()  # others are for other benchmarks
    with tempfile.TemporaryDirectory() as place:
        home = served_scratch(open_home(Settings()), HELPDESK, copy=Path(place) / "home")
        run_command(home.path, "tenants", "create", "acme")
        scopes = [word for scope in SCOPES for word in ("--scope", scope)]
        key = run_command(home.path, "keys", "create", "--tenant", "default", *scopes).strip()
        with served_home(home.path) as server:
            found = walk(server.url, key, Path(place), examples=options.examples, seed=options.seed)
    result = {name: value for name, value in asdict(found).items() if name != "output"}
    print(json.dumps(result, indent=1))
    if not found.is_clean:
        raise SystemExit(found.output[-20_000:])
    if not options.dry:
        write_result("schemathesis", result | {"examples": options.examples, "seed": options.seed})


if __name__ == "__main__":
    main()
