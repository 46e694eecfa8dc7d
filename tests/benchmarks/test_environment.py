"""What runs with the peers' Python."""

import subprocess
import sys

from benchmarks.peers import environment


def test_a_file_run_by_the_peers_python_does_not_take_its_neighbour_for_the_library_of_that_name(tmp_path, monkeypatch):
    (tmp_path / "txtai.py").write_text("raise SystemExit('the neighbour was imported')\n")
    (tmp_path / "probe.py").write_text(
        "import importlib.util, sys; print(importlib.util.find_spec('txtai'), sys.argv[1:])"
    )
    monkeypatch.setattr(environment, "HERE", tmp_path)
    monkeypatch.setattr(environment, "program", lambda name: sys.executable)
    done = subprocess.run(environment.script("probe.py", "a", "b"), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None ['a', 'b']"
