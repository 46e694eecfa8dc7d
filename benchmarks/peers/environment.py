"""The peers that Groundwork is compared with, in a virtual environment of their own beside this file.

Nothing of Groundwork is installed there, and nothing of theirs in Groundwork's environment.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
_VENV = HERE / ".venv"


def program(name: str) -> str:
    """The path of a program of the peers' environment, which is made if it is not there."""
    done = _VENV / ".done"
    requirements = HERE / "requirements.txt"
    if not done.is_file() or done.stat().st_mtime < requirements.stat().st_mtime:
        print("installing the peers (once)")
        subprocess.run([sys.executable, "-m", "venv", str(_VENV)], check=True)
        subprocess.run(
            [str(_VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(requirements)], check=True
        )
        done.touch()
    return str(_VENV / "bin" / name)


def script(name: str, *arguments: str) -> list[str]:
    """The command that runs a file of this folder with the peers' Python.

    ``-P`` keeps the file's folder out of the import path: there ``txtai.py`` stands before the library of that name.
    """
    return [program("python"), "-P", str(HERE / name), *arguments]
