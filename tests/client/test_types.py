"""A user's program that mypy checks with --strict: right calls pass, wrong ones are named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RIGHT = """
import asyncio
from pathlib import Path

from groundwork_client import AsyncGroundwork, Groundwork, NotFound, answers, bodies


def ask(client: Groundwork, question: str) -> list[str]:
    wanted: bodies.EqualityFilter = {"type": "eq", "key": "team", "value": "support"}
    found: answers.SearchAnswer = client.search(query=question, collection="a", filters=wanted, timeout_ms=500)
    client.feedback(found.query_id, "click", found.hits[0].document_id)
    client.patch_document("a", "b", allow=None, if_match=found.http.etag)
    client.upload_files("a", file=[Path("a.md"), ("b.md", b"")])
    try:
        text: str = client.get_document("a", "b").text
    except NotFound as error:
        text = error.message
    return [text, *(hit.title for hit in found.hits), *(one.id for one in client.iterate_documents("a"))]


async def ask_async(client: AsyncGroundwork) -> int:
    async with client:
        score: float = (await client.search(messages=[{"role": "user", "content": "a"}])).hits[0].score
        return len([key.id async for key in client.iterate_keys()]) + int(score)


asyncio.run(ask_async(AsyncGroundwork()))
"""
WRONG = """
from groundwork_client import Groundwork

client = Groundwork(api_key="k")
client.search(query="a", mode="fuzzy")  # 1
client.search(question="a")  # 2
client.search(query="a").hits[0].body  # 3
client.feedback("q", "like")  # 4
client.put_document("a", text="b")  # 5
client.count_documents("a", filters={"type": "eq", "key": "a"})  # 6
"""


@pytest.mark.slow
def test_mypy_strict_passes_right_calls_and_names_wrong_ones(tmp_path):
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        f"--cache-dir={ROOT / '.mypy_cache' / 'client'}",  # of what a run before has read: 0.3 s of CPU, not 4.5
        "right.py",
        "wrong.py",
    ]
    found = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT / "client")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "right.py" not in found.stdout, found.stdout
    assert not found.stderr
    numbered = {line.rpartition("# ")[2]: number for number, line in enumerate(WRONG.splitlines(), 1) if "# " in line}
    told = {int(line.split(":")[1]) for line in found.stdout.splitlines() if ": error:" in line}
    assert told == set(numbered.values()), found.stdout
