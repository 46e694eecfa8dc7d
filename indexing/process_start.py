"""What must happen in a process before any library is loaded."""

import importlib
import sys
from types import ModuleType

from indexing.settings import limit_native_threads


def prepare() -> None:
    """What must happen before anything else of Groundwork is imported.

    Native libraries read their thread counts when they are loaded. sqlite-utils loads pandas wherever it is installed,
    for a feature that is not used here: half of a command's start, and threads that a forked worker must not inherit.
    """
    limit_native_threads()
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment] # None makes an import fail
    if "pandas" not in modules:
        modules["pandas"] = None
        try:
            importlib.import_module("sqlite_utils")
        finally:
            del modules["pandas"]
