"""The rows of a home: every SQL statement stands in this folder."""

import importlib
import sys

if "pandas" not in sys.modules:
    # sqlite-utils loads pandas where it is installed, a third of a second of each start; nothing here uses it.
    sys.modules["pandas"] = None  # type: ignore[assignment] # to an import, this says that there is none
    try:
        importlib.import_module("sqlite_utils")
    finally:
        del sys.modules["pandas"]
