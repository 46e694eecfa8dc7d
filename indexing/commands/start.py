"""The console script: sets the environment first, then loads the command."""

import sys

from indexing.errors import NotReady
from indexing.process_start import ANY_COMMAND, prepare, require_memory, uncollected


def main() -> None:
    """Run ``groundwork``."""
    try:
        require_memory(ANY_COMMAND, "groundwork")
    except NotReady as error:
        sys.exit(f"Error: {error}")
    with uncollected():
        prepare()
        from indexing.commands.root import main as command

    command()
